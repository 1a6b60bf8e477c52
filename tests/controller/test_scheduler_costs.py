"""Law 10 for placement: what one more task, one changed node and one drained node cost, in small and large fleets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from controller.decide.presence import Presence
from controller.decide.records import Availability
from protocol.stack import Mode, Needs, Resources
from tests.controller.test_costs import calls_of
from tests.controller.yard import Yard, service

SMALL, LARGE = 50, 1_000
RESERVED = Resources(0.01, 2**20)


def fleet_of(nodes: int) -> Yard:
    """As many tasks as nodes, of services that ask for something; one waits for hardware that nobody has, one is everywhere."""
    yard = Yard()
    for number in range(nodes):
        yard.node(f"pi-{number:04d}", labels={"place": "porch", "site": f"s{number % 5}"})
    yard.publish(
        service("one", replicas=nodes // 2, constraints=("node.labels.place == porch",), reservations=RESERVED),
        service("two", replicas=nodes // 2, preferences=("site",), reservations=RESERVED),
        service("all", mode=Mode.GLOBAL),
        service("never", needs=Needs(buses=("i2c-1",))),
    )
    yard.turn()
    for number in range(nodes):
        yard.runs(f"pi-{number:04d}")
    for name in ("one", "two"):
        scaled(yard, name)  # a ranking reads once what was placed since it was used last
        yard.turn()
    return yard


def scaled(yard: Yard, name: str) -> None:
    """One more replica is wanted."""
    key = f"shop.{name}"
    wanted = yard.fleet.catalogue.services[key]
    yard.fleet.catalogue.services[key] = replace(wanted, replicas=wanted.replicas + 1)
    yard.fleet.unsettled.services.add(key)


def joined(yard: Yard) -> None:
    """A node that was not there before."""
    yard.node("pi-new", labels={"place": "porch"})


ACTS: dict[str, Callable[[Yard], None]] = {
    "one more task": lambda yard: scaled(yard, "one"),
    "one more task of a spread service": lambda yard: scaled(yard, "two"),
    "a drained node": lambda yard: yard.change("pi-0001", availability=Availability.DRAIN),
    "a node that goes away": lambda yard: yard.presence("pi-0001", Presence.OFFLINE),
    "a node with other hardware": lambda yard: yard.node("pi-0001", buses=("i2c-1",), labels={"place": "porch"}),
    "a new node": joined,
}


@pytest.mark.parametrize("name", ACTS)
def test_one_change_costs_the_same_in_a_large_fleet(name: str) -> None:
    """Twenty times the nodes and tasks, at most twice the calls."""
    costs = {}
    for nodes in (SMALL, LARGE):
        yard = fleet_of(nodes)
        ACTS[name](yard)
        costs[nodes] = calls_of(yard.turn)
    assert costs[LARGE] <= costs[SMALL] * 2, costs
