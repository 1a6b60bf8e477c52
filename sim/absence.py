"""How the nodes of a rehearsed fleet come and go: spells of absence and of presence, and power cuts, all of random length.

Each node is away a share of its time, in exponentially distributed spells, and begins the rehearsal where chance finds it. Power
cuts strike nodes by lot, so many an hour over the whole fleet. A node that boots has a network until its next spell.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.fleet import SimFleet
from sim.outages import lose_power

SPELL_S = 1800.0
"""A spell of absence on average, unless somebody knows his fleet better: a car park, a night's Wi-Fi, a modem that reboots."""

POWERLESS_S = (5.0, 300.0)
"""Least and most that a power cut lasts: a plug pulled for a vacuum cleaner, a fuse."""

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Absence:
    """`share` of its time each node is away, in spells of `spell_s` on average; `cuts_per_h` power cuts strike the fleet."""

    share: float = 0.0
    spell_s: float = SPELL_S
    cuts_per_h: float = 0.0

    def begin(self, fleet: SimFleet) -> None:
        """Let the nodes come and go from now on."""
        chances = fleet.world.chances
        if self.share > 0:
            for name in fleet.nodes:
                if chances.random() < self.share:
                    self._leave(fleet, name)
                else:
                    self._stay(fleet, name)
        if self.cuts_per_h > 0:
            self._strike_later(fleet)

    def _leave(self, fleet: SimFleet, name: str) -> None:
        fleet.cut(name)
        fleet.world.after(fleet.world.chances.expovariate(1 / self.spell_s), lambda: self._return(fleet, name))

    def _return(self, fleet: SimFleet, name: str) -> None:
        if fleet.nodes[name].is_powered:  # one without power gets its network when it boots
            fleet.mend(name)
        self._stay(fleet, name)

    def _stay(self, fleet: SimFleet, name: str) -> None:
        present_s = self.spell_s * (1 - self.share) / self.share
        if present_s > 0:
            fleet.world.after(fleet.world.chances.expovariate(1 / present_s), lambda: self._leave(fleet, name))

    def _strike_later(self, fleet: SimFleet) -> None:
        fleet.world.after(fleet.world.chances.expovariate(self.cuts_per_h / HOUR_S), lambda: self._strike(fleet))

    def _strike(self, fleet: SimFleet) -> None:
        chances = fleet.world.chances
        node = fleet.nodes[chances.choice(sorted(fleet.nodes))]
        lose_power(fleet, node, chances.uniform(*POWERLESS_S))
        self._strike_later(fleet)
