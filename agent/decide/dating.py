"""When something was sensed: read from the wall clock, or reckoned later by the monotonic one.

An event carries the moment of its edge on the monotonic clock of its boot. While no time server has set the wall clock its time is
only a guess; once one has, events of this boot that still wait in the outbox are given the time that the clock would have shown.
Those of an earlier boot keep their guess: nobody knows for how long the machine was off.
"""

from __future__ import annotations

from agent.decide.now import Now
from protocol.observed import Clock

BOOT, MOMENT, TIME, CLOCK = "bootid", "monotonic", "time", "clock"
"""Attributes of an event, as `protocol.events` writes them."""

Attributes = tuple[tuple[str, str], ...]

NS_PER_S = 1e9


def redated(attributes: Attributes, boot: str, now: Now) -> Attributes | None:
    """An event's attributes with a time that is right; None where they are no event's of this boot, or it is right already."""
    said = dict(attributes)
    is_ours = said.get(BOOT) == boot and said.get(MOMENT, "").isdecimal()
    if now.clock is not Clock.SYNCED or not is_ours or said.get(CLOCK) not in (Clock.GUESS, Clock.RTC):
        return None
    renewed = {TIME: now.wall_at(int(said[MOMENT]) / NS_PER_S), CLOCK: str(Clock.REDATED)}
    return tuple((name, renewed.get(name, value)) for name, value in attributes)
