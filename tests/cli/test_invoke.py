"""Calling a function: its output is ours, and its success our exit code."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from protocol.observed import Answer, ResultStatus
from protocol.operator import CallEnd, ControllerPresence
from tests.fakes.session import FakeSession, no, operate


def ended(status: ResultStatus, message: str = "", **end: Any) -> Answer:
    """The controller's answer to a call whose function ended so."""
    return Answer("call", status is ResultStatus.DONE, message, asdict(CallEnd(status, "pi-1", **end)))


def test_the_output_is_passed_on_byte_for_byte() -> None:
    """Nothing is added to what the function said, and its complaints go to the other stream."""
    session = FakeSession(called=ended(ResultStatus.DONE, output="hello\n  there", error="warming up\n", exit_code=0))
    done = operate(session, "invoke", "porch.greet", "-d", "Ada")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "hello\n  there", "warming up\n")
    assert session.calls == [("porch.greet", b"Ada")]


def test_a_dash_reads_the_body_from_standard_input() -> None:
    """Bytes go in as they are."""
    session = FakeSession(called=ended(ResultStatus.DONE))
    operate(session, "invoke", "greet", "-d", "-", given=b"\xc3\xa4\n")
    assert session.calls == [("greet", b"\xc3\xa4\n")]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (ResultStatus.FAILED, "bramble: greet failed on pi-1 with exit code 3 after 2 attempts: no bell"),
        (ResultStatus.EXPIRED, "bramble: greet expired on pi-1 with exit code 3 after 2 attempts: no bell"),
    ],
)
def test_a_function_that_is_not_done_ends_in_1_with_its_output(status: ResultStatus, expected: str) -> None:
    """What it said is still printed; the end is told on standard error."""
    session = FakeSession(called=ended(status, "no bell", output="half", exit_code=3, attempt=2))
    done = operate(session, "invoke", "greet")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "half", f"{expected}\n")


def test_what_is_wrong_with_a_success_is_warned_of() -> None:
    """An output that was cut is no failure, and nobody should take it for whole."""
    session = FakeSession(called=ended(ResultStatus.DONE, "the output was cut", output="half", exit_code=0))
    done = operate(session, "invoke", "greet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "half", "warning: the output was cut\n")


def test_json_is_the_whole_end() -> None:
    """A program gets status, node, exit code and both streams."""
    done = operate(
        FakeSession(called=ended(ResultStatus.DONE, output="hi", duration_s=0.2)), "invoke", "greet", "-o", "json"
    )
    assert json.loads(done.stdout) == asdict(CallEnd(ResultStatus.DONE, "pi-1", output="hi", duration_s=0.2))


@pytest.mark.parametrize(("denial", "code"), [("not-found", 3), ("conflict", 4)])
def test_a_call_that_reaches_no_function_says_why(denial: str, code: int) -> None:
    """Unknown is 3; a name that two stacks have is 4."""
    done = operate(FakeSession(called=no("there is no function 'gret'", denial)), "invoke", "gret")
    assert (done.exit_code, done.stderr) == (code, "bramble: there is no function 'gret'\n")


def test_silence_ends_in_5_after_a_functions_patience() -> None:
    """A function may take longer than an answer: a minute, unless somebody said otherwise."""
    session = FakeSession(controller=ControllerPresence("online", 1))
    assert operate(session, "invoke", "greet").exit_code == 5
    done = operate(session, "invoke", "greet", "--timeout", "5s")
    assert session.waits == [60.0, 5.0]
    assert (done.exit_code, "greet has not ended within 5 s; it may still run" in done.stderr) == (5, True)


def test_silence_of_a_controller_that_is_away_is_told_as_such() -> None:
    """Then it is not the function that is slow."""
    done = operate(FakeSession(controller=ControllerPresence("offline", 1)), "invoke", "greet")
    assert (done.exit_code, "its presence says offline" in done.stderr) == (5, True)
