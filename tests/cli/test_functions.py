"""Functions at the terminal: their work, and their dead letters listed, replayed and dropped."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from protocol.function_rows import FunctionRow, LetterRow
from protocol.operator import Denial, OperatorOrder, OrderVerb
from tests.cli.test_look import cells
from tests.fakes.session import FakeSession, no, operate, yes

GREET = FunctionRow("porch.greet", "once", "greet:1", 3, 2, in_flight=1, pending=4, dead=2)
ASK = FunctionRow("home.ask", "warm", "ask:1", 2, 2, instances=1, keep=2)
LETTER = LetterRow(
    "f25f6961b8bf2d0b0886", "porch.greet", "failed", "pi-2", 3, "exited with code 1", "2026-11-21T20:00:00+00:00", "s-7"
)


def said(verb: OrderVerb, *found: Any) -> FakeSession:
    """A controller that answers with these rows."""
    return FakeSession(answers={verb: yes(json.loads(json.dumps([asdict(row) for row in found])))})


def test_ls_shows_the_work_of_each_function() -> None:
    """Nodes that are there of those that may; instances that are there of those to be kept ready, of warm ones."""
    session = said(OrderVerb.FUNCTIONS, GREET, ASK)
    done = operate(session, "functions", "ls", "porch")
    assert done.exit_code == 0
    assert cells(done.stdout)[1:] == [
        ["porch.greet", "once", "greet:1", "2/3", "1", "4", "-", "2"],
        ["home.ask", "warm", "ask:1", "2/2", "0", "0", "1/2", "0"],
    ]
    assert session.orders == [OperatorOrder(OrderVerb.FUNCTIONS, "porch")]


def test_dead_shows_each_letter_with_its_reason() -> None:
    """And as JSON everything that is known of it."""
    done = operate(said(OrderVerb.DEAD_LETTERS, LETTER), "functions", "dead")
    assert cells(done.stdout)[1] == [
        "f25f6961b8bf2d0b0886", "porch.greet", "failed", "pi-2", "3", "2026-11-21T20:00:00+00:00", "exited with code 1",
    ]  # fmt: skip
    done = operate(said(OrderVerb.DEAD_LETTERS, LETTER), "functions", "dead", "-o", "json")
    assert json.loads(done.stdout) == [asdict(LETTER)]


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("replay", "f25f"), OperatorOrder(OrderVerb.REPLAY, "f25f")),
        (("replay", "porch.greet"), OperatorOrder(OrderVerb.REPLAY, "porch.greet")),
        (("drop", "porch"), OperatorOrder(OrderVerb.DROP, "porch")),
        (("drop", "--all"), OperatorOrder(OrderVerb.DROP, "", {"all": True})),
    ],
)
def test_an_order_says_what_it_is_about_and_prints_what_came_of_it(
    words: tuple[str, ...], asked: OperatorOrder
) -> None:
    """One sentence; as JSON with the figures."""
    answer = yes({"replayed": 2}, "2 dead letters replayed")
    session = FakeSession(answers={asked.verb: answer})
    done = operate(session, "functions", *words)
    assert (done.exit_code, done.stdout) == (0, "2 dead letters replayed\n")
    assert session.orders == [asked]
    done = operate(FakeSession(answers={asked.verb: answer}), "functions", *words, "-o", "json")
    assert json.loads(done.stdout)["result"] == {"replayed": 2}


@pytest.mark.parametrize("words", [("drop",), ("replay",), ("drop", "porch", "--all")])
def test_nothing_is_done_without_a_target_or_with_two(words: tuple[str, ...]) -> None:
    """Wrong usage, before anybody is asked."""
    session = FakeSession()
    assert operate(session, "functions", *words).exit_code == 2
    assert session.orders == []


def test_what_is_not_there_is_3() -> None:
    """As with every other command."""
    answer = no("there is no dead letter of 'porch.gret'", Denial.NOT_FOUND)
    done = operate(FakeSession(answers={OrderVerb.REPLAY: answer}), "functions", "replay", "porch.gret")
    assert (done.exit_code, "no dead letter" in done.stderr) == (3, True)
