"""Losing something for a while: a link, the power of a node, the broker. Each comes back by itself."""

from __future__ import annotations

from sim.fleet import SimFleet
from sim.node import SimNode


def lose_link(fleet: SimFleet, name: str, seconds: float) -> None:
    """Cut a client off for a while."""
    if not fleet.is_healed:
        fleet.cut(name)
        fleet.world.after(seconds, lambda: find_link(fleet, name))


def find_link(fleet: SimFleet, name: str) -> None:
    """Give the network back, unless there is nobody to give it to: a node without power gets it when it boots."""
    if name not in fleet.nodes or fleet.nodes[name].is_powered:
        fleet.mend(name)


def lose_power(fleet: SimFleet, node: SimNode, seconds: float) -> None:
    """Take the power of a node for a while."""
    if node.is_powered and not fleet.is_healed:
        node.cut_power()
        fleet.world.after(seconds, lambda: None if node.is_powered else node.power())


def lose_broker(fleet: SimFleet, seconds: float, *, forgets: bool) -> None:
    """Take the broker for a while."""
    if fleet.world.broker.is_running and not fleet.is_healed:
        fleet.lose_broker(lose_retained=forgets)
        fleet.world.after(seconds, lambda: None if fleet.world.broker.is_running else fleet.start_broker())
