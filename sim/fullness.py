"""Disks that are full for a while: no image can be pulled any more, or an agent's store takes nothing.

A store is filled for real: SQLite may have no page more than it has. A store that is opened anew meanwhile has room again.
"""

from __future__ import annotations

import random

from sim.fleet import SimFleet
from sim.node import SimNode

LONG_S = (10.0, 90.0)
UNBOUNDED = 2**32 - 2
"""SQLite's own limit of pages."""


def fill_disk(fleet: SimFleet, chances: random.Random) -> str:
    """No image finds room on a node."""
    node, seconds = _node(fleet, chances), chances.uniform(*LONG_S)
    node.engine.disk_full = True
    fleet.world.after(seconds, lambda: empty(node))
    return f"the disk of {node.name} is full for {seconds:.0f} s"


def fill_card(fleet: SimFleet, chances: random.Random) -> str:
    """An agent's store takes nothing more."""
    node, seconds = _node(fleet, chances), chances.uniform(*LONG_S)
    if node.store is None:
        return f"the agent of {node.name} is dead, and its store full of nothing"
    node.store.bound(1)
    fleet.world.after(seconds, lambda: empty(node))
    return f"the store of {node.name} takes nothing for {seconds:.0f} s"


def empty(node: SimNode) -> None:
    """Somebody makes room."""
    node.engine.disk_full = False
    if node.store is not None:
        node.store.bound(UNBOUNDED)


def _node(fleet: SimFleet, chances: random.Random) -> SimNode:
    return fleet.nodes[chances.choice(sorted(fleet.nodes))]
