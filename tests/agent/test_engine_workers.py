"""Workers: every step has exactly one end, kinds do not delay each other, and a crash of a step is told, not fatal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from queue import Empty, Queue
from typing import Any

import pytest

from agent.adapters.lanes import WAITING_LIMIT
from agent.adapters.workers import LOOK_REST, LOOK_REST_MOST_S, PULLS_AT_ONCE, RUNS_AT_ONCE, STEPS_AT_ONCE, Workers
from agent.decide.effects import Pull, Run, Start, Step
from agent.decide.inputs import (
    ContainerSeen,
    Done,
    EngineLost,
    EngineSeen,
    GiveUp,
    Outcome,
    Phase,
    Retry,
    RunEnded,
    StepEnded,
)
from protocol.container import Container
from protocol.function import FunctionSpec

PATIENCE_S = 5.0
GLIMPSE = ContainerSeen("c", "name", "s.web.1", "r", "h", Phase.RUNNING)
RUN = Run("i1", "i1", 1, FunctionSpec("fn", "s", "r", Container("a")), (), "")


class Gate:
    """An engine whose work of one kind waits until the gate is opened."""

    def __init__(self, held: type[object] | None = None) -> None:
        self.held, self.open, self.looks, self.under_way = held, threading.Event(), 0, Queue[Any]()

    def look(self) -> EngineSeen | EngineLost:
        self.looks += 1
        self._pass(self)
        return EngineLost("none")

    def perform(self, step: Step) -> Outcome:
        self._pass(step)
        return Done()

    def glance(self, step: Step) -> ContainerSeen | None:
        return GLIMPSE if isinstance(step, Start) else None

    def run(self, step: Run) -> RunEnded:
        self._pass(step)
        return RunEnded(step.invocation, step.attempt, 0)

    def _pass(self, work: object) -> None:
        self.under_way.put(work)
        if self.held and isinstance(work, self.held):
            assert self.open.wait(PATIENCE_S)


class Broken(Gate):
    """An engine with a fault in it."""

    def _pass(self, work: object) -> None:
        raise KeyError("oops")


def team(engine: Gate) -> tuple[Workers, Queue[Any]]:
    inbox: Queue[Any] = Queue()
    return Workers(engine, inbox.put), inbox


def test_each_end_comes_through_the_inbox() -> None:
    """A look, a step and a run each answer in their own words."""
    workers, inbox = team(Gate())
    workers.look()
    workers.give(Start("k", "c"))
    workers.give(RUN)
    answers = [inbox.get(timeout=PATIENCE_S) for _ in range(3)]
    assert EngineLost("none") in answers
    assert StepEnded(Start("k", "c"), Done(), GLIMPSE) in answers
    assert RunEnded("i1", 1, 0) in answers
    workers.stop()


@pytest.mark.parametrize(
    ("held", "most"), [(Pull("k", "a"), PULLS_AT_ONCE), (Start("k", "c"), STEPS_AT_ONCE), (RUN, RUNS_AT_ONCE)]
)
def test_kinds_do_not_delay_each_other(held: Step, most: int) -> None:
    """However much of one kind is stuck, the others go on; and no kind takes more threads than it may."""
    gate = Gate(type(held))
    workers, inbox = team(gate)
    for _ in range(most + 3):
        workers.give(held)
    for _ in range(most):
        assert gate.under_way.get(timeout=PATIENCE_S) == held
    others = [step for step in (Pull("o", "a"), Start("o", "c"), RUN) if not isinstance(step, type(held))]
    for step in others:
        workers.give(step)
    workers.look()
    for _ in range(3):
        assert not isinstance(getattr(inbox.get(timeout=PATIENCE_S), "step", None), type(held))
    gate.open.set()
    for _ in range(most + 3):
        inbox.get(timeout=PATIENCE_S)
    workers.stop()


def test_an_instance_is_asked_at_once_and_waited_for_in_a_thread() -> None:
    """The question has gone when `give` returns; one that cannot even be asked ends with its reason."""
    workers, inbox = team(Gate())
    asked, answer, threads = [], threading.Event(), []

    def ask(step: Run) -> Callable[[], RunEnded]:
        asked.append(step)

        def waited() -> RunEnded:
            threads.append(threading.current_thread())
            assert answer.wait(PATIENCE_S)
            return RunEnded(step.invocation, step.attempt, 0)

        return waited

    workers.ask = ask
    step = replace(RUN, instance="s.fn r 1")
    workers.give(step)
    assert asked == [step]
    answer.set()
    assert inbox.get(timeout=PATIENCE_S) == RunEnded("i1", 1, 0)
    assert threads != [threading.current_thread()]
    workers.ask = lambda step: asked[len(asked)]  # type: ignore[arg-type,return-value]
    workers.give(step)
    ended = inbox.get(timeout=PATIENCE_S)
    assert (ended.exit_code, "a fault of the agent: IndexError" in ended.reason) == (None, True)
    workers.stop()


def test_looks_that_wait_are_one() -> None:
    """Ten hints during a look ask for one more look, not for ten."""
    gate = Gate(Gate)
    workers, inbox = team(gate)
    workers.look()
    gate.under_way.get(timeout=PATIENCE_S)
    for _ in range(10):
        workers.look()
    gate.open.set()
    for _ in range(2):
        inbox.get(timeout=PATIENCE_S)
    with pytest.raises(Empty):
        inbox.get(timeout=0.1)
    assert gate.looks == 2
    workers.stop()


@pytest.mark.parametrize(("took_s", "rest_s"), [(0.1, 0.1 * LOOK_REST), (5.0, LOOK_REST_MOST_S)])
def test_a_look_is_followed_by_a_rest(took_s: float, rest_s: float) -> None:
    """After a look comes a rest that grows with what it took, up to a bound, so that looking never takes all of a node's time."""
    inbox: Queue[Any] = Queue()
    rests: Queue[float] = Queue()
    moments = iter((10.0, 10.0 + took_s))
    workers = Workers(Gate(), inbox.put, clock=lambda: next(moments), rest=rests.put)
    workers.look()
    assert inbox.get(timeout=PATIENCE_S) == EngineLost("none")
    assert rests.get(timeout=PATIENCE_S) == pytest.approx(rest_s)
    workers.stop()


