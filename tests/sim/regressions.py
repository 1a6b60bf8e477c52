"""Histories that once broke a promise: what went wrong, by seed. Whoever mends one puts it here.

A seed means something only among the faults that there were: the first so many of `sim.faults.FAULTS`, which grows at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from sim.faults import FAULTS
from sim.history import Plan


@dataclass(frozen=True, slots=True)
class Regression:
    """One history that holds again."""

    seed: int
    was: str
    faults: int

    @property
    def plan(self) -> Plan:
        """The history as it was then."""
        return Plan(faults=dict(islice(FAULTS.items(), self.faults)))


REGRESSIONS = (Regression(103, "the removal of a status overtook the next", 17),)
