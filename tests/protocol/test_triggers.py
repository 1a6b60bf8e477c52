"""Which functions an event calls: the same answer on node and controller."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.container import Container
from protocol.function import FunctionSpec
from protocol.observed import SensorEvent
from protocol.trigger import TriggerSpec
from protocol.triggering import ATTRIBUTES
from protocol.triggers import matches, remembers, tick
from protocol.triggers_memory import Memory
from protocol.triggers_when import said_by

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


def condition(**given: object) -> TriggerSpec:
    """A trigger of the doorbell with one condition; `not_` is `not`."""
    return TriggerSpec("doorbell", when=({key.rstrip("_"): value for key, value in given.items()},))


YES, NO = {"exact": {"node": "pi-1"}}, {"exact": {"node": "pi-2"}}


@pytest.mark.parametrize(
    ("trigger", "calls"),
    [
        (condition(exact={"node": "pi-1", "data.value": "true"}), True),
        (condition(exact={"node": "pi-1", "data.value": "false"}), False),
        (condition(exact={"data.pin": "17"}), True),
        (condition(exact={"unknown": ""}), False),
        (condition(prefix={"type": "dev.bramble.", "node": "pi"}), True),
        (condition(prefix={"type": "com."}), False),
        (condition(suffix={"type": ".pressed"}), True),
        (condition(suffix={"type": ".released"}), False),
        (condition(all=[YES, YES]), True),
        (condition(all=[YES, NO]), False),
        (condition(any=[NO, YES]), True),
        (condition(any=[NO, NO]), False),
        (condition(not_=NO), True),
        (condition(not_=YES), False),
        (condition(not_={"any": [NO, {"not": YES}]}), True),
        (TriggerSpec("doorbell", when=(YES, NO)), False),
        (TriggerSpec("doorbell", "released", when=(YES,)), False),
    ],
)
def test_a_condition_is_a_filter_of_cloudevents_subscriptions(trigger: TriggerSpec, calls: bool) -> None:
    """Each dialect as the specification has it; several conditions must all hold, beside the sensor and its event."""
    assert bool(matches(PRESSED, "porch", [replace(GREET, triggers=(trigger,))], "home")) is calls


@pytest.mark.parametrize(("value", "said"), [(21.0, "21"), (21.5, "21.5"), ("a", "a"), (True, "true"), ([1], "[1]")])
def test_a_value_is_compared_as_text(value: object, said: str) -> None:
    """A number has no needless zeros, and what is no text is JSON."""
    event = replace(PRESSED, value=value)
    assert matches(event, "porch", [replace(GREET, triggers=(condition(exact={"data.value": said}),))], "home")


def test_conditions_ask_only_for_what_events_say() -> None:
    """Whatever a manifest may ask for is an attribute or a part of the data of an event."""
    assert set(ATTRIBUTES) <= set(said_by(PRESSED, "home"))


COOL = replace(GREET, triggers=(TriggerSpec("doorbell", "pressed", cooldown_s=10),))


def pressed(at_s: float) -> SensorEvent:
    """A press at a moment."""
    return replace(PRESSED, sequence=round(at_s * 1000), monotonic_ns=round(at_s * 1e9))


def calls_at(function: FunctionSpec, *events: SensorEvent) -> list[float]:
    """When the triggers of a function with a memory call on these events."""
    known: dict[str, Memory] = {}
    found = []
    for event in events:
        after, calls = remembers(known.get, event, "porch", [function], "home")
        known |= after
        found += [event.monotonic_ns / 1e9 for _ in calls]
    return found


def test_a_cooldown_counts_from_the_call() -> None:
    """After a call there is none for that long, whatever is refused meanwhile; other events do not begin it."""
    released = replace(pressed(0.5), type="released")
    assert calls_at(COOL, released, *map(pressed, [1, 5, 10.9, 11, 20.9, 21])) == [1, 11, 21]


def test_who_has_no_memory_believes_who_has() -> None:
    """The controller opens what the node has taken of a trigger with a memory, and nothing else of it."""
    assert matches(PRESSED, "porch", [COOL], "home") == ()
    _, (taken,) = remembers(lambda _: None, PRESSED, "porch", [COOL], "home")
    assert [call.id for call in matches(replace(PRESSED, taken=(taken.id,)), "porch", [COOL], "home")] == [taken.id]


def test_a_trigger_that_became_another_remembers_nothing() -> None:
    """A memory belongs to the content of its trigger, and not to its place in the list."""
    after, _ = remembers(lambda _: None, PRESSED, "porch", [COOL], "home")
    longer = replace(COOL, triggers=(TriggerSpec("doorbell", "pressed", cooldown_s=20),))
    assert remembers(after.get, pressed(1), "porch", [COOL], "home")[1] == ()
    assert remembers(after.get, pressed(1), "porch", [longer], "home")[1] != ()
