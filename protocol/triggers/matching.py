"""Which functions an event calls. Pure; the same matcher on the node that sensed it and on the controller.

Both sides derive the same invocation id from the same cause (law 8), so it does not matter which of them matches first, or that
both do. A trigger names a sensor of its own stack, so the caller says whose sensor it was: two stacks may each have a doorbell.

Where a trigger has a memory (`protocol.triggers.memory`), only the node of the sensor can tell. It takes the invocation itself, so
for everybody else such a trigger is met by the events that say so in `taken`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from protocol import events
from protocol.desired import Invocation
from protocol.function import FunctionSpec
from protocol.ids import canonical, invocation_id
from protocol.observed import SensorEvent
from protocol.trigger import TriggerSpec
from protocol.triggers.memory import Cause, Causes, Memory, advance, due, fits
from protocol.triggers.when import NOTHING_SAID, Said, said_by, verdict

TICK_TYPE = "dev.bramble.timer.tick"

Place = tuple[FunctionSpec, int]
"""A trigger: its function, and the number that it has there."""

Known = Callable[[str], Memory | None]
"""What is remembered under the name of a trigger."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """A trigger whose conditions have no answer for an event, so that it calls nothing."""

    place: Place
    reason: str

    def __str__(self) -> str:
        """The sentence for people."""
        function, number = self.place
        return f"trigger {number} of {function.stack}.{function.name} calls nothing: its condition cannot be told: {self.reason}"


def matches(event: SensorEvent, stack: str, functions: Iterable[FunctionSpec], fleet: str) -> tuple[Invocation, ...]:
    """The invocations that an event of a sensor of `stack` asks for: one for each trigger that it meets."""
    near = _near(event, stack, functions)
    if not near:
        return ()
    said = said_by(event, fleet) if any(spec_of(place).when for place in near) else NOTHING_SAID

    def is_met(place: Place) -> bool:
        trigger = spec_of(place)
        return call_id(event.id, place) in event.taken if trigger.has_memory else fits(trigger, event, said)

    met = [place for place in near if is_met(place)]
    if not met:
        return ()
    cause = _cause(event, fleet)
    return tuple(_call(place, cause) for place in met)


def unclear(event: SensorEvent, stack: str, functions: Iterable[FunctionSpec], fleet: str) -> tuple[Unclear, ...]:
    """The triggers that an event would meet, if their conditions had an answer for it."""
    near = [
        (f, n)
        for f in functions
        for n, trigger in enumerate(f.triggers)
        if trigger.dialects and f.stack == stack and trigger.sensor == event.sensor and trigger.on in ("", event.type)
    ]
    return unclear_of(near, said_by(event, fleet)) if near else ()


def unclear_of(near: Iterable[Place], said: Said) -> tuple[Unclear, ...]:
    """Those of some triggers whose conditions have no answer for what a cause says."""
    found = ((place, verdict(spec_of(place).when, said)) for place in near)
    return tuple(Unclear(place, reason) for place, reason in found if isinstance(reason, str))


def remembering(event: SensorEvent, stack: str, functions: Iterable[FunctionSpec]) -> set[str]:
    """The functions whose triggers must remember such an event, so that they call nothing if its node has not got them."""
    return {place[0].name for place in _near(event, stack, functions) if spec_of(place).has_memory}


def remembers(
    known: Known, event: SensorEvent, stack: str, functions: Iterable[FunctionSpec], fleet: str
) -> tuple[dict[str, Memory], tuple[Invocation, ...]]:
    """The same of the triggers with a memory, on the node of the sensor: what they remember then, and what they call."""
    near = [place for place in _near(event, stack, functions) if spec_of(place).has_memory]
    if not near:
        return {}, ()
    said, cause = said_by(event, fleet), _cause(event, fleet)
    return _after(near, lambda place: advance(memory_of(known, place), event, said, cause))


def passes(known: Known, waiting: Iterable[Place], now_s: float) -> tuple[dict[str, Memory], tuple[Invocation, ...]]:
    """The same when no event comes, but time passes up to a moment."""
    return _after(waiting, lambda place: due(memory_of(known, place), now_s))


def tick(cause: str, function: FunctionSpec, number: int, attributes: dict[str, str]) -> Invocation:
    """The invocation that the passing of time asks for by the function's trigger `number`; `cause` names this one tick."""
    called = invocation_id(cause, function.stack, function.name, number)
    said = {"specversion": events.SPEC_VERSION, "id": cause, "type": TICK_TYPE, "subject": function.name, **attributes}
    return Invocation(called, function.stack, function.name, said, canonical({"event_type": "tick"}).decode())


def places(stack: str, functions: Iterable[FunctionSpec]) -> Iterator[Place]:
    """Every trigger of a stack, in order."""
    return ((f, number) for f in functions if f.stack == stack for number in range(len(f.triggers)))


def spec_of(place: Place) -> TriggerSpec:
    """What a trigger asks for."""
    function, number = place
    return function.triggers[number]


def key_of(place: Place) -> str:
    """The name of a trigger on its node."""
    function, number = place
    return f"{function.stack} {function.name} {number}"


def memory_of(known: Known, place: Place) -> Memory:
    """What a trigger remembers; one that has become another one remembers nothing."""
    memory, trigger = known(key_of(place)), spec_of(place)
    return memory if memory is not None and memory.trigger == trigger else Memory(trigger)


def call_id(cause: str, place: Place) -> str:
    """The id of the one invocation that a cause asks for by a trigger."""
    function, number = place
    return invocation_id(cause, function.stack, function.name, number)


def _near(event: SensorEvent, stack: str, functions: Iterable[FunctionSpec]) -> list[Place]:
    """The triggers to which an event of that sensor means anything; asked for each event, so it is quick to say none."""
    sensor = event.sensor
    return [
        (f, n)
        for f in functions
        if f.stack == stack
        for n, trigger in enumerate(f.triggers)
        if trigger.concerns(sensor)
    ]


def _after(
    near: Iterable[Place], step: Callable[[Place], tuple[Memory, Causes]]
) -> tuple[dict[str, Memory], tuple[Invocation, ...]]:
    after: dict[str, Memory] = {}
    called: list[Invocation] = []
    for place in near:
        after[key_of(place)], causes = step(place)
        called += [_call(place, cause) for cause in causes]
    return after, tuple(called)


def _cause(event: SensorEvent, fleet: str) -> Cause:
    return Cause(events.attributes(event, fleet), canonical(events.data(event)).decode())


def _call(place: Place, cause: Cause) -> Invocation:
    function, _ = place
    named = call_id(cause.attributes["id"], place)
    return Invocation(named, function.stack, function.name, cause.attributes, cause.body)