def test_a_crash_of_a_step_is_given_up_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    """A fault of ours in one step neither ends the process nor leaves anybody waiting."""
    workers, inbox = team(Broken())
    reason = "a fault of the agent: KeyError: 'oops'"
    workers.give(Start("k", "c"))
    assert inbox.get(timeout=PATIENCE_S) == StepEnded(Start("k", "c"), GiveUp(reason))
    workers.give(RUN)
    assert inbox.get(timeout=PATIENCE_S) == RunEnded("i1", 1, None, reason=reason)
    workers.look()
    assert inbox.get(timeout=PATIENCE_S) == EngineLost(reason)
    assert "step crashed" in caplog.text
    workers.stop()


def test_too_much_work_comes_back_at_once() -> None:
    """The queue is bounded; a step beyond it is to be tried later, and nobody waits for it in vain."""
    gate = Gate(Start)
    workers, inbox = team(gate)
    for _ in range(STEPS_AT_ONCE):
        workers.give(Start("k", "c"))
    for _ in range(STEPS_AT_ONCE):
        gate.under_way.get(timeout=PATIENCE_S)
    for _ in range(WAITING_LIMIT):
        workers.give(Start("k", "c"))
    assert inbox.empty()
    workers.give(Start("last", "c"))
    answer = inbox.get_nowait()
    assert answer == StepEnded(Start("last", "c"), Retry("too much work is waiting for the engine", 5.0))
    workers.stop()
    gate.open.set()
