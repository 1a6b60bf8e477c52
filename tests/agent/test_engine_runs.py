"""What an engine promises of functions, held against the fake and against a real Docker Engine: runs, timeouts, takeovers."""

from __future__ import annotations

import pytest

from agent.decide.effects import Remove, Run
from agent.decide.inputs import Done, EngineSeen, Phase, RunEnded, RunSeen
from protocol.container import Container
from protocol.function import FunctionSpec
from tests.fakes.engines import LOUD_BYTES, World

ATTRIBUTES = (("id", "e-1"), ("type", "pressed"))


def call(world: World, image: str, body: str = "", timeout_s: float = 10.0) -> Run:
    container = Container(world.image(image), environment={"COLOUR": "red"}, network_mode="none")
    return Run("i1", "i1", 1, FunctionSpec("fn", "s", "r1", container, timeout_s=timeout_s), ATTRIBUTES, body)


def runs(world: World) -> tuple[RunSeen, ...]:
    found = world.engine.look()
    assert isinstance(found, EngineSeen)
    assert found.containers == ()
    return found.runs


def test_the_body_goes_in_and_the_output_comes_out(world: World) -> None:
    """A function reads the event and its answer is its result, letters of all scripts included."""
    ended = world.engine.run(call(world, "echo", "Grüße, 世界\n"))
    assert (ended.exit_code, ended.output, ended.error, ended.reason) == (0, "Grüße, 世界\n", "", "")
    assert (ended.invocation, ended.attempt, ended.timed_out) == ("i1", 1, False)
    assert ended.duration_s > 0


def test_a_body_larger_than_any_buffer_passes(world: World) -> None:
    """A function that answers while it still reads blocks neither itself nor us."""
    body = "0123456789abcdef" * 16_000
    assert world.engine.run(call(world, "echo", body)).output == body


def test_the_attributes_of_the_event_are_in_the_environment(world: World) -> None:
    """A function sees what caused it, and its own settings."""
    assert world.engine.run(call(world, "event")).output == "e-1 pressed red\n"


def test_a_function_that_fails_tells_its_code_and_errors(world: World) -> None:
    """Exit code and standard error come back."""
    ended = world.engine.run(call(world, "failing"))
    assert (ended.exit_code, ended.output, ended.error) == (3, "", "no luck\n")


def test_a_function_that_does_not_end_is_killed(world: World) -> None:
    """The timeout is the end of it, and is told as such, also when asked again."""
    step = call(world, "endless", timeout_s=0.5)
    ended = world.engine.run(step)
    assert (ended.exit_code, ended.timed_out, ended.reason) == (None, True, "killed after its timeout of 0.5 s")
    assert runs(world)[0].phase is Phase.EXITED
    again = world.again().run(step)
    assert (again.exit_code, again.timed_out, again.reason) == (None, True, "killed after its timeout of 0.5 s")


def test_output_without_end_is_cut(world: World) -> None:
    """A result is bounded, and says that it was cut."""
    ended = world.engine.run(call(world, "loud"))
    assert ended.output == "x" * 262_144
    assert ended.exit_code == 0
    assert ended.reason == f"the output was cut after 262144 of {LOUD_BYTES} bytes"


def test_an_image_that_does_not_exist_is_the_reason(world: World) -> None:
    """Without its image a function does not run, and says why."""
    image = world.image("nonsense")
    reason = f"image {image} does not exist in registry {image.partition('/')[0]}"
    ended = world.engine.run(call(world, "nonsense"))
    assert (*_outcome(ended), ended.is_unbegun) == (None, reason, False)


def test_an_engine_that_is_away_is_the_reason(world: World) -> None:
    """What never began fails at once, and says that it used up nothing."""
    world.set_daemon(up=False)
    ended = world.engine.run(call(world, "echo"))
    assert (ended.exit_code, ended.is_unbegun) == (None, True)
    assert "does not run" in ended.reason


def test_a_run_stays_until_it_is_removed(world: World) -> None:
    """A result can be read again, from the same container, until somebody says that it is safe."""
    step = call(world, "slow")
    first = world.engine.run(step)
    (kept,) = runs(world)
    assert (kept.invocation, kept.attempt, kept.phase) == ("i1", 1, Phase.EXITED)
    assert _result(world.again().run(step)) == _result(first) == (0, "done\n")
    assert runs(world) == (kept,)
    assert isinstance(world.engine.perform(Remove("i1", kept.id)), Done)
    assert isinstance(world.engine.perform(Remove("i1", kept.id)), Done)
    assert runs(world) == ()


def test_a_run_that_never_started_is_begun_with_its_body(world: World) -> None:
    """An agent that died between create and start has run nothing: the next one does."""
    step = call(world, "echo", "hello")
    world.leave(step, started=False)
    assert _result(world.engine.run(step)) == (0, "hello")


def test_a_run_that_goes_on_is_taken_over(world: World) -> None:
    """An agent that died during a run does not run it twice: the next one waits for the same container."""
    step = call(world, "slow")
    world.leave(step, started=True)
    (before,) = runs(world)
    assert before.phase is Phase.RUNNING
    assert _result(world.engine.run(step)) == (0, "done\n")
    assert [run.id for run in runs(world)] == [before.id]


def test_a_run_that_ended_alone_gives_its_result(world: World) -> None:
    """A function that ended while no agent was there has still run once, and its output is not lost."""
    step = call(world, "slow")
    world.leave(step, started=True)
    world.until(lambda: runs(world)[0].phase is Phase.EXITED)
    (before,) = runs(world)
    assert _result(world.engine.run(step)) == (0, "done\n")
    assert runs(world) == (before,)


def test_a_takeover_keeps_the_timeout(world: World) -> None:
    """A function gets its time once, however many agents watch it."""
    step = call(world, "endless", timeout_s=1.0)
    world.leave(step, started=True)
    assert world.engine.run(step).timed_out
    assert runs(world)[0].phase is Phase.EXITED


@pytest.mark.parametrize("labels", [{}, {"io.bramble.fleet": "f", "io.bramble.node": "pi-2"}])
def test_a_foreign_container_is_not_taken_over(world: World, labels: dict[str, str]) -> None:
    """A container of a run's name that is not ours gives no result and is left alone (S8)."""
    world.put_foreign("bramble-f-run-i1-1", labels)
    ended = world.engine.run(call(world, "echo"))
    assert _outcome(ended) == (None, "the container bramble-f-run-i1-1 is not ours")
    assert world.runs_foreign("bramble-f-run-i1-1")


def _result(ended: RunEnded) -> tuple[int | None, str]:
    return ended.exit_code, ended.output


def _outcome(ended: RunEnded) -> tuple[int | None, str]:
    return ended.exit_code, ended.reason
