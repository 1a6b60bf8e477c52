"""Durations and windows as people say them: `3 h`, `1 h 30 min`, `02:00 for 3 h`; by nodes, controllers and terminals alike.

What is read by machines stays in seconds.
"""

from __future__ import annotations

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def said(seconds: float) -> str:
    """A duration in its two largest units that matter; below a second as it is."""
    rest, parts = round(seconds), []
    for unit_s, name in UNITS:
        count, rest = divmod(rest, unit_s)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or f"{seconds:g} s"


def roughly(seconds: float) -> str:
    """A duration that nobody knows to the second, in one unit, of which there are two at least."""
    unit_s, name = next((unit for unit in UNITS if seconds >= 2 * unit[0]), UNITS[-1])
    return f"{seconds / unit_s:.0f} {name}"


def window(schedule: str, duration_s: float) -> str:
    """When a window is open: `02:00 for 3 h` where that is one time of each day, otherwise the schedule as it was written."""
    minute, hour, *days = [*schedule.split(), "", ""][:5]
    is_daily = minute.isdecimal() and hour.isdecimal() and days == ["*", "*", "*"]
    return f"{f'{int(hour):02}:{int(minute):02}' if is_daily else schedule} for {said(duration_s)}"
