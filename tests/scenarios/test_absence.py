"""Stories of nodes that are lost, replaced and return, with the real loops of controller and agents in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from operator import itemgetter
from typing import Any

import pytest

from controller.decide.fleet import Fleet
from protocol.operator import OrderVerb
from protocol.topics import ROOT
from sim.fleet import SimFleet
from sim.stacks import away
from tests.scenarios.porch import a_fleet, reasons, service, stack

CLOCK = "home.clock"
HOME, OTHER = itemgetter(0), itemgetter(1)
"""Where a clock was, and where it went. Of two nodes that are alike, the first by its name has the best score."""


def clock(fleet: SimFleet, replicas: int = 1, **disconnect: Any) -> None:
    """Publish a clock with a policy, and wait until it runs."""
    if disconnect.get("replace", True):
        fleet.invariants.replaced.add(CLOCK)
    fleet.publish("home", stack({"clock": away(service("clock:1", replicas), **disconnect)}))
    fleet.run_until_converged()


def knows(fleet: SimFleet) -> Fleet:
    """What the controller knows."""
    assert fleet.head.fleet is not None
    return fleet.head.fleet


def where(fleet: SimFleet) -> set[str]:
    """The nodes on which the clock really runs."""
    return set(fleet.running(CLOCK))


@pytest.mark.parametrize(
    ("reconcile", "of_both"),
    [("best_score", min), ("keep_original", HOME), ("keep_replacement", OTHER), ("longest_running", HOME)],
)
def test_a_node_is_lost_replaced_and_returns(reconcile: str, of_both: Callable[[tuple[str, str]], str]) -> None:
    """Its clock goes on, another begins, both run until the node has been steady; then there is one, where the policy says."""
    with a_fleet(nodes=3) as fleet:
        clock(fleet, replace=True, reconcile=reconcile)
        (home,) = where(fleet)
        before = fleet.containers()[home]
        fleet.cut(home)
        fleet.run_for(minutes=3)
        (other,) = where(fleet) - {home}
        fleet.mend(home)
        fleet.run_for(seconds=50)
        assert where(fleet) == {home, other}
        assert fleet.containers()[home] == before
        fleet.run_until_converged()
        assert where(fleet) == {of_both((home, other))}


def test_a_node_that_has_lost_its_power_is_replaced_and_ends_its_copy_when_it_is_lost() -> None:
    """After `lost_after` nothing waits for it; when it returns it stops what is no longer its own."""
    with a_fleet(nodes=3) as fleet:
        clock(fleet, replace=True, lost_after="5m", reconcile="keep_original")
        (home,) = where(fleet)
        fleet.nodes[home].cut_power()
        fleet.run_for(minutes=3)
        (other,) = where(fleet)
        assert other != home
        fleet.run_for(minutes=5)
        fleet.nodes[home].power()
        fleet.run_until_converged()
        assert where(fleet) == {other}
        fleet.run_for(minutes=3)
        assert where(fleet) == {other}


def test_what_stops_by_itself_goes_elsewhere_and_never_runs_twice() -> None:
    """The node stops it when it has heard nothing for so long; the other begins only then (S2 is looked at all along)."""
    with a_fleet(nodes=2) as fleet:
        clock(fleet, replace=False, stop_on_client_after="2m")
        home = where(fleet)
        fleet.cut(*home)
        fleet.run_for(seconds=100)
        assert where(fleet) == home
        assert "it stops by itself after 2 min" in reasons(fleet, "home")
        fleet.run_for(seconds=75)
        assert where(fleet) == set()
        fleet.run_for(minutes=2)
        assert where(fleet) == {"pi-1", "pi-2"} - home
        fleet.mend(*home)
        fleet.run_until_converged()
        assert where(fleet) == {"pi-1", "pi-2"} - home


def test_without_a_policy_nothing_moves() -> None:
    """An absence of a day disturbs nobody, and the same container is there at its end."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("home", stack({"clock": service("clock:1", 1)}))
        fleet.run_until_converged()
        before = fleet.containers()
        (home,) = where(fleet)
        fleet.cut(home)
        fleet.run_for(minutes=120)
        fleet.mend(home)
        fleet.run_until_converged()
        assert fleet.containers() == before


