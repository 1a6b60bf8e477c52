"""Which functions an event calls: the same answer on node and controller."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.container import Container
from protocol.function import FunctionSpec, TriggerSpec
from protocol.observed import SensorEvent
from protocol.triggers import matches, tick

PRESSED = SensorEvent("s1", 7, "pi-1", "doorbell", "pressed", "2026-01-01T00:00:00Z", "boot", 1, value=True, pin=17)
GREET = FunctionSpec("greet", "porch", "r1", Container("greet:1"), triggers=(TriggerSpec("doorbell", "pressed"),))


@pytest.mark.parametrize(
    ("trigger", "calls"),
    [
        (TriggerSpec("doorbell", "pressed"), True),
        (TriggerSpec("doorbell"), True),
        (TriggerSpec("doorbell", "released"), False),
        (TriggerSpec("hall", "pressed"), False),
        (TriggerSpec(every_s=60), False),
    ],
)
def test_a_trigger_is_met_by_its_sensor_and_event(trigger: TriggerSpec, calls: bool) -> None:
    """A trigger is met by the named event of its sensor, or by every event when it names none."""
    assert bool(matches(PRESSED, "porch", [replace(GREET, triggers=(trigger,))], "home")) is calls


def test_another_stacks_sensor_calls_nothing() -> None:
    """A sensor of the same name in another stack calls no function of this one."""
    assert matches(PRESSED, "shed", [GREET], "home") == ()


def test_the_same_event_and_trigger_give_the_same_id() -> None:
    """Node and controller derive one id, whatever else they know of the event."""
    (here,) = matches(PRESSED, "porch", [GREET], "home")
    (there,) = matches(replace(PRESSED, taken=(here.id,)), "porch", [GREET], "home")
    assert here == there


def test_each_trigger_and_each_event_has_its_own_id() -> None:
    """Two triggers met by one event are two invocations; so are two events."""
    twice = replace(GREET, triggers=(TriggerSpec("doorbell"), TriggerSpec("doorbell", "pressed")))
    first = {call.id for call in matches(PRESSED, "porch", [twice], "home")}
    second = {call.id for call in matches(replace(PRESSED, sequence=8), "porch", [twice], "home")}
    assert len(first | second) == 4


def test_a_function_reads_the_event() -> None:
    """The body is the event's data, the attributes are its CloudEvents attributes."""
    (call,) = matches(PRESSED, "porch", [GREET], "home")
    assert call.body == '{"event_type":"pressed","pin":17,"value":true}'
    assert call.attributes["id"] == "s1-7"


def test_a_tick_is_one_invocation() -> None:
    """The same tick gives the same id, the next tick another."""
    assert tick("s1-tick-1", GREET, 0, {}) == tick("s1-tick-1", GREET, 0, {})
    assert tick("s1-tick-1", GREET, 0, {}).id != tick("s1-tick-2", GREET, 0, {}).id
