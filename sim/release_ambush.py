"""Something bad just when a launcher or an agent changes the folder of the releases: between any two of its few acts there."""

from __future__ import annotations

import random

from sim.fleet import SimFleet
from sim.outages import lose_power

WORDS = ("releases: writes", "releases: links", "releases: renames", "releases: removes", "releases: syncs", "launcher")
FILES = ("trying.json", "verdict.json", "current", "previous", "complete")
LATE_MOST = 3
"""Acts that are still done after the one that was waited for."""

SHORT_S = (2.0, 40.0)


def ambush_release(fleet: SimFleet, chances: random.Random) -> str:
    """Wait for one node: its process dies between two acts on the disk, or all of it does, with what was not synced."""
    node = fleet.nodes[chances.choice(sorted(fleet.nodes))]
    word = chances.choice((*WORDS, *(f"renames {name}" for name in FILES)))
    late, has_power, seconds = chances.randint(0, LATE_MOST), chances.random() < 0.5, chances.uniform(*SHORT_S)

    def strike() -> None:
        node.process.fuse = late
        if not has_power:
            fleet.world.after(0.0, lambda: lose_power(fleet, node, seconds))

    node.process.ambush = (word, strike)
    return f"{node.name} {'dies' if has_power else 'loses its power'} when it next does {word!r}"
