"""How each node comes and goes, in a few numbers that outlive us: the mean of its stretches, and of its gaps.

A weighted mean: the first ten count alike, then the last ones more, so a node that was moved to a better place is soon trusted.
Measured on the controller's own clock, while the controller runs; a stretch or gap that a restart cut has no beginning, and is left
out. Nothing is decided by it: it says how long an update will probably take.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

from controller.decide.fleet import Fleet
from controller.decide.presence import Presence
from controller.decide.records import Attendance
from controller.decide.rollouts.forecast import Prospect

LEAST_WEIGHT = 0.1
"""Of the newest in the mean: it forgets half of what was before within seven."""


def came(fleet: Fleet, node: str, now_mono_s: float) -> None:
    """A node is there: the end of a gap, and the beginning of a stretch."""
    away_mono_s = fleet.away_mono_s.pop(node, None)
    fleet.here_mono_s.setdefault(node, now_mono_s)
    if away_mono_s is not None:
        fleet.attendances.put(node, with_gap(known(fleet, node), now_mono_s - away_mono_s))


def went(fleet: Fleet, node: str, now_mono_s: float) -> None:
    """A node is away: the end of a stretch, and the beginning of a gap."""
    here_mono_s = fleet.here_mono_s.pop(node, None)
    fleet.away_mono_s[node] = now_mono_s
    if here_mono_s is not None:
        fleet.attendances.put(node, with_stretch(known(fleet, node), now_mono_s - here_mono_s))


def forget(fleet: Fleet, node: str) -> None:
    """A node has left the fleet."""
    fleet.attendances.drop(node)
    fleet.away_mono_s.pop(node, None)
    fleet.here_mono_s.pop(node, None)


def known(fleet: Fleet, node: str) -> Attendance:
    """What is known of a node; nothing of one that never came or went."""
    return fleet.attendances.get(node) or Attendance(node)


def with_stretch(before: Attendance, stretch_s: float) -> Attendance:
    """One more stretch."""
    mean_s = _mean(before.up_s, before.ups, stretch_s)
    return replace(before, up_s=mean_s, ups=before.ups + 1)


def with_gap(before: Attendance, gap_s: float) -> Attendance:
    """One more gap. Of its square, too: from the two follows how much of a gap is left when one comes upon it."""
    mean_s, square = _mean(before.gap_s, before.gaps, gap_s), _mean(before.gap_square, before.gaps, gap_s**2)
    return replace(before, gap_s=mean_s, gap_square=square, gaps=before.gaps + 1)


def prospect(fleet: Fleet, node: str, work_s: float, now_mono_s: float) -> Prospect | None:
    """A task's chances on a node that it needs for so long; None for a node that is away and has never returned."""
    seen = known(fleet, node)
    here_s = now_mono_s - fleet.here_mono_s.get(node, now_mono_s)
    up_s = max(seen.up_s, here_s) if seen.ups else inf
    if fleet.presence(node) is not Presence.OFFLINE:
        return Prospect(work_s, up_s, seen.gap_s)
    away_s = now_mono_s - fleet.away_mono_s.get(node, fleet.up_mono_s)
    if not seen.gaps:
        return None
    return Prospect(work_s, up_s, seen.gap_s, max(rest_s(seen), away_s))


def rest_s(seen: Attendance) -> float:
    """How much of a gap is left on average: gaps of very unequal length are mostly met in the long ones."""
    return max(seen.gap_s, seen.gap_square / (2 * seen.gap_s) if seen.gap_s else 0.0)


def _mean(before: float, count: int, value: float) -> float:
    weight = max(1.0 / (count + 1), LEAST_WEIGHT)
    return before + weight * (value - before)
