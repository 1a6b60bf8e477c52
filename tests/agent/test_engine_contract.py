"""What an engine promises to the agent, held against the fake and against a real Docker Engine: looks and steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.decide.effects import Create, Probe, Pull, Remove, Start, Stop
from agent.decide.inputs import ContainerSeen, Done, EngineLost, EngineSeen, GiveUp, Phase, Retry
from protocol.container import Container, Port
from protocol.desired import TaskSpec
from tests.fakes.engines import OTHER_NODE, World


def spec(world: World, image: str = "well", task: str = "s.a.1", port: int = 0) -> TaskSpec:
    ports = (Port(80, port),) if port else ()
    container = Container(world.image(image), ports=ports, network_mode="" if port else "none", stop_grace_s=1)
    return TaskSpec(task, "s", "a", "r1", container)


def seen(world: World) -> EngineSeen:
    found = world.engine.look()
    assert isinstance(found, EngineSeen)
    return found


def only(world: World) -> ContainerSeen:
    (container,) = seen(world).containers
    return container


def created(world: World, task: TaskSpec) -> ContainerSeen:
    assert world.engine.perform(Pull(task.task, task.container.image)) == Done()
    assert isinstance(world.engine.perform(Create(task.task, task)), Done)
    return next(container for container in seen(world).containers if container.task == task.task)


def started(world: World, task: TaskSpec) -> ContainerSeen:
    container = created(world, task)
    assert world.engine.perform(Start(task.task, container.id)) == Done()
    return next(found for found in seen(world).containers if found.id == container.id)


def test_an_engine_that_runs_nothing_shows_nothing(world: World) -> None:
    """A look at an empty engine tells its version and nothing else."""
    found = seen(world)
    assert found.version
    assert (found.containers, found.runs, found.images) == ((), (), frozenset())


def test_a_pull_brings_an_image(world: World) -> None:
    """After a pull the image is here, and a second pull changes nothing."""
    image = world.image("well")
    assert not seen(world).has(image)
    assert world.engine.perform(Pull("k", image)) == Done()
    assert world.engine.perform(Pull("k", image)) == Done()
    assert seen(world).has(image)


def test_an_image_that_does_not_exist_is_given_up(world: World) -> None:
    """Nobody waits for an image that the registry does not know."""
    image = world.image("nonsense")
    registry = image.partition("/")[0]
    outcome = world.engine.perform(Pull("k", image))
    assert outcome == GiveUp(f"image {image} does not exist in registry {registry}")


def test_a_registry_that_is_down_is_tried_again(world: World) -> None:
    """A pull fails for now while the registry is away, and works when it is back."""
    image = world.image("well")
    world.set_registry(up=False)
    outcome = world.engine.perform(Pull("k", image))
    assert isinstance(outcome, Retry)
    assert outcome.reason == f"registry {image.partition('/')[0]} cannot be reached"
    world.set_registry(up=True)
    assert world.engine.perform(Pull("k", image)) == Done()


def test_a_glance_shows_of_a_container_what_a_look_shows(world: World) -> None:
    """After it was made, after its start and after its stop; nothing of a removed one, nor of one that is not ours."""
    task = spec(world)
    container = created(world, task)
    assert world.engine.glance(Create(task.task, task)) == only(world) == container
    for step in (Start(task.task, container.id), Stop(task.task, container.id, 1.0)):
        assert world.engine.perform(step) == Done()
        assert world.engine.glance(step) == only(world)
    assert only(world).phase is Phase.EXITED
    assert world.engine.perform(Remove(task.task, container.id)) == Done()
    assert world.engine.glance(Start(task.task, container.id)) is None
    world.put_foreign("stranger", {"io.bramble.task": "s.a.1"})
    assert world.engine.glance(Start(task.task, "stranger")) is None


def test_a_create_is_idempotent(world: World) -> None:
    """Creating twice makes one container, which carries what it is by."""
    task = spec(world)
    container = created(world, task)
    assert isinstance(world.engine.perform(Create("k", task)), Done)
    assert only(world) == container
    assert (container.task, container.revision, container.spec_hash) == ("s.a.1", "r1", task.container.spec_hash)
    assert (container.phase, container.started, container.exit_code) == (Phase.CREATED, "", None)
    assert container.image.startswith("sha256:")


def test_a_create_without_its_image_is_tried_again(world: World) -> None:
    """The image may be on its way."""
    outcome = world.engine.perform(Create("k", spec(world)))
    assert outcome == Retry(f"image {world.image('well')} is not on the node yet", 1.0)


def test_a_create_does_not_take_over_other_content(world: World) -> None:
    """A container of the same name and other content is no result of this create."""
    task = spec(world)
    container = created(world, task)
    other = replace(task, container=replace(task.container, environment={"A": "b"}))
    assert isinstance(world.engine.perform(Create("k", other)), Retry)
    assert only(world) == container


def test_a_start_is_idempotent(world: World) -> None:
    """Starting what runs does not restart it."""
    container = started(world, spec(world))
    assert container.phase is Phase.RUNNING
    assert container.started
    assert isinstance(world.engine.perform(Start("k", container.id)), Done)
    assert only(world) == container


def test_an_exit_tells_its_code(world: World) -> None:
    """A container that ended by itself stays ended, with its exit code; nobody but the agent restarts it."""
    container = started(world, spec(world, "brief"))
    world.until(lambda: only(world).phase is Phase.EXITED)
    assert only(world) == replace(container, phase=Phase.EXITED, exit_code=3)


def test_another_start_is_told_from_the_first(world: World) -> None:
    """A container that was started again shows another start, even if it looks the same otherwise."""
    container = started(world, spec(world, "brief"))
    world.until(lambda: only(world).phase is Phase.EXITED)
    first = only(world)
    assert world.engine.perform(Start("k", container.id)) == Done()
    world.until(lambda: only(world).phase is Phase.EXITED)
    assert only(world) == replace(first, started=only(world).started)
    assert only(world).started != first.started


def test_a_stop_is_idempotent(world: World) -> None:
    """A container that heeds its signal ends with its own exit code; a second stop changes nothing."""
    container = started(world, spec(world))
    assert isinstance(world.engine.perform(Stop("k", container.id, 10)), Done)
    assert (only(world).phase, only(world).exit_code) == (Phase.EXITED, 0)
    assert isinstance(world.engine.perform(Stop("k", container.id, 10)), Done)


def test_a_stop_kills_after_its_grace(world: World) -> None:
    """A container that ignores its signal is killed."""
    container = started(world, spec(world, "stubborn"))
    assert isinstance(world.engine.perform(Stop("k", container.id, 1)), Done)
    assert (only(world).phase, only(world).exit_code) == (Phase.EXITED, 137)


def test_a_remove_is_idempotent_and_spares_what_runs(world: World) -> None:
    """Only a stopped container is removed; removing it twice is removing it once."""
    container = started(world, spec(world))
    assert isinstance(world.engine.perform(Remove("k", container.id)), Retry)
    world.engine.perform(Stop("k", container.id, 1))
    assert isinstance(world.engine.perform(Remove("k", container.id)), Done)
    assert seen(world).containers == ()
    assert isinstance(world.engine.perform(Remove("k", container.id)), Done)


def test_steps_for_a_container_that_vanished(world: World) -> None:
    """Stopping what is gone is done; starting it needs another look."""
    assert isinstance(world.engine.perform(Stop("k", "f" * 64, 1)), Done)
    assert isinstance(world.engine.perform(Start("k", "f" * 64)), Retry)


@pytest.mark.parametrize(("image", "verdict"), [("fit", "healthy"), ("sick", "unhealthy")])
def test_health_is_shown_as_it_changes(world: World, image: str, verdict: str) -> None:
    """A container with a health check is starting first, and then what its check says."""
    container = started(world, spec(world, image))
    assert container.health == "starting"
    world.until(lambda: only(world).health != "starting")
    assert only(world) == replace(container, health=verdict, has_been_ill=verdict == "unhealthy")


def test_a_container_that_holds_its_lock_is_not_stopped(world: World) -> None:
    """The lock is a file at a path inside; without it, and without a lock, the stop works. One that does not run holds nothing."""
    container = started(world, spec(world))
    held = Retry("holds /run/busy", 5.0, locked=True)
    assert isinstance(world.engine.perform(Probe("k", container.id, "/run/busy")), Done)
    world.hold(container.id, "/run/busy")
    assert world.engine.perform(Probe("k", container.id, "/run/busy")) == held
    assert world.engine.perform(Stop("k", container.id, 10, "/run/busy")) == held
    assert only(world) == container
    assert isinstance(world.engine.perform(Probe("k", container.id, "/run/other")), Done)
    world.hold(container.id, "/run/busy", held=False)
    assert isinstance(world.engine.perform(Stop("k", container.id, 10, "/run/busy")), Done)
    assert only(world).phase is Phase.EXITED
    assert isinstance(world.engine.perform(Probe("k", container.id, "/run/busy")), Done)
    assert isinstance(world.engine.perform(Probe("k", "f" * 64, "/run/busy")), Done)


@pytest.mark.parametrize("labels", [{}, OTHER_NODE], ids=["nobody's", "another node's"])
def test_a_foreign_container_is_neither_shown_nor_touched(world: World, labels: dict[str, str]) -> None:
    """Nothing reaches a container that does not carry our fleet and node (S8)."""
    world.put_foreign("theirs", labels)
    assert seen(world).containers == ()
    for step in (Stop("k", "theirs", 0), Remove("k", "theirs"), Start("k", "theirs")):
        assert world.engine.perform(step) == GiveUp("the container theirs is not ours")
    assert world.runs_foreign("theirs")


def test_a_name_that_somebody_else_took_is_given_up(world: World) -> None:
    """A foreign container under our name is left alone, and the create says so."""
    world.put_foreign("bramble-f-s.a.1-r1", {})
    world.engine.perform(Pull("k", world.image("well")))
    outcome = world.engine.perform(Create("k", spec(world)))
    assert outcome == GiveUp("the container bramble-f-s.a.1-r1 is not ours")
    assert world.runs_foreign("bramble-f-s.a.1-r1")


def test_a_port_in_use_is_named_and_tried_again(world: World) -> None:
    """The second of two containers on one port starts once the first has let it go."""
    first = started(world, spec(world, port=8099))
    second = created(world, spec(world, task="s.b.1", port=8099))
    outcome = world.engine.perform(Start("k", second.id))
    assert isinstance(outcome, Retry)
    assert outcome.reason == "port 8099 of the node is in use"
    world.engine.perform(Stop("k", first.id, 1))
    assert world.engine.perform(Start("k", second.id)) == Done()


def test_an_engine_that_is_away_is_lost_and_found(world: World) -> None:
    """Without its engine a node says so; its containers go on and are the same when the engine is back."""
    container = started(world, spec(world))
    world.set_daemon(up=False)
    lost = world.engine.look()
    assert isinstance(lost, EngineLost)
    assert "does not run" in lost.reason
    assert isinstance(world.engine.perform(Stop("k", container.id, 1)), Retry)
    world.set_daemon(up=True)
    assert only(world) == container


def test_a_new_agent_adopts_what_runs(world: World) -> None:
    """Another process sees the same containers, down to the id, and goes on with them."""
    task = spec(world)
    container = started(world, task)
    other = world.again()
    found = other.look()
    assert isinstance(found, EngineSeen)
    assert found.containers == (container,)
    assert isinstance(other.perform(Create("k", task)), Done)
    assert only(world) == container
