"""Random histories of a rollout with an operator who has his hands in it: pauses, aborts, undoes and pins, at any moment."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.decide.rollouts import pins
from protocol.operator import OrderVerb
from tests.controller.desk import Desk
from tests.controller.test_rollout_histories import NODES, STEPS, History, Story

ORDERS = {
    "pause": OrderVerb.ROLLOUT_PAUSE, "resume": OrderVerb.ROLLOUT_RESUME, "abort": OrderVerb.ROLLOUT_ABORT,
    "undo": OrderVerb.ROLLOUT_UNDO, "pin": OrderVerb.PIN, "unpin": OrderVerb.UNPIN, "restart-it": OrderVerb.RESTART,
}  # fmt: skip

stories = st.lists(
    st.tuples(st.sampled_from((*STEPS, "undo", "undo-to", "pin", *ORDERS)), st.integers(0, NODES - 1)), max_size=60
)


class Steered(History):
    """The same fleet and the same laws, and what a pin promises."""

    def __init__(self, desk: Desk, policy: dict[str, str]) -> None:
        self.orders = 0
        self.pinned: dict[str, str] = {}
        super().__init__(desk, policy)

    def step(self, what: str, index: int) -> None:
        """An operator's order, given twice; or anything else that happens."""
        if what not in ORDERS and what != "undo-to":
            super().step(what, index)
            return
        arguments = (
            {"node": f"pi-{index}"} if what in ("pin", "unpin") else {"number": 1 + index} if what == "undo-to" else {}
        )
        verb = ORDERS.get(what, OrderVerb.ROLLOUT_UNDO)
        for _ in range(1 if verb is OrderVerb.RESTART else 2):
            self.order(verb, **arguments)
            self.check()

    def order(self, verb: OrderVerb, **arguments: object) -> None:
        """Order it, and see that it is answered."""
        self.orders += 1
        answer = self.desk.order(verb, "shop.web", key=f"order{self.orders}", **arguments)
        assert answer is not None
        assert answer.ok or answer.message

    def check(self) -> None:
        """What a pinned node has settled on stays; of ten rows one at most is present; numbers only grow."""
        super().check()
        fleet = self.desk.fleet
        kept = {task.node: task.revision for task in pins.tasks(fleet, "shop.web")}
        for node, revision in kept.items():
            assert self.pinned.get(node, revision) == revision
            assert f"shop.web.{node}" not in fleet.slots
        self.pinned = kept
        answer = self.desk.order(OrderVerb.ROLLOUT_HISTORY, "shop.web", key="history")
        assert answer is not None
        numbers = [row["number"] for row in answer.result]
        assert numbers == sorted(numbers, reverse=True)
        assert sum(row["state"] == "present" for row in answer.result) <= 1
        assert len(numbers) <= 10

    def heal(self) -> None:
        """The operator takes his hands off first."""
        for number in range(NODES):
            self.order(OrderVerb.UNPIN, node=f"pi-{number}")
        self.check()
        super().heal()

    def _mend(self, pi: object) -> None:
        self.order(OrderVerb.ROLLOUT_RESUME)
        super()._mend(pi)  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", ["pause", "rollback", "continue"])
@settings(max_examples=30, deadline=None)
@given(story=stories, budget=st.integers(1, 2))
def test_no_order_breaks_a_budget_and_every_history_can_heal(policy: str, story: Story, budget: int) -> None:
    """Whatever an operator orders between whatever happens, the laws of a rollout hold, and so does a pin."""
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        history = Steered(desk, {"parallelism": str(budget), "failure_action": policy, "max_failure_ratio": "0.3"})
        for what, index in story:
            history.step(what, index)
        history.heal()
        assert history.is_whole()
