"""Images are asked for with what the assignment says of their registries."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.decide.effects import Pull
from agent.decide.node import Node
from agent.decide.pulls import pull
from protocol.container import Container
from protocol.desired import Assignment, Login, Mirror
from protocol.observed import OfferState, OfferStatus, TaskState
from sim.images import Behaviour
from tests.fakes.agent import Rig, offer, task

HUB = Login("index.docker.io", "ann", "secret")
OURS = Login("registry.local:5000", "bob", "secret")


@pytest.mark.parametrize(
    ("image", "login", "mirror"),
    [
        ("nginx:1", HUB, "pi-0:5000"),
        ("docker.io/library/nginx:1", HUB, "pi-0:5000"),
        ("registry.local:5000/web:1@sha256:abc", OURS, ""),
        ("elsewhere.org/web:1", None, ""),
    ],
)
def test_a_registry_is_told_who_asks(image: str, login: Login | None, mirror: str) -> None:
    """Login and mirror are those of the image's registry, whichever of its names it goes by, and of no other."""
    node = Node("pi-1", "home", "boot", "test", "stream")
    given = Assignment("pi-1", 1, 1, logins=(HUB, OURS), mirrors=(Mirror("docker.io", "pi-0:5000"),))
    node.assignments.put("", given)
    assert pull(node, "key", "porch", Container(image)) == Pull("key", image, login, mirror)


def test_a_login_of_no_registry_is_given_to_none() -> None:
    """A name that no reference can mean is not taken for Docker Hub."""
    node = Node("pi-1", "home", "boot", "test", "stream")
    node.assignments.put("", Assignment("pi-1", 1, 1, logins=(Login("registry", "eve", "secret"),)))
    assert pull(node, "key", "porch", Container("nginx:1")).login is None


@pytest.mark.parametrize(("stack", "user"), [("porch", "ann"), ("shed", "bob"), ("attic", "all")])
def test_a_stack_speaks_for_itself(stack: str, user: str) -> None:
    """Two stacks with a login each for one registry are let in as themselves, a third as the fleet."""
    logins = tuple(
        Login("registry.local", name, "secret", whose)
        for name, whose in (("ann", "porch"), ("bob", "shed"), ("all", ""))
    )
    node = Node("pi-1", "home", "boot", "test", "stream")
    node.assignments.put("", Assignment("pi-1", 1, 1, logins=logins))
    asked = pull(node, "key", stack, Container("registry.local/web:1")).login
    assert asked is not None
    assert asked.username == user


def test_another_stacks_login_is_nobody_elses() -> None:
    """A password of one stack does not bring another one's image."""
    node = Node("pi-1", "home", "boot", "test", "stream")
    node.assignments.put("", Assignment("pi-1", 1, 1, logins=(Login("registry.local", "bob", "secret", "shed"),)))
    assert pull(node, "key", "porch", Container("registry.local/web:1")).login is None


def test_a_platform_is_asked_for() -> None:
    """What a service says of its platform goes along with the pull."""
    node = Node("pi-1", "home", "boot", "test", "stream")
    assert pull(node, "key", "porch", Container("web:1", platform="linux/arm/v7")).platform == "linux/arm/v7"


@pytest.mark.parametrize(
    ("given", "runs"),
    [
        ({"logins": (Login("docker.io", "ann", "right"),)}, True),
        ({"mirrors": (Mirror("docker.io", "pi-0:5000"),)}, True),
        ({"logins": (Login("elsewhere.org", "ann", "right"),)}, False),
        ({}, False),
    ],
)
def test_a_corrected_login_waits_for_nothing(
    tmp_path: Path, given: dict[str, tuple[object, ...]], *, runs: bool
) -> None:
    """A task whose image was refused is tried at once when its registry is asked otherwise, and in its own time if not."""
    rig = Rig(tmp_path)
    rig.run(2)
    rig.assign(1, task("a"))
    rig.run(30)
    assert rig.status().tasks[0].state is TaskState.REJECTED
    rig.registry.push("web:a")
    rig.assign(2, task("a"), **given)
    rig.run(10)
    assert (rig.status().tasks[0].state is TaskState.RUNNING) is runs


def test_a_corrected_mirror_hurries_an_offer(tmp_path: Path) -> None:
    """What is being staged while its registry is away is asked for at once when there is another way to it."""
    rig = Rig(tmp_path)
    rig.registry.push("web:a")
    rig.run(2)
    rig.assign(1, task("a"))
    rig.run(5)
    rig.registry.up = False
    rig.offer(1, offer(task("b")))
    rig.run(200)
    rig.registry.push("web:b")
    rig.registry.up = True
    rig.assign(2, task("a"), mirrors=(Mirror("docker.io", "pi-0:5000"),))
    rig.run(5)
    (staged,) = rig.status().offers
    assert isinstance(staged, OfferStatus)
    assert staged.state is OfferState.STAGED


def refused_offer(rig: Rig) -> None:
    """A node that runs a, and was refused the image of b."""
    rig.registry.push("web:a")
    rig.run(2)
    rig.assign(1, task("a"))
    rig.run(5)
    rig.offer(1, offer(task("b")))
    rig.run(30)


def state_of_offer(rig: Rig) -> tuple[OfferState, bool]:
    """How the only offer stands, and whether its image could not be had."""
    (status,) = rig.status().offers
    assert isinstance(status, OfferStatus)
    return status.state, status.was_staging


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({"logins": (Login("docker.io", "ann", "right"),)}, OfferState.STAGED),
        ({"mirrors": (Mirror("docker.io", "pi-0:5000"),)}, OfferState.STAGED),
        ({"logins": (Login("elsewhere.org", "ann", "right"),)}, OfferState.FAILED),
        ({}, OfferState.FAILED),
    ],
)
def test_an_offer_whose_image_was_refused_is_staged_again_when_its_registry_is_asked_otherwise(
    tmp_path: Path, given: dict[str, tuple[object, ...]], state: OfferState
) -> None:
    """It failed before anything was disturbed, so a corrected login is all that it needs; nothing else revives it."""
    rig = Rig(tmp_path)
    refused_offer(rig)
    assert state_of_offer(rig) == (OfferState.FAILED, True)
    rig.registry.push("web:b")
    rig.assign(2, task("a"), **given)
    rig.run(30)
    assert state_of_offer(rig) == (state, state is OfferState.FAILED)


def test_a_login_that_is_wrong_again_is_one_more_try_and_no_more(tmp_path: Path) -> None:
    """Each correction is tried once, however long it goes on."""
    rig = Rig(tmp_path)
    refused_offer(rig)
    asked = rig.registry.pulls
    for number, password in enumerate(("wrong", "wrong too"), 2):
        rig.assign(number, task("a"), logins=(Login("docker.io", "ann", password),))
        rig.run(300)
    assert state_of_offer(rig) == (OfferState.FAILED, True)
    assert rig.registry.pulls == asked + 2


def test_what_failed_when_it_was_tried_is_revived_by_no_login(tmp_path: Path) -> None:
    """A bad revision stays one, whoever pulls it."""
    rig = Rig(tmp_path)
    rig.registry.push("web:b", Behaviour(exits_after_s=1.0, exit_code=3))
    refused_offer(rig)
    rig.grant()
    rig.run(30)
    assert state_of_offer(rig) == (OfferState.FAILED, False)
    rig.assign(2, task("a"), logins=(Login("docker.io", "ann", "right"),))
    rig.run(30)
    assert state_of_offer(rig) == (OfferState.FAILED, False)
