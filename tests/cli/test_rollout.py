"""Updates at the terminal: their lanes once and as they change, their history, and the orders that steer them."""

from __future__ import annotations

import getpass
import json
import socket
from dataclasses import asdict, replace
from typing import Any

import pytest

from protocol.operator import Denial, OperatorOrder, OrderVerb
from protocol.rollouts import HistoryRow, Lane, RolloutStatus
from tests.cli.test_look import cells, rows
from tests.fakes.session import FakeSession, no, operate, yes

ME = f"{getpass.getuser()}@{socket.gethostname()}"
WAITS = Lane("shop.web.2", "pi-2", "waiting", "its node is away; it is updated when it returns")
TRIES = Lane("shop.web.1", "pi-1", "granted", "its node is trying it")
SETTLED = Lane("shop.web.1", "pi-1", "settled")
BEGUN = RolloutStatus(
    "r1", "shop.web", "rev2", "rolling", 0, 0, 1, 1, "0 updated, 1 unseen, 1 in progress", lanes=(WAITS, TRIES)
)
HALF = replace(BEGUN, updated=1, in_progress=0, report="1 updated, 1 unseen", lanes=(WAITS, SETTLED))
DONE = replace(
    HALF,
    state="done",
    updated=2,
    unseen=0,
    report="2 updated",
    lanes=(replace(SETTLED, task="shop.web.2", node="pi-2"), SETTLED),
)


def said(*statuses: RolloutStatus) -> dict[OrderVerb, Any]:
    """The answers to one question after the other."""
    return {OrderVerb.ROLLOUT_STATUS: [yes(json.loads(json.dumps([asdict(status)]))) for status in statuses]}


def test_status_shows_a_lane_per_node_the_troubled_first() -> None:
    """One title per update, and a line for each node with what it waits for."""
    done = operate(FakeSession(answers=said(BEGUN)), "rollout", "status", "shop")
    assert done.exit_code == 0
    title, *table = done.stdout.splitlines()
    assert title == "shop.web: rolling, revision rev2: 0 updated, 1 unseen, 1 in progress"
    assert cells("\n".join(table))[1:3] == [
        ["pi-1", "shop.web.1", "granted", "its node is trying it"],
        ["pi-2", "shop.web.2", "waiting", "its node is away; it is updated when it returns"],
    ]


def test_status_as_json_is_the_answer_as_it_is() -> None:
    """Every field of the conversation's own words."""
    done = operate(FakeSession(answers=said(BEGUN)), "rollout", "status", "-o", "json")
    assert json.loads(done.stdout) == json.loads(json.dumps([asdict(BEGUN)]))


def test_watching_at_a_pipe_says_each_change_once_and_ends_when_it_is_done() -> None:
    """Lines only for what changed; exit code 0."""
    session = FakeSession(answers=said(BEGUN, BEGUN, HALF, DONE))
    done = operate(session, "rollout", "status", "shop.web", "--watch")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "shop.web: rolling, revision rev2: 0 updated, 1 unseen, 1 in progress",
        "shop.web: pi-2: waiting: its node is away; it is updated when it returns",
        "shop.web: pi-1: granted: its node is trying it",
        "shop.web: rolling, revision rev2: 1 updated, 1 unseen",
        "shop.web: pi-1: settled",
        "shop.web: done, revision rev2: 2 updated",
        "shop.web: pi-2: settled",
    ]


def test_watching_as_json_has_a_document_per_change() -> None:
    """One line each, so that a program reads along."""
    done = operate(FakeSession(answers=said(BEGUN, BEGUN, DONE)), "rollout", "status", "-w", "-o", "json")
    assert [json.loads(line)["state"] for line in done.stdout.splitlines()] == ["rolling", "done"]


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (replace(BEGUN, state="rolled_back", failed=1, report="rolled back: 1 back, 1 failed"), 1),
        (replace(BEGUN, state="paused", paused_by="failures", failed=1, report="paused: 0 updated, 1 failed"), 1),
        (DONE, 0),
    ],
)
def test_watching_ends_with_the_outcome(last: RolloutStatus, code: int) -> None:
    """1 where it paused because of failures or went back, with what to look at next."""
    done = operate(FakeSession(answers=said(BEGUN, last)), "rollout", "status", "-w")
    assert done.exit_code == code
    assert ("rollout history shop.web" in done.stderr) == bool(code)


