"""The commands that only look: what is asked, and how the answer is shown."""

from __future__ import annotations

import json
from dataclasses import asdict

from protocol.operator import (
    Explanation,
    NodeObjection,
    OperatorOrder,
    OrderVerb,
    ServiceStatus,
    StackRow,
    TaskPlace,
    Verdict,
)
from protocol.rollouts import RolloutStatus
from tests.fakes.session import FakeSession, operate, yes


def rows(*values: object) -> object:
    """An answer's result, as JSON brings it."""
    return yes(json.loads(json.dumps([asdict(value) for value in values])))  # type: ignore[call-overload]


def cells(stdout: str) -> list[list[str]]:
    """A table's lines, split where at least two blanks stand."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in stdout.splitlines()]


LONG_REASON = "pi-3: " + "a long reason that no screen is wide enough for, " * 6 + "end"
SERVICE = ServiceStatus(
    "dashboard", "registry:5000/dashboard:2", "abc123", 2, 1, (LONG_REASON,),
    (TaskPlace("porch.dashboard.1", "pi-1", "running", "abc123"),),
    RolloutStatus("r1", "dashboard", "abc123", "rolling", 1, 0, 1, 0, "1 updated, 1 unseen"),
)  # fmt: skip


def test_stacks_shows_one_line_per_stack() -> None:
    """Each stack stands on a line with its verdict."""
    session = FakeSession(answers={OrderVerb.STACKS: rows(StackRow("porch", Verdict.ACCEPTED, "abc", True, 1, 2, 3))})
    done = operate(session, "stacks")
    assert done.exit_code == 0
    assert cells(done.stdout) == [
        ["STACK", "MANIFEST", "REVISION", "CONVERGED", "SERVICES", "FUNCTIONS", "DEVICES", "FAULTS"],
        ["porch", "accepted", "abc", "yes", "1", "2", "3", "0"],
    ]


def test_an_empty_fleet_shows_only_the_headings() -> None:
    """Nothing to show is no error."""
    done = operate(FakeSession(answers={OrderVerb.STACKS: yes([])}), "stacks")
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 1)


def test_services_asks_for_one_stack_and_says_why_not_all_run() -> None:
    """The stack goes along as the order's target; rollout and reasons are shown."""
    session = FakeSession(answers={OrderVerb.SERVICES: rows(SERVICE)})
    done = operate(session, "services", "porch")
    assert session.orders == [OperatorOrder(OrderVerb.SERVICES, "porch")]
    line = cells(done.stdout)[1]
    assert line[:2] == ["dashboard", "1/2"]
    assert "rolling: 1 updated, 1 unseen" in line
    assert line[-1].startswith("pi-3: a long reason")


def test_a_piped_table_neither_wraps_nor_cuts() -> None:
    """One row is one line, however long its reason: what reads a pipe counts on it."""
    done = operate(FakeSession(answers={OrderVerb.SERVICES: rows(SERVICE)}), "services")
    assert len(done.stdout.splitlines()) == 2
    assert LONG_REASON in done.stdout


def test_a_piped_table_has_no_colours() -> None:
    """Escape codes are for screens."""
    done = operate(FakeSession(answers={OrderVerb.SERVICES: rows(SERVICE)}), "services")
    assert "\x1b" not in done.stdout


def test_json_is_the_answer_as_it_is() -> None:
    """A program gets every field of the conversation's own words."""
    done = operate(FakeSession(answers={OrderVerb.SERVICES: rows(SERVICE)}), "services", "-o", "json")
    assert json.loads(done.stdout) == json.loads(json.dumps([asdict(SERVICE)]))
    assert done.stderr == ""


def test_ps_asks_for_a_service_or_a_node() -> None:
    """The place is the target, the node an argument of the order."""
    session = FakeSession(answers={OrderVerb.PS: rows(*SERVICE.tasks)})
    done = operate(session, "ps", "porch.dashboard", "--node", "pi-1")
    assert session.orders == [OperatorOrder(OrderVerb.PS, "porch.dashboard", {"node": "pi-1"})]
    assert cells(done.stdout)[1] == ["porch.dashboard.1", "pi-1", "running", "-", "abc123", "-"]


def test_explain_says_yes_or_why_not_for_each_node() -> None:
    """Each node has a line; what the whole waits for follows."""
    found = Explanation(
        "porch.dashboard",
        (NodeObjection("pi-1", True), NodeObjection("pi-2", False, ("lacks the label site=home", "is drained"))),
        ("1 of 2 tasks has no node",),
    )
    session = FakeSession(answers={OrderVerb.EXPLAIN: yes(json.loads(json.dumps(asdict(found))))})
    done = operate(session, "explain", "porch.dashboard")
    assert cells(done.stdout) == [
        ["NODE", "CHOSEN", "OBJECTIONS"],
        ["pi-1", "yes", "-"],
        ["pi-2", "no", "lacks the label site=home; is drained"],
        ["porch.dashboard: 1 of 2 tasks has no node"],
    ]
