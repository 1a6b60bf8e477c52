"""What the engine in virtual time does beyond the contract: mishaps that nobody wants to stage on a real one, and determinism."""

from __future__ import annotations

from dataclasses import replace

from agent.decide.effects import Create, Pull, Run, Start
from agent.decide.inputs import Done, EngineSeen, GiveUp, Phase, Retry
from protocol.container import Container
from protocol.desired import TaskSpec
from protocol.function import FunctionSpec
from sim.images import CRASHING
from tests.fakes.engines import BEHAVIOURS, FakeWorld

IMAGE = "registry.local:5000/well:1"
TASK = TaskSpec("s.a.1", "s", "a", "r1", Container(IMAGE))


def look(world: FakeWorld) -> EngineSeen:
    seen = world.engine.look()
    assert isinstance(seen, EngineSeen)
    return seen


def started(world: FakeWorld, task: TaskSpec = TASK) -> str:
    assert world.engine.perform(Pull("k", task.container.image)) == Done()
    assert world.engine.perform(Create("k", task)) == Done(warning="")
    container = look(world).containers[-1].id
    assert world.engine.perform(Start("k", container)) == Done()
    return container


def test_a_power_cut_ends_everything_and_removes_nothing() -> None:
    """After a power cut containers are there, ended, and none has started again by itself."""
    world = FakeWorld()
    container = started(world)
    world.engine.power_cut()
    (seen,) = look(world).containers
    assert (seen.id, seen.phase, seen.exit_code) == (container, Phase.EXITED, 255)
    assert world.engine.running() == ()


def test_a_full_disk_takes_no_image() -> None:
    """A pull that finds no room is tried again."""
    world = FakeWorld()
    world.engine.disk_full = True
    assert world.engine.perform(Pull("k", IMAGE)) == Retry("no space left on the node's disk", 60.0)
    assert look(world).images == frozenset()


def test_an_image_for_another_processor_is_given_up() -> None:
    """What this node cannot run is told before anything is stopped for it."""
    world = FakeWorld()
    world.registry.push(IMAGE, replace(BEHAVIOURS["well"], architecture="amd64"))
    assert world.engine.perform(Pull("k", IMAGE)) == GiveUp(f"image {IMAGE} is made for amd64, this node is arm64")


def test_the_next_change_is_known_beforehand() -> None:
    """A simulator can go straight to the moment when something happens."""
    world = FakeWorld()
    world.registry.push(IMAGE, CRASHING)
    started(world)
    due_s = world.engine.next_change_s()
    assert due_s == world.now_s + 1.0
    world.now_s = due_s
    assert look(world).containers[0].phase is Phase.EXITED
    assert world.engine.next_change_s() is None


def test_the_ledger_counts_each_real_start_of_a_function() -> None:
    """However often a run is begun, it has run once."""
    world = FakeWorld()
    step = Run("i1", "i1", 1, FunctionSpec("fn", "s", "r", Container(world.image("echo"))), (), "x")
    for _ in range(3):
        world.engine.begin(step)
    assert world.engine.run(step).output == "x"
    assert world.engine.ran == [("i1", 1)]


def test_the_same_story_gives_the_same_ids() -> None:
    """Two engines that live through the same are the same."""
    seen = []
    for _ in range(2):
        world = FakeWorld()
        started(world)
        seen.append(look(world))
    assert seen[0] == seen[1]
