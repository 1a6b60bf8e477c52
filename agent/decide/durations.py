"""How long something goes on by now: told in coarse steps, or it would be news each second."""

from __future__ import annotations

from protocol.durations import said

STEPS_S = (60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400)
# Each some twice the one before: a status a day for what has waited for days, a dozen for a day.


def over(seconds: float) -> str:
    """To the step that it has reached; nothing for less than a minute."""
    days_s = seconds // 86_400 * 86_400
    least_s = days_s or max((step_s for step_s in STEPS_S if step_s <= seconds), default=0)
    return said(least_s) if least_s else ""
