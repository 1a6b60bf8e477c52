"""What a trigger remembers from one event to the next, as a frozen value. Pure: every time is a value that comes in.

`advance` takes an event in, `due` lets the time pass; both return the memory as it is then, and the causes of calls. Before an
event counts, a deadline that it has passed is settled; so the calls depend on the events alone, and not on when `due` is asked.

Only the node of the sensor has this memory, and it is committed together with the event. Moments are those of the monotonic clock;
over a reboot the store moves them, so the time that a node was off does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from protocol.observed import SensorEvent
from protocol.trigger import Figure, RollingWindow, TriggerSpec
from protocol.triggers.when import Said, meets

NS_PER_S = 1_000_000_000
SAMPLES_MOST = 100
# What a window keeps at most: all of it is written with every event.

FIGURES: Mapping[Figure, Callable[[tuple[float, ...]], float]] = {
    Figure.COUNT: len,
    Figure.AVERAGE: lambda values: sum(values) / len(values),
    Figure.MIN: min,
    Figure.MAX: max,
}


@dataclass(frozen=True, slots=True)
class Cause:
    """The event that a function is called with: its CloudEvents attributes, and its data as text."""

    attributes: dict[str, str]
    body: str


Causes = tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """What the trigger of that content remembers.

    `rest_mono_s` is until when it calls nothing more; `due_mono_s` when the wait that `cause` began is over. A window has the
    moments and values of its samples, and whether it `is_met` already. A sequence has the moments at which those of its beginnings
    began that may still be completed, and how many `steps` each has come.
    """

    trigger: TriggerSpec
    rest_mono_s: float | None = None
    due_mono_s: float | None = None
    cause: Cause | None = None
    times_mono_s: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    is_met: bool = False
    steps: tuple[int, ...] = ()


def fits(trigger: TriggerSpec, event: SensorEvent, said: Said) -> bool:
    """Whether an event is one that a trigger asks for: without `on`, every one of its sensor that meets its conditions."""
    return trigger.sensor == event.sensor and trigger.on in ("", event.type) and meets(trigger.when, said)


def advance(memory: Memory, event: SensorEvent, said: Said, cause: Cause) -> tuple[Memory, Causes]:
    """Take in one event of a sensor that concerns the trigger; `cause` is what a function gets to see of it."""
    at_s = event.monotonic_ns / NS_PER_S
    memory, before = due(memory, at_s)
    trigger = memory.trigger
    if trigger.for_s:
        return _waiting(memory, event, said, cause), before
    if trigger.sequence:
        memory, is_met = _stepped(memory, event, at_s)
    elif not fits(trigger, event, said):
        is_met = False
    elif trigger.window is not None:
        memory, is_met = _gathered(memory, trigger.window, event, at_s)
    else:
        is_met = True
    memory, called = _unless_at_rest(memory, at_s, cause) if is_met else (memory, ())
    return memory, (*before, *called)


def due(memory: Memory, now_s: float) -> tuple[Memory, Causes]:
    """Let the time pass up to a moment."""
    if memory.due_mono_s is None or now_s < memory.due_mono_s or memory.cause is None:
        return memory, ()
    return _unless_at_rest(ended(memory), memory.due_mono_s, memory.cause)


def ended(memory: Memory) -> Memory:
    """What was waited for is no more."""
    return replace(memory, due_mono_s=None, cause=None)


def _waiting(memory: Memory, event: SensorEvent, said: Said, cause: Cause) -> Memory:
    """The wait begins with the event that is asked for, and ends without a call with its opposite."""
    trigger = memory.trigger
    if event.type == trigger.until:
        return ended(memory)
    if memory.due_mono_s is not None or not fits(trigger, event, said):
        return memory
    return replace(memory, due_mono_s=event.monotonic_ns / NS_PER_S + trigger.for_s, cause=cause)


def _gathered(memory: Memory, window: RollingWindow, event: SensorEvent, at_s: float) -> tuple[Memory, bool]:
    """Whether the figure of a window has come between its limits with this event."""
    value = event.value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if window.of is not Figure.COUNT and not is_number:
        return memory, False
    samples = [*zip(memory.times_mono_s, memory.values, strict=True), (at_s, float(value) if is_number else 0.0)]
    samples = [one for one in samples if not window.within_s or at_s - one[0] < window.within_s]
    samples = samples[-(window.last or SAMPLES_MOST) :]
    times, values = zip(*samples, strict=True)
    figure, is_full = FIGURES[window.of](values), len(values) >= window.last
    is_above, is_below = window.above is None or figure > window.above, window.below is None or figure < window.below
    is_met = is_full and is_above and is_below
    return replace(memory, times_mono_s=times, values=values, is_met=is_met), is_met and not memory.is_met


def _stepped(memory: Memory, event: SensorEvent, at_s: float) -> tuple[Memory, bool]:
    """Whether this event completes a sequence. Of each length the latest beginning is kept: it has the most time left."""
    sequence, within_s = memory.trigger.sequence, memory.trigger.within_s
    begun = {n: t for n, t in zip(memory.steps, memory.times_mono_s, strict=True) if at_s - t < within_s}
    for number in range(len(sequence), 0, -1):  # backwards, so that one event is not two steps
        step = sequence[number - 1]
        if (step.sensor, step.on) == (event.sensor, event.type) and (number == 1 or number - 1 in begun):
            begun[number] = at_s if number == 1 else begun[number - 1]
    if len(sequence) in begun:
        return replace(memory, steps=(), times_mono_s=()), True
    return replace(memory, steps=tuple(begun), times_mono_s=tuple(begun.values())), False


def _unless_at_rest(memory: Memory, at_s: float, cause: Cause) -> tuple[Memory, Causes]:
    if memory.rest_mono_s is not None and at_s < memory.rest_mono_s:
        return memory, ()
    rest_s = memory.trigger.cooldown_s
    return replace(memory, rest_mono_s=at_s + rest_s if rest_s else None), (cause,)
