"""When an update may begin on this node: inside the window of its offer, by the node's own clock and in its own time zone.

A window is open for so long from each time of its schedule; one that is longer than the pause between two times is always open. A
clock that neither a time server nor a clock chip has set opens nothing: what time it is here is a guess, and an update at noon is
what the window is there to prevent. What has begun inside may end outside.
"""

from __future__ import annotations

from agent.decide.now import Now
from protocol.desired import Window
from protocol.durations import window as hours


def closed(window: Window | None, now: Now) -> str:
    """Why nothing may begin now, in a sentence that holds still; nothing while the window is open."""
    if window is None:
        return ""
    waits = f"waits for its window: {hours(window.schedule, window.duration_s)}"
    if not now.clock.is_right:
        return f"{waits}; the node's clock is not set"
    start_epoch_s = _next(window.schedule, now.epoch_s - window.duration_s, now)
    if not now.is_past(start_epoch_s):
        return f"{waits}, next at {now.local(start_epoch_s)}"
    now.is_past(start_epoch_s + window.duration_s)  # so that somebody looks when it closes
    return ""


def _next(schedule: str, after_epoch_s: float, now: Now) -> float:
    from protocol.cron import next_after  # noqa: PLC0415 - 0.4 MB that a node without windows does without

    return next_after(schedule, after_epoch_s, now.zone)
