"""The faults of some themes alone: what hardly ever happens to a fleet, and is drawn only in histories that are about it."""

from __future__ import annotations

from sim.clones import clone
from sim.fullness import fill_card, fill_disk
from sim.lateness import come_late, haunt, put_back
from sim.mishaps import outstay
from sim.release_ambush import ambush_release
from sim.usurpers import usurp

RARITIES = (clone, usurp, fill_disk, fill_card, come_late, put_back, haunt, ambush_release, outstay)
"""In the histories of all other themes none of them comes."""
