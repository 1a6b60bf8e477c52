"""A small fleet that has come to rest with one service, for tests of what watches over fleets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from sim.fleet import SimFleet
from sim.stacks import service, stack

F = TypeVar("F", bound=SimFleet)


@contextmanager
def resting(kind: type[F]) -> Iterator[F]:
    """Two nodes of this kind of fleet, and `home.web` on one of them."""
    with kind(nodes=2) as fleet:
        fleet.registry.push("web:1")
        fleet.publish("home", stack({"web": service("web:1")}))
        fleet.run_until_converged()
        yield fleet
