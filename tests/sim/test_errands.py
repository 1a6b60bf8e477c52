"""Histories about calls: in an afternoon without any fault everything happens that they hold promises about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from protocol.operator import OrderVerb
from sim.errands import GONG, RING, Errands
from sim.fleet import SimFleet
from sim.follows import CHAIN
from sim.queues import CROWD, HASTY, LINE, NEWEST, SICK, SINGLE, STACK
from sim.themes import CALLS, CALLS_FIRST
from sim.workload import Workload

RINGS, DESERTED = 8, 6


@pytest.fixture(scope="module")
def fleet() -> Iterator[SimFleet]:
    """Visitors ring, callers ask, a node vanishes over its work, and the operator sees to the dead letters."""
    with SimFleet(3, CALLS_FIRST) as fleet:
        operator = Errands(fleet, is_lean=True)
        operator.begin()
        fleet.run_for(8.0)
        for _ in range(RINGS):
            fleet.press("pi-1", RING)
            fleet.press("pi-2", GONG)
            fleet.run_for(0.5)
        for _ in range(DESERTED):
            operator._desert()
            fleet.run_for(20.0)
        operator.see_to(OrderVerb.REPLAY, f"{STACK}.{SICK}")
        fleet.run_for(5.0)
        operator.see_to(OrderVerb.DROP, STACK)
        operator.end()
        fleet.run_until_converged()
        yield fleet


@pytest.mark.parametrize(
    "end",
    [
        (SINGLE, "done"), (SINGLE, "skipped"), (NEWEST, "done"), (NEWEST, "skipped"), (LINE, "done"), (CROWD, "failed"),
        (HASTY, "expired"), (CHAIN, "done"), (SICK, "failed"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_calls_end_in_every_way_that_they_can(fleet: SimFleet, end: tuple[str, str]) -> None:
    """A promise about what never happens would prove nothing."""
    told = (result for card in fleet.invariants.follows.queues.cards.values() for result in card.told.values())
    assert Counter((result.function, str(result.status)) for result in told)[end] > 0


@pytest.mark.parametrize("what", ["dead_letters", "dead_letters_replayed", "dead_letters_dropped", "taken_over"])
def test_letters_are_kept_replayed_and_dropped_and_work_is_taken_over(fleet: SimFleet, what: str) -> None:
    """By the controller's own counts."""
    assert fleet.head.fleet is not None
    assert sum(count for name, count in fleet.head.fleet.counts.items() if name[0] == what) > 0


def test_every_deed_of_theirs_is_their_operators() -> None:
    """Most are his alone."""
    assert [deed for deed in CALLS.deeds if not hasattr(Errands, f"_{deed}")] == []
    assert [deed for deed in CALLS.deeds if hasattr(Workload, f"_{deed}")] == ["update"]