@pytest.mark.parametrize("away_s", [20.0, 60.0])
def test_a_node_that_toggles_for_an_hour_moves_once_at_most_and_is_told_of_once(away_s: float) -> None:
    """Whether its absences are too short to be seen, or each of them ends in its being offline."""
    with a_fleet(nodes=3) as fleet:
        clock(fleet, replace=True)
        home = next(iter(where(fleet)))
        places = [home]
        for _ in range(round(3600 / (away_s + 20.0))):
            fleet.cut(home)
            fleet.run_for(seconds=away_s)
            fleet.mend(home)
            fleet.run_for(seconds=20.0)
            places.append(knows(fleet).tasks[f"{CLOCK}.1"].node)
        assert sum(one != other for one, other in pairwise(places)) <= 1
        assert knows(fleet).counts.get(("unsteady",), 0) == (1 if away_s > 30.0 else 0)
        fleet.run_for(minutes=12)
        fleet.run_until_converged()
        assert len(where(fleet)) == 1


@pytest.mark.parametrize("is_forced", [True, False])
def test_a_decommissioned_node_leaves_no_retained_topic_behind(is_forced: bool) -> None:
    """Switched off and let go, or told to stop everything while it is there; its clock goes on elsewhere, once."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("home", stack({"clock": service("clock:1", 1)}))
        fleet.run_until_converged()
        home = next(iter(where(fleet)))
        other = fleet.nodes.keys() - {home}
        assert retained(fleet, home)
        if is_forced:
            fleet.order(OrderVerb.DECOMMISSION, home, force=True)
            fleet.run_for(minutes=1)
            assert where(fleet) == other
        fleet.nodes[home].cut_power()
        fleet.run_for(minutes=3)
        if not is_forced:
            assert where(fleet) == set()
            fleet.order(OrderVerb.DECOMMISSION, home)
            fleet.run_for(minutes=1)
        assert where(fleet) == other
        assert retained(fleet, home) == []
        # Who let it go has vouched for its end; until it hears, its old copy is a second one.
        fleet.invariants.replaced.add(CLOCK)
        fleet.nodes[home].power()
        fleet.run_until_converged()
        assert where(fleet) == other


def retained(fleet: SimFleet, node: str) -> list[str]:
    """The retained topics of a node."""
    prefix = f"{ROOT}/default/node/{node}/"
    return sorted(topic for topic in fleet.world.broker.retained if topic.startswith(prefix))


def test_a_restart_by_order_takes_one_at_a_time() -> None:
    """An ordinary update: S1 is looked at all along, and every container is another in the end."""
    with a_fleet(nodes=3) as fleet:
        fleet.invariants.budgets[CLOCK] = 1
        fleet.publish("home", stack({"clock": service("clock:1")}))
        fleet.run_until_converged()
        before = fleet.containers()
        fleet.order(OrderVerb.RESTART, CLOCK)
        fleet.run_until_converged()
        after = fleet.containers()
        assert all(before[name] != after[name] for name in before)
        assert fleet.invariants.most_down[CLOCK] == 1


CHURNING = 200
CHURN_S = 300.0
STRETCH = 20.0
"""How much longer than meant idle agents sleep: fewer turns to simulate."""


def test_two_hundred_nodes_that_come_and_go_keep_the_counts() -> None:
    """Whatever falls is replaced; when all are back there is one of each, and nothing has two."""
    with a_fleet(nodes=CHURNING, seed=7) as fleet:
        for node in fleet.nodes.values():
            node.process.stretch = STRETCH
        clock(fleet, replicas=60, replace=True, lost_after="4m")
        chances, ends = fleet.world.chances, fleet.world.now_s + CHURN_S
        cut: set[str] = set()
        while fleet.world.now_s < ends:
            for name in chances.sample(sorted(fleet.nodes), 12):
                (fleet.mend if name in cut else fleet.cut)(name)
                cut ^= {name}
            fleet.run_for(seconds=30.0)
        online = {name for name in fleet.nodes if name not in cut}
        fleet.run_for(minutes=3)
        tasks = knows(fleet).tasks
        assert {tasks[task].node for task in tasks} <= online
        fleet.mend(*cut)
        fleet.run_until_converged()
        assert sum(len(images) for images in fleet.running(CLOCK).values()) == 60
