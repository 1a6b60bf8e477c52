"""What an engine promises of networks, held against the fake and against a real Docker Engine: names, making, cleaning."""

from __future__ import annotations

from dataclasses import replace

from agent.decide.effects import Clean, Create, Pull, Remove, Start, Stop
from agent.decide.inputs import Done, EngineSeen, GiveUp, Outcome, Retry
from protocol.container import Attachment, Container, File, Network
from protocol.desired import TaskSpec
from tests.fakes.engines import World

ACROSS = Network("bramble")


def task(world: World, stack: str, service: str, default: Network | None = None) -> TaskSpec:
    """A service as a manifest's translation places it: on its stack's network, and on the node's by its long name."""
    own = default or Network(f"{stack}_default", labels={"io.bramble.stack": stack})
    long = f"{service}.{stack}"
    networks = (Attachment(own, (service, long)), Attachment(ACROSS, (long,)))
    container = Container(world.image("well"), networks=networks, stop_grace_s=1)
    return TaskSpec(f"{stack}.{service}.1", stack, service, "r1", container)


def made(world: World, wanted: TaskSpec) -> Outcome:
    assert world.engine.perform(Pull("k", wanted.container.image)) == Done()
    return world.engine.perform(Create("k", wanted))


def name(wanted: TaskSpec) -> str:
    return f"bramble-f-{wanted.task}-r1"


def run(world: World, wanted: TaskSpec) -> str:
    assert isinstance(made(world, wanted), Done)
    assert world.engine.perform(Start("k", name(wanted), wanted)) == Done()
    return name(wanted)


def end(world: World, container: str) -> None:
    assert isinstance(world.engine.perform(Stop("k", container, 1)), Done)
    assert isinstance(world.engine.perform(Remove("k", container)), Done)


def unused(world: World) -> tuple[str, ...]:
    found = world.engine.look()
    assert isinstance(found, EngineSeen)
    return found.networks


def test_services_reach_each_other_by_name(world: World) -> None:
    """Within a stack by the service's name, across stacks by service and stack, and across stacks by no short name."""
    web, store = run(world, task(world, "porch", "web")), run(world, task(world, "porch", "store"))
    lamp = run(world, task(world, "attic", "lamp"))
    assert world.reaches(web, "store")
    assert world.reaches(store, "web.porch")
    assert world.reaches(web, "lamp.attic")
    assert world.reaches(lamp, "web.porch")
    assert not world.reaches(lamp, "web")
    assert world.networks() == {"porch_default", "attic_default", "bramble"}


def test_a_network_of_ours_that_nobody_is_on_is_shown_and_cleaned(world: World) -> None:
    """It stays while a container is on it, running or not, and goes when it is cleaned after that."""
    container = run(world, task(world, "porch", "web"))
    assert unused(world) == ()
    assert isinstance(world.engine.perform(Stop("k", container, 1)), Done)
    assert unused(world) == ()
    assert world.engine.perform(Clean("k", networks=("bramble", "porch_default"))) == Done("removed 0 of 2")
    assert isinstance(world.engine.perform(Remove("k", container)), Done)
    assert unused(world) == ("bramble", "porch_default")
    assert world.engine.perform(Clean("k", networks=unused(world))) == Done("removed 2 of 2")
    assert world.networks() == frozenset()
    assert unused(world) == ()


def test_a_network_that_went_is_made_again(world: World) -> None:
    """A create after a clean makes it anew, though it was met before."""
    end(world, run(world, task(world, "porch", "web")))
    world.engine.perform(Clean("k", networks=("bramble", "porch_default")))
    run(world, task(world, "porch", "web"))
    assert world.networks() == {"porch_default", "bramble"}


def test_an_external_network_must_be_there(world: World) -> None:
    """Its absence is told with the remedy; when it is there it is used, and never shown or removed as ours."""
    wanted = task(world, "porch", "web", Network("lan", external=True))
    outcome = made(world, wanted)
    assert isinstance(outcome, Retry)
    assert outcome.reason == (
        "the external network lan does not exist on the node; make it with `docker network create lan`, or do not call it external"
    )
    world.put_network("lan")
    end(world, run(world, wanted))
    assert unused(world) == ("bramble",)
    assert world.engine.perform(Clean("k", networks=("lan",))) == Done("removed 0 of 1")
    assert "lan" in world.networks()


def test_a_network_that_is_otherwise_is_told_while_somebody_is_on_it(world: World) -> None:
    """A changed network is not silently used; once nobody is on it, it is made anew."""
    container = run(world, task(world, "porch", "web"))
    changed = task(world, "porch", "store", Network("porch_default", internal=True))
    outcome = made(world, changed)
    assert isinstance(outcome, Retry)
    assert outcome.reason == (
        f"the network porch_default is otherwise (internal: False → True) and {container} is on it: "
        "remove the stack first, or rename it"
    )
    end(world, container)
    run(world, changed)


def test_somebody_elses_network_of_our_name_is_used_as_it_is_or_not_at_all(world: World) -> None:
    """What is not ours is neither changed nor removed."""
    world.put_network("porch_default")
    end(world, run(world, task(world, "porch", "web")))
    assert unused(world) == ("bramble",)
    outcome = made(world, task(world, "porch", "web", Network("porch_default", internal=True)))
    assert outcome == GiveUp(
        "the network porch_default is not ours and is otherwise (internal: False → True): declare it external"
    )


def test_what_a_crash_left_undone_is_done_by_the_start(world: World) -> None:
    """An agent that died between create and start leaves a container without files and networks; the next one completes it."""
    wanted = task(world, "porch", "web")
    wanted = replace(wanted, container=replace(wanted.container, files=(File("/etc/greeting", "hello\n"),)))
    assert isinstance(made(world, wanted), Done)
    other = world.again()
    assert other.perform(Start("k", name(wanted), wanted)) == Done()
    lamp = run(world, task(world, "attic", "lamp"))
    assert world.reaches(lamp, "web.porch")
    assert world.reads(name(wanted), "/etc/greeting") == "hello\n"


def test_a_container_whose_network_was_removed_starts_again(world: World) -> None:
    """Docker remembers the network that is gone; the start brings the container onto the new one."""
    wanted, other = task(world, "porch", "web"), task(world, "porch", "store")
    container = run(world, wanted)
    assert isinstance(world.engine.perform(Stop("k", container, 1)), Done)
    world.lose_network("porch_default")
    world.lose_network("bramble")
    assert world.engine.perform(Start("k", container, wanted)) == Done()
    assert world.reaches(run(world, other), "web")
    assert world.reaches(name(other), "web.porch")
