"""Which of the engine's events are news, and which only echo a step of ours."""

from __future__ import annotations

from typing import Any

import pytest

from agent.adapters.creation import Place
from agent.adapters.expected import LATE_S, Expected
from agent.decide.effects import Create, Remove, Start, Step, Stop
from agent.decide.inputs import Done, GiveUp, Outcome, Retry
from protocol.container import Container
from protocol.desired import TaskSpec

PLACE = Place("f", "pi-1")
TASK = TaskSpec("s.a.1", "s", "a", "r1", Container("well:1"))
START = Start("s.a.1", "c1")


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def expected(clock: Clock) -> Expected:
    return Expected(PLACE, clock)


def event(action: str, container: str = "c1", name: str = "n1") -> dict[str, Any]:
    return {"id": container, "Action": action, "Actor": {"Attributes": {"name": name}}}


@pytest.mark.parametrize(
    ("step", "echo"),
    [
        (START, event("start")),
        (Start("s.a.1", "n1"), event("start")),
        (Stop("s.a.1", "c1", 1.0), event("die")),
        (Remove("s.a.1", "c1"), event("destroy")),
        (Create("s.a.1", TASK), event("create", name=PLACE.task_name(TASK))),
    ],
)
def test_what_a_step_does_echoes_once(expected: Expected, step: Step, echo: dict[str, Any]) -> None:
    """By the container's id or its name, as the step has it; a second event of the kind is another's doing."""
    expected.begins(step)
    assert expected.is_echo(echo)
    assert not expected.is_echo(echo)


@pytest.mark.parametrize("other", [event("die"), event("oom"), event("start", "c2", "n2")])
def test_what_a_step_does_not_do_is_news(expected: Expected, other: dict[str, Any]) -> None:
    """A container that dies while it is started is no echo, and another container never is."""
    expected.begins(START)
    assert not expected.is_echo(other)


@pytest.mark.parametrize(("late_s", "is_echo"), [(0.0, True), (LATE_S * 0.9, True), (LATE_S * 1.1, False)])
def test_an_echo_may_come_a_little_late(expected: Expected, clock: Clock, late_s: float, is_echo: bool) -> None:
    """The thread that reads events is not the one that did the step."""
    expected.begins(START)
    expected.ended(START, Done())
    clock.now_s = late_s
    assert expected.is_echo(event("start")) is is_echo


@pytest.mark.parametrize("outcome", [None, Retry("no", 1.0), GiveUp("never")])
def test_a_step_that_did_not_work_has_no_echo(expected: Expected, outcome: Outcome | None) -> None:
    """Nobody has looked at its container."""
    expected.begins(START)
    expected.ended(START, outcome)
    assert not expected.is_echo(event("start"))
