"""Law 10: a turn costs what changed, not what exists. Counted in calls of Python functions, so the answer is always the same."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType

import pytest

from controller.decide.deadlines import Deadlines
from controller.decide.shelf import Shelf
from protocol.observed import Health, Link
from protocol.topics import HealthTopic
from tests.controller.desk import FLEET, Desk
from tests.controller.pi import Pi
from tests.controller.test_invocations import PORCH, RUNS, event, porch, sense
from tests.controller.test_rollout import web

SMALL, LARGE = 20, 400

Act = Callable[[Desk], object]


def calls_of(act: Callable[[], object]) -> int:
    """How many functions are called while something is done."""
    count = 0

    def profile(_frame: FrameType, what: str, _argument: object) -> None:
        nonlocal count
        count += what == "call"

    gc.disable()  # whoever listens to the collector (hypothesis does) would be counted, too
    sys.setprofile(profile)
    try:
        act()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def fleet_of(nodes: int) -> Desk:
    """A fleet with a global service, in the middle of an update."""
    desk = Desk()
    for number in range(nodes):
        desk.hello(f"pi-{number}")
    desk.manifest("shop", web("web:1"))
    for number in range(nodes):
        desk.runs(f"pi-{number}")
    desk.manifest("shop", web("web:2"))
    return desk


def updated(desk: Desk) -> None:
    """One node goes through its update."""
    assert Pi(desk, "pi-1").update("aaaaaaaa")


ACTS: dict[str, Act] = {
    "nothing": lambda desk: desk.turn(0.1),
    "health": lambda desk: desk.heard(HealthTopic(FLEET, "pi-1"), Health(1.0, 0.1, 1, 1)),
    "status": lambda desk: desk.runs("pi-1"),
    "hello": lambda desk: desk.hello("pi-1"),
    "changed labels": lambda desk: desk.hello("pi-1", labels={"site": "home"}),
    "a new node": lambda desk: desk.hello("pi-new"),
    "a will": lambda desk: desk.presence("pi-1", Link.OFFLINE),
    "an update": updated,
}


@pytest.mark.parametrize("name", ACTS)
def test_what_one_node_does_costs_the_same_in_a_large_fleet(name: str) -> None:
    """Twenty times the nodes, at most a fifth more calls."""
    costs = {}
    for nodes in (SMALL, LARGE):
        desk = fleet_of(nodes)
        costs[nodes] = calls_of(lambda desk=desk: ACTS[name](desk))  # type: ignore[misc]
    assert costs[LARGE] <= costs[SMALL] * 1.2 + 20, costs


@pytest.mark.parametrize("act", ["hello", "a return"])
def test_a_node_that_comes_costs_the_same_however_much_waits_for_others(act: str) -> None:
    """Ten thousand invocations may wait for a node that is away, while a thousand others come and go."""
    costs = {}
    for waiting in (SMALL, LARGE):
        desk = porch(pi_1=PORCH, pi_2=RUNS)
        desk.presence("pi-2", Link.OFFLINE)
        desk.presence("pi-1", Link.OFFLINE)
        desk.turn(60.0)
        for number in range(waiting):
            sense(desk, event(number))
        desk.presence("pi-1", Link.OFFLINE)
        desk.turn(60.0)
        coming = {"hello": lambda desk: desk.hello("pi-1", labels=PORCH), "a return": back}[act]
        costs[waiting] = calls_of(lambda desk=desk, coming=coming: coming(desk))  # type: ignore[misc]
        assert len(desk.fleet.ledger.of("open", "")) == waiting
    assert costs[LARGE] <= costs[SMALL] * 1.2 + 20, costs


def back(desk: Desk) -> None:
    """A node is born again."""
    desk.presence("pi-1", Link.ONLINE, epoch=2)


def test_a_shelf_knows_what_changed_and_finds_by_its_indexes() -> None:
    """Equal values change nothing; a record is found under its present properties only."""
    shelf: Shelf[str] = Shelf(str, first=lambda text: text[0])
    assert shelf.put("1", "ab")
    assert not shelf.put("1", "ab")
    shelf.put("2", "ac")
    assert shelf.of("first", "a") == {"1", "2"}
    shelf.put("1", "ba")
    shelf.drop("2")
    assert (shelf.of("first", "a"), shelf.of("first", "b")) == (frozenset(), {"1"})
    assert shelf.take_changed() == [("1", "ba"), ("2", None)]
    assert not shelf.is_changed


def test_a_deadline_is_taken_once_and_only_the_last_that_was_set() -> None:
    """A lease that is renewed a hundred times is looked at when it is due."""
    deadlines = Deadlines()
    for due in (5.0, 9.0, 7.0):
        deadlines.set("lease", "pi-1", due)
    deadlines.set("lease", "pi-2", 6.0)
    deadlines.drop("lease", "pi-2")
    assert deadlines.take_due(6.9) == []
    assert deadlines.take_due(7.0) == [("lease", "pi-1")]
    assert deadlines.take_due(100.0) == []


def test_deadlines_that_are_no_longer_set_are_let_go() -> None:
    """Ten thousand invocations a second, each with an hour to expire in, would leave forty million."""
    deadlines = Deadlines()
    for number in range(20_000):
        deadlines.set("expiry", f"{number}", 3600.0 + number)
        if number % 100:
            deadlines.drop("expiry", f"{number}")
    assert len(deadlines._heap) < 2_000
    assert len(deadlines.take_due(30_000.0)) == 200
