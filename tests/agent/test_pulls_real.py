"""Pulls of a real Docker Engine: by digest, with a login, through a mirror, and what is said when they cannot work."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.adapters.docker_api import DockerApi
from agent.adapters.progress import TELL_EVERY_S, Progress
from agent.adapters.pulls import Terms, pull
from agent.decide.effects import Clean, Create, Pull, Run, Start
from agent.decide.inputs import Done, EngineSeen, GiveUp, Phase, Pulling, Retry
from agent.decide.leftovers import DOOR
from lab.images import Image, archive
from lab.registry import Registry
from protocol.container import Container
from protocol.desired import Login, TaskSpec
from protocol.function import FunctionSpec
from tests.fakes.engines import RealWorld

pytestmark = pytest.mark.lab

RATE_BPS = 1_000_000


def look(world: RealWorld) -> EngineSeen:
    seen = world.engine.look()
    assert isinstance(seen, EngineSeen)
    return seen


def pinned(world: RealWorld, name: str, registry: Registry | None = None) -> str:
    """An image's reference as the controller resolves it: with its tag, and its digest."""
    registry = registry or world.registry
    return f"{registry.name}/{name}:1@{registry.digest(name, '1')}"


@pytest.fixture
def private(real: RealWorld, tmp_path: Path) -> Iterator[Registry]:
    """A registry that asks who is there, and has the image `well`."""
    registry = Registry(tmp_path / "private", real.registry.address, private=True)
    registry.start()
    try:
        ours, theirs = real.image("well"), f"{registry.name}/well:1"
        login = registry.login
        real.host.docker("pull", "--quiet", ours)
        real.host.docker("tag", ours, theirs)
        real.host.docker("login", f"--username={login.username}", f"--password={login.password}", login.registry)
        real.host.docker("push", "--quiet", theirs)
        real.host.docker("logout", login.registry)
        real.clear()
        yield registry
    finally:
        registry.stop()


def test_an_image_is_pulled_and_run_by_its_digest(real: RealWorld) -> None:
    """A reference with tag and digest brings exactly that content, is found here by it, and makes a container."""
    image = pinned(real, "well")
    assert not look(real).has(image)
    assert real.engine.perform(Pull("k", image)) == Done()
    assert look(real).has(image)
    assert not look(real).has(pinned(real, "brief"))
    task = TaskSpec("s.a.1", "s", "a", "r1", Container(image, network_mode="none"))
    assert isinstance(real.engine.perform(Create("k", task)), Done)
    (made,) = look(real).containers
    assert real.engine.perform(Start("k", made.id, task)) == Done()
    assert look(real).containers[0].phase is Phase.RUNNING


def test_a_digest_that_nobody_has_is_given_up(real: RealWorld) -> None:
    """Other content under the same tag is not taken instead."""
    image = f"{real.image('well')}@sha256:{'0' * 64}"
    outcome = real.engine.perform(Pull("k", image))
    assert isinstance(outcome, GiveUp)
    assert "does not exist" in outcome.reason
    assert look(real).images == frozenset()


def test_a_login_opens_a_private_registry(real: RealWorld, private: Registry) -> None:
    """The right login brings the image; the engine keeps no login of it."""
    image = f"{private.name}/well:1"
    assert real.engine.perform(Pull("k", image, private.login)) == Done()
    assert look(real).has(image)
    real.clear()
    assert isinstance(real.engine.perform(Pull("k", image)), GiveUp)


def test_a_wrong_login_is_told_with_its_user(real: RealWorld, private: Registry) -> None:
    """Whom the registry refuses, and that it asks at all, is said in one sentence."""
    image = f"{private.name}/well:1"
    wrong = Login(private.name, "porch", "who-is-there")
    assert real.engine.perform(Pull("k", image, wrong)) == GiveUp(f"registry {private.name} refuses user porch")
    nobody = f"registry {private.name} lets nobody in without a login, and none is given for it"
    assert real.engine.perform(Pull("k", image)) == GiveUp(nobody)
    missing = real.engine.perform(Pull("k", f"{private.name}/nonsense:1", private.login))
    assert missing == GiveUp(f"image {private.name}/nonsense:1 does not exist in registry {private.name}")


def test_a_function_whose_image_vanished_is_pulled_with_its_login(real: RealWorld, private: Registry) -> None:
    """A run brings its image itself, as whoever fetched it before; without a login it is let in nowhere."""
    image = f"{private.name}/well:1"
    function = FunctionSpec("fn", "s", "r1", Container(image, ("true",), network_mode="none"))
    nobody = real.engine.run(Run("i1", "i1", 1, function, (), ""))
    assert "without a login" in nobody.reason
    known = real.engine.run(Run("i2", "i2", 1, function, (), "", Pull("i2", image, private.login)))
    assert (known.exit_code, known.reason) == (0, "")


def test_a_platform_is_pulled_as_it_is_asked_for(real: RealWorld) -> None:
    """The engine is told the platform; an image without it is not brought, and the sentence says what it is made for."""
    ours, image = real.host.docker("version", "--format", "{{.Server.Arch}}").strip(), real.image("well")
    assert real.engine.perform(Pull("k", image, platform=f"linux/{ours}")) == Done()
    outcome = real.engine.perform(Pull("k", image, platform="linux/s390x"))
    assert outcome == GiveUp(f"image {image} is made for {ours}, linux/s390x was asked for")


