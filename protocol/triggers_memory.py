"""What a trigger remembers from one event to the next, as a frozen value. Pure: every time is a value that comes in.

Only the node of the sensor has this memory, and it is committed together with the event. Moments are those of the monotonic clock;
over a reboot the store moves them, so the time that a node was off does not count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from protocol.observed import SensorEvent
from protocol.trigger import TriggerSpec
from protocol.triggers_when import Said, meets

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Memory:
    """What the trigger of that content remembers: `rest_mono_s` is until when it calls nothing more."""

    trigger: TriggerSpec
    rest_mono_s: float | None = None


def fits(trigger: TriggerSpec, event: SensorEvent, said: Said) -> bool:
    """Whether an event is one that a trigger asks for: without `on`, every one of its sensor that meets its conditions."""
    return trigger.concerns(event.sensor) and trigger.on in ("", event.type) and meets(trigger.when, said)


def advance(memory: Memory, event: SensorEvent, said: Said) -> tuple[Memory, bool]:
    """Take in one event of the trigger's stack: what is remembered then, and whether that event calls."""
    if not fits(memory.trigger, event, said):
        return memory, False
    return _unless_at_rest(memory, event.monotonic_ns / NS_PER_S)


def _unless_at_rest(memory: Memory, at_s: float) -> tuple[Memory, bool]:
    if memory.rest_mono_s is not None and at_s < memory.rest_mono_s:
        return memory, False
    rest_s = memory.trigger.cooldown_s
    return replace(memory, rest_mono_s=at_s + rest_s if rest_s else None), True
