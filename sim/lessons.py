"""What the checks are told by whoever publishes: they cannot know what a service's updates may do."""

from __future__ import annotations

from protocol.desired import Order
from sim.invariants import Invariants


def learn(invariants: Invariants, service: str, parallelism: int, order: str) -> None:
    """Tell the checks how many tasks an update of a service may take at once, and whether the new one starts first."""
    invariants.budgets[service] = parallelism
    if order == Order.START_FIRST:
        invariants.start_first.add(service)
