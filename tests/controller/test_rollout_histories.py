"""Random histories of a rollout: requests, trials, power cuts, late mail, new revisions, restarts of the controller.

Ground truth is what the nodes have down, not what they report (S1).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.decide.assignments import assignment, offers
from controller.decide.rollouts.slot import HOLDING
from tests.controller.desk import Desk
from tests.controller.pi import Pi
from tests.controller.test_rollout import web

STEPS = (
    "begin", "begin", "begin", "ask", "go", "read", "well", "unwell", "recover", "report", "reboot", "gone", "gone", "greet",
    "publish", "restart",
)  # fmt: skip
NODES = 4

Story = list[tuple[str, int]]
stories = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, NODES - 1)), max_size=60)


class History:
    """A fleet of four under one story; every step checks what must always hold."""

    def __init__(self, desk: Desk, policy: dict[str, str]) -> None:
        self.desk, self.policy = desk, policy
        self.budget = int(policy["parallelism"])
        self.pis = [Pi(desk, f"pi-{number}").join() for number in range(NODES)]
        self.images = 1
        self.nonces = 0
        self.generations: dict[str, tuple[int, int]] = {}
        desk.manifest("shop", web("web:1", **policy))
        for pi in self.pis:
            pi.read()
            pi.report()
        self.step("publish", 0)

    def step(self, what: str, index: int) -> None:
        """One thing happens to one node, or to all."""
        pi = self.pis[index]
        match what:
            case "ask":
                self.nonces += 1
                pi.ask(f"{self.nonces:08d}")
            case "begin":
                self.nonces += 1
                pi.read()
                pi.ask(f"{self.nonces:08d}")
                pi.go()
                pi.report()
            case "well" | "unwell":
                pi.end(well=what == "well")
                pi.report()
            case "publish":
                self.images += 1
                self.desk.manifest("shop", web(f"web:{self.images % 3}", **self.policy))
            case "restart":
                self.desk.restart()
            case "read" | "go" | "recover" | "report" | "reboot" | "gone" | "greet":
                getattr(pi, what)()
        self.check()

    def check(self) -> None:
        """Ground truth within the budget, numbers that only grow, documents that follow from the fleet, and silence."""
        fleet = self.desk.fleet
        down = [pi.name for pi in self.pis if pi.down]
        assert len(down) <= self.budget, down
        held = sum(len(fleet.slots.of("state", ("shop.web", state))) for state in HOLDING)
        assert held <= self.budget
        for name in fleet.nodes:
            told = fleet.assignments[name]
            assert assignment(fleet, name) == told
            assert name not in fleet.offers or offers(fleet, name) == fleet.offers[name]
            assert (told.epoch, told.generation) >= self.generations.get(name, (0, 0))
            self.generations[name] = (told.epoch, told.generation)
        assert self.desk.turn() == ()

    def heal(self) -> None:
        """Everything comes back, and the last revision reaches everybody."""
        self.images += 1
        self.desk.manifest("shop", web("web:last", **self.policy))
        for pi in [pi for _ in range(NODES * 4) for pi in self.pis]:
            if not self.is_whole():
                self._mend(pi)

    def is_whole(self) -> bool:
        """Whether all run the last revision."""
        return all(self.desk.tasks(pi.name) == {f"shop.web.{pi.name}": "web:last"} for pi in self.pis)

    def _mend(self, pi: Pi) -> None:
        self.nonces += 1
        pi.greet()
        pi.end(well=True)
        pi.recover()
        pi.report()
        pi.update(f"{self.nonces:08d}")
        self.check()


@pytest.mark.parametrize("policy", ["pause", "rollback", "continue"])
@settings(max_examples=40, deadline=None)
@given(story=stories, budget=st.integers(1, 2))
def test_no_history_exceeds_the_budget_and_every_one_can_heal(policy: str, story: Story, budget: int) -> None:
    """Whatever happens, at most the budget is down; when all is well again, all run the last revision."""
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        history = History(desk, {"parallelism": str(budget), "failure_action": policy, "max_failure_ratio": "0.3"})
        for what, index in story:
            history.step(what, index)
        history.heal()
        assert history.is_whole()
