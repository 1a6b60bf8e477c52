"""A card that somebody copied: a second node with the same name, the same store, and an engine of its own.

The copy is no node of the fleet: nobody counts it, and no promise is held against it. To broker and controller both are one.
"""

from __future__ import annotations

from sim.cards import events_on, keep
from sim.fleet import SimFleet
from sim.node import SimNode


def copy_card(fleet: SimFleet, name: str) -> SimNode:
    """Copy a running node's card into another machine, and switch that on."""
    node = fleet.nodes[name]
    labels = node.labels
    twin = SimNode(fleet.world, name, node.path.parent / "twin", fleet.registry, labels)
    keep(node.path, twin.path)
    fleet.invariants.facts.copied += events_on(twin.path)
    twin.process.name = f"{name}-twin"
    twin.accepted = node.accepted  # events of both must be handled
    twin.process.reboot()
    twin.process.start()
    return twin
