"""Law 10 for gradual updates: one node's update costs the same whatever the size of the fleet, and whatever limits it."""

from __future__ import annotations

import pytest

from controller.decide.report import rollout_status
from controller.decide.rollouts import progress
from tests.controller.desk import Desk
from tests.controller.gradual import SERVICE, shop
from tests.controller.pi import Pi
from tests.controller.test_costs import calls_of

SMALL, LARGE = 20, 400

EXTRAS = (
    "{ramp: 2}",
    "{batches: [{count: 100%, success: 50%}]}",
    "{max_unavailable: {per: node.labels.site, count: 3}}",
    "{progress_deadline: 10m, lost: fail}",
)


def fleet_of(nodes: int, extra: str) -> tuple[Desk, Pi]:
    """A fleet in the middle of an update, in which somebody has asked already."""
    desk = Desk()
    for number in range(nodes):
        desk.hello(f"pi-{number}", labels={"site": f"s{number // 4}"})
    desk.manifest("shop", shop("web:1", extra, parallelism="3"))
    for number in range(nodes):
        desk.runs(f"pi-{number}")
    desk.manifest("shop", shop("web:2", extra, parallelism="3"))
    Pi(desk, "pi-2", labels={"site": "s0"}).update("aaaaaaaa")
    return desk, Pi(desk, "pi-1", labels={"site": "s0"})


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_update_under_limits_costs_the_same_in_a_large_fleet(extra: str) -> None:
    """Twenty times the nodes, at most a fifth more calls: limits are read off indexes."""
    costs = {}
    for nodes in (SMALL, LARGE):
        _, pi = fleet_of(nodes, extra)
        costs[nodes] = calls_of(lambda pi=pi: pi.update("bbbbbbbb"))  # type: ignore[misc]
    assert costs[LARGE] <= costs[SMALL] * 1.2 + 20, costs


def test_the_status_of_a_rollout_costs_the_same_in_a_large_fleet() -> None:
    """It counts by indexes, and names as many as a person reads."""
    costs = {}
    for nodes in (SMALL, LARGE):
        desk, _ = fleet_of(nodes, "{}")
        rollout = desk.fleet.rollouts[SERVICE]
        costs[nodes] = calls_of(lambda desk=desk, rollout=rollout: rollout_status(desk.fleet, rollout))  # type: ignore[misc]
        assert len(list(progress.lanes(desk.fleet, rollout, desk.now))) == nodes
    assert costs[LARGE] <= costs[SMALL] * 1.2 + 20, costs
