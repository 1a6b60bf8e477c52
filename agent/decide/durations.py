"""Durations as people say them: `3 h`, `50 s`, `1 h 30 min`.

What is still going on is told in coarse steps, or it would be news each second.
"""

from __future__ import annotations

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
STEPS_S = (60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400)
# Each some twice the one before: a status a day for what has waited for days, a dozen for a day.


def said(seconds: float) -> str:
    """A duration in its two largest units that matter; below a second as it is."""
    rest, parts = round(seconds), []
    for unit_s, name in UNITS:
        count, rest = divmod(rest, unit_s)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or f"{seconds:g} s"


def over(seconds: float) -> str:
    """How long something goes on by now, to the step; nothing for less than a minute."""
    days_s = seconds // 86_400 * 86_400
    least_s = days_s or max((step_s for step_s in STEPS_S if step_s <= seconds), default=0)
    return said(least_s) if least_s else ""
