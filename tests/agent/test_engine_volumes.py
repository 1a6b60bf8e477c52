"""What an engine promises of volumes and files, held against the fake and against a real Docker Engine."""

from __future__ import annotations

import pytest

from agent.decide.effects import Create, Pull, Start, Stop
from agent.decide.inputs import Done, GiveUp, Outcome, Retry
from protocol.container import Container, File, Mount, Volume
from protocol.desired import TaskSpec
from tests.fakes.engines import World

NAME = "bramble-f-s.a.1-r1"
FILES = (File("/etc/app/settings", "colour = red\n"), File("/run/secrets/key", "Grüße\n", 0o400, 7, 8, secret=True))


def spec(
    world: World, files: tuple[File, ...] = (), mounts: tuple[Mount, ...] = (), *, read_only: bool = False
) -> TaskSpec:
    image = world.image("well")
    container = Container(image, network_mode="none", files=files, mounts=mounts, read_only=read_only, stop_grace_s=1)
    return TaskSpec("s.a.1", "s", "a", "r1", container)


def made(world: World, task: TaskSpec) -> Outcome:
    assert world.engine.perform(Pull("k", task.container.image)) == Done()
    return world.engine.perform(Create("k", task))


def run(world: World, task: TaskSpec) -> None:
    assert isinstance(made(world, task), Done)
    assert world.engine.perform(Start("k", NAME, task)) == Done()


@pytest.mark.parametrize("read_only", [False, True], ids=["writable", "read-only"])
@pytest.mark.parametrize("mounts", [(), (Mount("tmpfs", "/run"),)], ids=["", "under a tmpfs"])
def test_files_are_there_from_the_first_start_on(world: World, mounts: tuple[Mount, ...], read_only: bool) -> None:
    """A config and a secret are read by the container, also after it was stopped and started again."""
    task = spec(world, FILES, mounts, read_only=read_only)
    run(world, task)
    for _ in range(2):
        assert [world.reads(NAME, file.target) for file in FILES] == ["colour = red\n", "Grüße\n"]
        assert isinstance(world.engine.perform(Stop("k", NAME, 1)), Done)
        assert world.engine.perform(Start("k", NAME, task)) == Done()


def test_a_file_that_cannot_be_put_is_given_up_before_anything_is_made(world: World) -> None:
    """A read-only container has no place in its root directory."""
    outcome = made(world, spec(world, (File("/key", "x"),), read_only=True))
    reason = "a file cannot be put at /key of a read-only container; put it into a directory"
    assert outcome == GiveUp(reason)


def test_an_external_volume_must_be_there(world: World) -> None:
    """Its absence is told with the remedy; when somebody made it, it is used."""
    task = spec(world, mounts=(Mount("volume", "/data", "photos", volume=Volume(external=True)),))
    outcome = made(world, task)
    assert isinstance(outcome, Retry)
    assert outcome.reason == (
        "the external volume photos does not exist on the node; make it with `docker volume create photos`, or do not "
        "call it external"
    )
    world.put_volume("photos")
    run(world, task)


def test_a_volume_that_is_otherwise_is_told(world: World) -> None:
    """A volume keeps the options that it was made with, so others are refused; their values, which may be secret, are not told."""
    world.put_volume("s_data")
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
    task = spec(world, mounts=(Mount("volume", "/data", "s_data", volume=Volume("local", options)),))
    assert made(world, task) == GiveUp(
        "the volume s_data is otherwise (options: none → device, o, type): remove it, its data too, "
        "or give the new one another name"
    )


def test_a_volume_is_made_once(world: World) -> None:
    """Declared and missing it is made, and a second create meets it."""
    task = spec(world, mounts=(Mount("volume", "/data", "s_data", volume=Volume(labels={"mine": "1"})),))
    run(world, task)
    assert isinstance(made(world, task), Done)
