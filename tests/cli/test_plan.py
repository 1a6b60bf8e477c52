"""A plan at the terminal."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from protocol.operator import OrderVerb
from protocol.rollouts import Plan, PlanRow
from tests.cli.test_look import cells
from tests.fakes.session import FakeSession, no, operate, yes

TEXT = "services: {web: {image: 'web:2'}}\n"
PLAN = Plan(
    (
        PlanRow("pi-1", "service web", "update", ("image web:1 -> web:2",), 7_000_000, 2_500_000_000),
        PlanRow("pi-2", "service web", "update", ("image web:1 -> web:2",), None, None, ("is away",)),
    ),
    7300.0,
    ("not counted are windows, locks and confirmations",),
    total=2,
    nodes=2,
    pull_bytes=7_000_000,
    unknown=1,
)


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    path = tmp_path / "shop.yaml"
    path.write_text(TEXT)
    return str(path)


def session(plan: Plan) -> FakeSession:
    return FakeSession(answers={OrderVerb.PLAN: yes(json.loads(json.dumps(asdict(plan))))})


def test_a_plan_is_a_line_per_node_and_a_summary(manifest: str) -> None:
    """Bytes as people count them, `unknown` where nobody said, what is waited for before what changes."""
    talk = session(PLAN)
    done = operate(talk, "plan", "-f", manifest)
    assert done.exit_code == 0
    *table, summary, reason = done.stdout.splitlines()
    assert cells("\n".join(table)) == [
        ["NODE", "CHANGE", "WHAT", "PULL", "FREE", "WAITS AND DETAILS"],
        ["pi-1", "update", "service web", "7.0 MB", "2.5 GB", "image web:1 -> web:2"],
        ["pi-2", "update", "service web", "unknown", "-", "is away; image web:1 -> web:2"],
    ]
    assert summary == "shop: 2 nodes, 7.0 MB and what is unknown to pull, 95 % probably done within 2 h"
    assert reason == "shop: not counted are windows, locks and confirmations"
    assert [(order.target, order.arguments["manifest"]) for order in talk.orders] == [("shop", TEXT)]


def test_a_plan_as_json_is_the_answer_as_it_is(manifest: str) -> None:
    """Every field of the conversation's own words."""
    done = operate(session(PLAN), "plan", "-f", manifest, "-o", "json")
    assert json.loads(done.stdout) == json.loads(json.dumps(asdict(PLAN)))


def test_nothing_to_do_and_nothing_foreseen_are_said(manifest: str) -> None:
    """No table without rows, no time without a reason to believe it."""
    done = operate(session(Plan((), 0.0)), "plan", "-f", manifest)
    assert (done.exit_code, done.stdout) == (0, "shop: nothing would change\n")
    assert "nobody can say when" in operate(session(Plan(PLAN.rows)), "plan", "-f", manifest).stdout


def test_a_manifest_that_would_be_refused_has_no_plan(manifest: str) -> None:
    """The controller's no is the command's."""
    refused = FakeSession(answers={OrderVerb.PLAN: no("the manifest of shop would be refused: no")})
    assert operate(refused, "plan", "-f", manifest).exit_code == 1


def test_a_plan_of_several_pages_is_one(manifest: str) -> None:
    """Each further page is asked for by the plan's name; the summary is of all, and so is the document."""
    first = replace(PLAN, rows=PLAN.rows[:1], plan="p1", next=1)
    second = replace(PLAN, rows=PLAN.rows[1:], plan="p1")
    pages = [yes(json.loads(json.dumps(asdict(page)))) for page in (first, second)]
    talk = FakeSession(answers={OrderVerb.PLAN: list(pages)})
    done = operate(talk, "plan", "-f", manifest, "-o", "json")
    assert json.loads(done.stdout) == json.loads(json.dumps(asdict(replace(PLAN, plan="p1"))))
    assert talk.orders[1].arguments == {"plan": "p1", "from": 1}
    table = operate(FakeSession(answers={OrderVerb.PLAN: list(pages)}), "plan", "-f", manifest).stdout
    assert "pi-1" in table
    assert "pi-2" in table
    assert "shop: 2 nodes, 7.0 MB and what is unknown to pull" in table
