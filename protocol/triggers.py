"""Which functions an event calls. Pure; the same matcher on the node that sensed it and on the controller.

Both sides derive the same invocation id from the same cause (law 8), so it does not matter which of them matches first, or that
both do. A trigger names a sensor of its own stack, so the caller says whose sensor it was: two stacks may each have a doorbell.
"""

from __future__ import annotations

from collections.abc import Iterable

from protocol import events
from protocol.desired import Invocation
from protocol.function import FunctionSpec, TriggerSpec
from protocol.ids import canonical, invocation_id
from protocol.observed import SensorEvent

TICK_TYPE = "dev.bramble.timer.tick"


def matches(event: SensorEvent, stack: str, functions: Iterable[FunctionSpec], fleet: str) -> tuple[Invocation, ...]:
    """The invocations that an event of a sensor of `stack` asks for: one for each trigger that it meets."""
    called = [
        (f, number) for f in functions if f.stack == stack for number, t in enumerate(f.triggers) if _meets(event, t)
    ]
    if not called:
        return ()
    attributes, body = events.attributes(event, fleet), canonical(events.data(event)).decode()
    return tuple(
        Invocation(invocation_id(event.id, stack, f.name, number), stack, f.name, attributes, body)
        for f, number in called
    )


def tick(cause: str, function: FunctionSpec, number: int, attributes: dict[str, str]) -> Invocation:
    """The invocation that the passing of time asks for by the function's trigger `number`; `cause` names this one tick."""
    called = invocation_id(cause, function.stack, function.name, number)
    said = {"specversion": events.SPEC_VERSION, "id": cause, "type": TICK_TYPE, "subject": function.name, **attributes}
    return Invocation(called, function.stack, function.name, said, canonical({"event_type": "tick"}).decode())


def _meets(event: SensorEvent, trigger: TriggerSpec) -> bool:
    """A trigger without `on` is met by every event of its sensor."""
    return bool(trigger.sensor) and trigger.sensor == event.sensor and trigger.on in ("", event.type)