def test_an_update_that_an_operator_paused_is_watched_on() -> None:
    """It has not ended: whoever paused it lets it go on."""
    held = replace(
        BEGUN, state="paused", paused_by="hand", failed=1, report="paused: 0 updated, 1 unseen, 1 in progress"
    )
    session = FakeSession(answers=said(held, held, DONE))
    assert operate(session, "rollout", "status", "-w").exit_code == 0


def test_watching_no_longer_than_was_said_is_too_late() -> None:
    """Nodes that are away may stay so for weeks: the update goes on without us."""
    done = operate(FakeSession(answers=said(HALF)), "rollout", "status", "-w", "--timeout", "0s")
    assert done.exit_code == 5
    assert "1 updated, 1 unseen" in done.stderr


def test_nothing_to_watch_is_no_failure() -> None:
    """A service that was never updated says so and is done."""
    session = FakeSession(answers={OrderVerb.ROLLOUT_STATUS: yes([])})
    for words in (("status", "shop.web"), ("status", "shop.web", "-w")):
        done = operate(session, "rollout", *words)
        assert (done.exit_code, done.stdout) == (0, "shop.web: nothing has been updated yet\n")


def test_history_is_a_table_of_revisions() -> None:
    """The newest first, as the controller gives them."""
    answer = rows(
        HistoryRow(2, "rev2", "web:2", "present", at="2026-11-21T10:00Z"),
        HistoryRow(1, "rev1", "web:1", "replaced", "failed", notes=("a lock was overridden",)),
    )
    done = operate(FakeSession(answers={OrderVerb.ROLLOUT_HISTORY: answer}), "rollout", "history", "shop.web")
    assert cells(done.stdout) == [
        ["NUMBER", "REVISION", "IMAGE", "STATE", "AT", "REASON"],
        ["2", "rev2", "web:2", "present", "2026-11-21T10:00Z", "-"],
        ["1", "rev1", "web:1", "replaced", "-", "failed"],
        ["1: a lock was overridden"],
    ]


@pytest.mark.parametrize(
    ("words", "order"),
    [
        (("rollout", "pause", "shop.web"), OperatorOrder(OrderVerb.ROLLOUT_PAUSE, "shop.web")),
        (("rollout", "resume", "shop.web"), OperatorOrder(OrderVerb.ROLLOUT_RESUME, "shop.web")),
        (("rollout", "confirm", "shop.web"), OperatorOrder(OrderVerb.ROLLOUT_CONFIRM, "shop.web")),
        (("rollout", "abort", "shop.web"), OperatorOrder(OrderVerb.ROLLOUT_ABORT, "shop.web")),
        (("rollout", "undo", "shop.web"), OperatorOrder(OrderVerb.ROLLOUT_UNDO, "shop.web")),
        (
            ("rollout", "undo", "shop.web", "--to-revision", "3"),
            OperatorOrder(OrderVerb.ROLLOUT_UNDO, "shop.web", {"number": 3}),
        ),
        (
            ("rollout", "override", "shop.web", "--node", "pi-1"),
            OperatorOrder(OrderVerb.OVERRIDE, "shop.web", {"node": "pi-1", "by": ME}),
        ),
        (("pin", "shop.web", "--node", "pi-1"), OperatorOrder(OrderVerb.PIN, "shop.web", {"node": "pi-1"})),
        (("unpin", "shop.web", "--node", "pi-1"), OperatorOrder(OrderVerb.UNPIN, "shop.web", {"node": "pi-1"})),
    ],
)
def test_each_word_is_its_order(words: tuple[str, ...], order: OperatorOrder) -> None:
    """What the controller answers is printed; its no is an exit code."""
    session = FakeSession(answers={order.verb: [yes(message="so it is"), no("there is none", Denial.NOT_FOUND)]})
    done = operate(session, *words)
    assert (done.exit_code, done.stdout, session.orders) == (0, "so it is\n", [order])
    assert operate(session, *words).exit_code == 3
