"""Which ticks of a timer are called now, and when the next one comes: those that were missed are made good as `catchup` says.

A tick is missed while the engine is away, the agent, or the whole node. The monotonic clock tells how many of the first two. How
long a node was off nobody knows but a clock that was right before and is right again: a tick is dated by it as soon as it can be,
and what was dated in an earlier boot is due at its date. Where no such clock comes before the first tick of a boot, the time that
the node was off does not count. The beat of the ticks is kept, whichever of them are called.
"""

from __future__ import annotations

from math import ceil, floor

from agent.decide.marks import Deadline
from agent.decide.now import Now
from protocol.trigger import Catchup, TriggerSpec

ON_TIME_S = 60.0
# As for schedules: what a busy Pi holds up for seconds is not missed.
ON_TIME_SHARE = 0.5
# Of the interval of a quick timer: one that is later is nearer to the next tick than to its own.
AT_ONCE_MOST = 100
# Calls of one timer in one turn; what is left comes in the next.


def dated(due_mono_s: float, boot: str, now: Now) -> Deadline:
    """A tick of this boot, with its date if that can be told."""
    return Deadline(due_mono_s, now.epoch_s + due_mono_s - now.mono_s if now.clock.is_right else None, boot)


def followed(timer: Deadline, boot: str, now: Now) -> Deadline:
    """The tick that was waited for, as far as this boot knows of it: one of an earlier boot is due at its date."""
    if timer.due_epoch_s is None:
        return dated(timer.due_mono_s, boot, now) if now.clock.is_right else timer
    if timer.boot == boot or not now.clock.is_right:
        return timer
    due_mono_s = min(timer.due_mono_s, now.mono_s + timer.due_epoch_s - now.epoch_s)
    return Deadline(due_mono_s, timer.due_epoch_s, boot)


def come(trigger: TriggerSpec, due_mono_s: float, now: Now) -> tuple[tuple[float, ...], int, float]:
    """At least one tick has come: the moments of those that are called, how many are let go, and when the next is due."""
    every_s = trigger.every_s
    most_s = min(ON_TIME_S, every_s * ON_TIME_SHARE) if trigger.catchup is Catchup.SKIP else trigger.max_age_s
    last = floor((now.mono_s - due_mono_s) / every_s)
    first = max(0, ceil((now.mono_s - most_s - due_mono_s) / every_s))
    called, upto = range(first, min(first, last) + 1), last
    if trigger.catchup is Catchup.ALL and first <= last:
        upto = min(last, first + AT_ONCE_MOST - 1)
        called = range(first, upto + 1)
    moments = tuple(due_mono_s + number * every_s for number in called)
    return moments, upto + 1 - len(moments), due_mono_s + (upto + 1) * every_s
