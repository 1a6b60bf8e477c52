"""L1, L2 and L4 can be broken: a clock runs where nothing that was stated accounts for the wait, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from controller.decide.fleet import Fleet
from controller.decide.rollouts.slot import RolloutState
from sim.excuses import Excuse, uncovered_s
from sim.fleet import SimFleet
from sim.liveness import L1, L2, L4, WITHIN_S
from sim.stacks import service, stack
from sim.violation import ViolationError
from tests.sim.resting import resting

A_WHILE_S, LOOK_S = 200.0, 5.0


@pytest.fixture
def fleet() -> Iterator[SimFleet]:
    """One that has come to rest."""
    with resting(SimFleet) as fleet:
        yield fleet


@pytest.mark.parametrize(
    ("excuses", "left_s"),
    [
        ((), 10.0),
        ((Excuse("all of it", 30.0),), 0.0),
        ((Excuse("the first half", 5.0),), 5.0),
        ((Excuse("the middle", 6.0, 4.0),), 8.0),
        ((Excuse("one", 6.0, 4.0), Excuse("beside it", 5.0, 2.0)), 6.0),
        ((Excuse("before", -1.0), Excuse("after", 20.0, 15.0)), 10.0),
    ],
)
def test_what_no_pause_accounts_for_is_counted(excuses: tuple[Excuse, ...], left_s: float) -> None:
    """Each second once, however many excuses there are."""
    assert uncovered_s(0.0, 10.0, excuses) == left_s


def test_a_node_that_stays_without_its_engine_breaks_l1(fleet: SimFleet) -> None:
    """Nobody struck it, and nobody says that it is to come back: it has its seconds, and no more."""
    fleet.nodes["pi-1"].engine.away = "nobody knows why"
    with pytest.raises(ViolationError, match=rf"^{L1}: pi-1 has had {WITHIN_S[L1]:.0f} s"):
        fleet.run_until_converged(A_WHILE_S)


def test_a_fleet_that_waits_for_nothing_breaks_l2(fleet: SimFleet) -> None:
    """Every node has what it was told, and still not all is as somebody wants it."""
    fleet.sensors["home"] = {"bell"}
    with pytest.raises(ViolationError, match=rf"^{L2}: the fleet has had {WITHIN_S[L2]:.0f} s"):
        fleet.run_until_converged(A_WHILE_S)


def test_a_rollout_that_rests_breaks_l4(fleet: SimFleet) -> None:
    """It is rolling, takes no step, and says nothing of why."""
    knows = _halfway(fleet)
    for _ in range(int(WITHIN_S[L4] / LOOK_S)):
        _pass_over(fleet)
    with pytest.raises(ViolationError, match=rf"^{L4}: home.web has had {WITHIN_S[L4]:.0f} s"):
        _pass_over(fleet)
    assert knows.rollouts["home.web"].state is RolloutState.ROLLING


def test_a_rollout_that_is_paused_says_why(fleet: SimFleet) -> None:
    """Or else it breaks L4 at once."""
    knows = _halfway(fleet)
    knows.rollouts.put("home.web", replace(knows.rollouts["home.web"], state=RolloutState.PAUSED, reason=""))
    with pytest.raises(ViolationError, match=f"^{L4}: home.web is paused, and nobody knows why"):
        _pass_over(fleet)


def _halfway(fleet: SimFleet) -> Fleet:
    """An update that has not come to its end."""
    fleet.registry.push("web:2")
    fleet.publish("home", stack({"web": service("web:2")}))
    fleet.run_until_converged()
    knows = fleet.head.fleet
    assert knows is not None
    knows.rollouts.put("home.web", replace(knows.rollouts["home.web"], state=RolloutState.ROLLING))
    fleet.liveness.begin()
    return knows


def _pass_over(fleet: SimFleet) -> None:
    """Let time pass in which nobody turns."""
    fleet.liveness.look("")
    fleet.world.broker.now_s += LOOK_S


def test_whatever_strikes_stops_the_clocks(fleet: SimFleet) -> None:
    """While a network is away nobody is held to anything; when it is back, everything has all of its seconds."""
    fleet.cut("pi-1")
    fleet.remove("home")
    fleet.world.after(A_WHILE_S, lambda: fleet.mend("pi-1"))
    assert fleet.run_until_converged() > A_WHILE_S
