"""A card that is copied in the middle of a history: a second machine speaks under a node's name, until it is found and unplugged.

Nobody counts the copy, and no promise is held against it. What it does to its original is judged: when the copy is gone everything
is as wanted. Until then its word counts for the node's, so about this name alone budgets and copies are not judged
(`Invariants.doubted`).
"""

from __future__ import annotations

import random

from sim.cards import events_on
from sim.fleet import SimFleet
from sim.node import SimNode
from sim.twins import copy_card

LONG_S = (30.0, 240.0)
"""How long a copy stays: some are found before anybody has noticed, most are quarantined by then."""


def clone(fleet: SimFleet, chances: random.Random) -> str:
    """Somebody copies a card, and switches the copy on."""
    node, seconds = fleet.nodes[chances.choice(sorted(fleet.nodes))], chances.uniform(*LONG_S)
    if fleet.guests or not node.is_powered:
        return "no card is copied"
    twin = copy_card(fleet, node.name)
    fleet.guests.append(lambda: unplug(fleet, twin))
    fleet.invariants.doubted.add(node.name)
    fleet.invariants.facts.cloned.add(node.name)
    fleet.invariants.honesty.forget(node.name)  # both count their connections
    fleet.world.after(seconds, lambda: unplug(fleet, twin))
    return f"the card of {node.name} is copied, and the copy runs for {seconds:.0f} s"


def unplug(fleet: SimFleet, twin: SimNode) -> None:
    """Somebody finds the copy: it is gone for good, and what it alone remembered with it."""
    if twin.is_powered:
        twin.cut_power()
        fleet.guests.clear()
        fleet.world.broker.mend(twin.name)  # the network of that name is its original's
        fleet.invariants.facts.lost += events_on(twin.path)