def test_a_mirror_is_asked_first(real: RealWorld) -> None:
    """With its own registry away an image comes from the mirror, and has its own name: a container is made of it."""
    mirror = real.registry
    digest = mirror.digest("well", "1")
    image = f"10.255.255.1:5000/well:1@{digest}"
    assert real.engine.perform(Pull("k", image, mirror=mirror.name)) == Done()
    seen = look(real)
    assert seen.has(image)
    assert seen.has("10.255.255.1:5000/well:1")
    task = TaskSpec("s.a.1", "s", "a", "r1", Container(image, network_mode="none"))
    assert isinstance(real.engine.perform(Create("k", task)), Done)


def test_without_its_mirror_an_image_comes_from_its_registry(real: RealWorld) -> None:
    """A mirror that is away, or that has not got the image, only costs time; both are told if both fail."""
    with socket.create_server((real.registry.address, 0)) as closed:
        away = f"{real.registry.address}:{closed.getsockname()[1]}"
    assert real.engine.perform(Pull("k", pinned(real, "well"), mirror=away)) == Done()
    image = real.image("nonsense")
    outcome = real.engine.perform(Pull("k", image, mirror=away))
    here = real.registry.name
    assert outcome == GiveUp(f"image {image} does not exist in registry {here}; registry {away} cannot be reached")


def test_a_registry_that_goes_silent_is_left(real: RealWorld) -> None:
    """A pull without progress ends by itself, and may be tried again."""
    with (
        socket.create_server((real.registry.address, 0)) as mute,
        contextlib.closing(DockerApi(real.host.engine.url)) as api,
    ):
        name = f"{real.registry.address}:{mute.getsockname()[1]}"
        outcome = pull(api, Pull("k", f"{name}/well:1"), Terms(stall_s=1.0))
    assert outcome == Retry(f"registry {name} does not go on sending image {name}/well:1", 15.0)


def test_an_image_is_removed_with_all_its_names_and_layers(real: RealWorld) -> None:
    """Nothing is left of an image that nothing needs, however many names it has; that of any container stays whole."""
    own, mirrored = pinned(real, "well"), f"10.255.255.1:5000/brief:1@{real.registry.digest('brief', '1')}"
    assert real.engine.perform(Pull("k", own)) == Done()
    assert real.engine.perform(Pull("k", mirrored, mirror=real.registry.name)) == Done()
    assert real.engine.perform(Pull("k", real.image("fit"))) == Done()
    real.host.docker("create", "--name=foreign", real.image("fit"))
    before = look(real).stored
    assert len(before) == 3
    outcome = real.engine.perform(Clean("storage", tuple(image.id for image in before)))
    assert outcome == Done("removed 2 of 3")
    (left,) = look(real).stored
    assert set(left.references) == {real.image("fit"), f"{real.registry.name}/fit@{real.registry.digest('fit', '1')}"}


def test_a_name_that_was_left_behind_is_removed_alone(real: RealWorld) -> None:
    """The engine keeps the image under its own name, of which a container may have been made."""
    image, left = real.image("well"), f"{DOOR}:40123/well:1"
    assert real.engine.perform(Pull("k", image)) == Done()
    real.host.docker("tag", image, left)
    assert left in look(real).images
    assert real.engine.perform(Clean("storage", names=(left, f"{DOOR}:1/gone:1"))) == Done("removed 1 of 2")
    assert look(real).has(image)
    assert left not in look(real).images


def test_how_far_a_pull_is_comes_from_what_docker_says(real: RealWorld) -> None:
    """A real engine's lines, each taken as if ten seconds had passed: at the end all of the layers have come."""
    told: list[Pulling] = []
    api = DockerApi(real.host.engine.url)
    progress = Progress("k", told.append, itertools.count(step=TELL_EVERY_S).__next__)
    assert pull(api, Pull("k", real.image("well")), Terms(take=progress.take)) == Done()
    api.close()
    assert told[-1].total_bytes is not None
    assert 0 < told[-1].done_bytes == told[-1].total_bytes <= real.registry.layer_bytes("well", "1")


def test_a_cap_is_held(real: RealWorld) -> None:
    """A pull with a cap takes at least as long as its bytes do, and leaves only the image's own names."""
    big = f"{real.registry.name}/big:1"
    noise = random.Random(3).randbytes(RATE_BPS * 2)
    real.host.docker("load", "--quiet", given=archive(Image("big", "1", files={"noise": noise}), big))
    real.host.docker("push", "--quiet", big)
    real.clear()
    image = pinned(real, "big")
    layers = real.registry.layer_bytes("big", "1")
    api = DockerApi(real.host.engine.url)
    began_s = time.monotonic()
    outcome = pull(api, Pull("k", image, rate_bps=RATE_BPS), Terms(door=real.registry.address))
    took_s = time.monotonic() - began_s
    api.close()
    assert outcome == Done()
    assert took_s > 0.9 * layers / RATE_BPS
    (stored,) = look(real).stored
    assert stored.references == (image.replace(":1@", "@"),)
