"""Which functions an event calls: the same answer on node and controller."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.container import Container
from protocol.function import FunctionSpec
from protocol.manifest.triggering import ATTRIBUTES
from protocol.observed import Result, ResultStatus, SensorEvent
from protocol.shapes import JsonValue
from protocol.trigger import Dialect, Figure, RollingWindow, Step, TriggerSpec
from protocol.triggers.matching import matches, passes, remembers, tick, unclear
from protocol.triggers.memory import SAMPLES_MOST, Memory
from protocol.triggers.nodes import NodeEvent
from protocol.triggers.nodes import called_by as called_by_node
from protocol.triggers.results import called_by
from protocol.triggers.when import said_by, said_of

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


def test_a_condition_looks_into_a_value() -> None:
    """What a container's end is made of, or another device's message, can be asked for key by key."""
    died = replace(PRESSED, value={"task": "porch.web.1", "exit_code": 137})
    for wanted, calls in ((137, True), (0, False)):
        trigger = condition(exact={"data.value.exit_code": str(wanted), "data.value.task": "porch.web.1"})
        assert bool(matches(died, "porch", [replace(GREET, triggers=(trigger,))], "home")) is calls


GONE = NodeEvent("pi-7-3-offline-1", "pi-7", "offline", "it said nothing", {"site": "home"}, "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("trigger", "calls"),
    [
        (TriggerSpec(node="offline"), True),
        (TriggerSpec(node="online"), False),
        (TriggerSpec("doorbell", "pressed"), False),
        (TriggerSpec(node="offline", when=({"exact": {"node": "pi-7", "data.labels.site": "home"}},)), True),
        (TriggerSpec(node="offline", when=({"exact": {"data.labels.site": "shed"}},)), False),
        (TriggerSpec(node="offline", when=({"not": {"prefix": {"node": "pi-"}}},)), False),
    ],
)
def test_a_node_that_goes_is_a_cause(trigger: TriggerSpec, calls: bool) -> None:
    """By what became of it, with conditions over its name, its labels and the reason."""
    found = called_by_node(GONE, [replace(GREET, triggers=(trigger,))], "home")
    assert bool(found) is calls
    for call in found:
        assert call.body == '{"event_type":"offline","labels":{"site":"home"},"reason":"it said nothing"}'
        assert call.attributes["source"] == "/bramble/home/node/pi-7"
        assert call.attributes["type"] == "dev.bramble.node.offline"


def test_an_event_of_a_sensor_meets_no_trigger_of_nodes() -> None:
    """A node that is told of such a trigger passes it over."""
    assert matches(PRESSED, "porch", [replace(GREET, triggers=(TriggerSpec(node="online"),))], "home") == ()


def test_conditions_ask_only_for_what_causes_say() -> None:
    """Whatever a manifest may ask for is an attribute or a part of the data of an event, or of a result."""
    asking = replace(GREET, triggers=(TriggerSpec(function="greet", on="done"),))
    (call,) = called_by(Result("i", "pi-1", "porch", "greet", ResultStatus.DONE, 1, exit_code=0), [asking], "home")
    of_result = said_of(call.attributes, json.loads(call.body))
    assert set(ATTRIBUTES) <= {*said_by(PRESSED, "home").texts, *of_result.texts}


HOT = {"cel": "event.data.value.t > 30.0"}
WARM, COLD, MUTE = ({"value": {"t": 31}}, {"value": {"t": 20}}, {"value": {}})


@pytest.mark.parametrize(
    ("condition", "calls"),
    [
        (HOT, (True, False, None)),
        ({"not": HOT}, (False, True, None)),
        ({"any": [HOT, {"exact": {"node": "pi-1"}}]}, (True, True, True)),
        ({"any": [HOT, {"exact": {"node": "pi-2"}}]}, (True, False, None)),
        ({"all": [HOT, {"exact": {"node": "pi-1"}}]}, (True, False, None)),
        ({"all": [HOT, {"exact": {"node": "pi-2"}}]}, (False, False, False)),
        ({"all": [{"not": {"all": [HOT]}}]}, (False, True, None)),
        ({"newer": 1}, (None, None, None)),
        ({"not": {"newer": 1}}, (None, None, None)),
        ({"cel": "this is none"}, (None, None, None)),
    ],
)
def test_what_cannot_be_told_calls_nothing_and_is_told(condition: JsonValue, calls: tuple[bool | None, ...]) -> None:
    """Whatever depends on it cannot be told either, a `not` of it too; a word of a newer release is one such."""
    asking = TriggerSpec("doorbell", when=(condition,), dialects=(Dialect.CEL,))
    functions = [replace(GREET, triggers=(TriggerSpec("doorbell", "released"), asking))]
    for said, is_called in zip((WARM, COLD, MUTE), calls, strict=True):
        event = replace(PRESSED, value=said["value"])
        assert bool(matches(event, "porch", functions, "home")) is bool(is_called)
        told = unclear(event, "porch", functions, "home")
        assert [one.place[1] for one in told] == ([1] if is_called is None else [])
        assert all(str(one).startswith("trigger 1 of porch.greet calls nothing") for one in told)


_AS_CEL = {"exact": "{0} == {1}", "prefix": "{0}.startsWith({1})", "suffix": "{0}.endsWith({1})"}


@given(
    st.sampled_from(sorted(_AS_CEL)),
    st.sampled_from(["type", "node", "subject", "clock", "data.event_type"]),
    st.sampled_from(["pi-1", "pi-", "pressed", "doorbell", "dev.bramble.sensor.pressed", "guess", ""]),
)
@settings(max_examples=60, deadline=None)
def test_a_filter_and_the_same_in_cel_are_met_by_the_same(dialect: str, name: str, wanted: str) -> None:
    """Whoever changes from one to the other changes nothing."""
    in_cel = {"cel": _AS_CEL[dialect].format(f"event.{name}", json.dumps(wanted))}
    called = [
        bool(
            matches(PRESSED, "porch", [replace(GREET, triggers=(TriggerSpec("doorbell", when=(condition,)),))], "home")
        )
        for condition in ({dialect: {name: wanted}}, in_cel, {"not": {"not": in_cel}})
    ]
    assert called in ([True] * 3, [False] * 3)


def test_only_what_else_would_call_is_told() -> None:
    """Another sensor's event, another word of it, and another stack's are nothing to a condition."""
    asking = TriggerSpec("doorbell", "pressed", when=(HOT,), dialects=(Dialect.CEL,))
    functions = [replace(GREET, triggers=(asking,))]
    assert len(unclear(PRESSED, "porch", functions, "home")) == 1
    assert unclear(PRESSED, "shed", functions, "home") == ()
    for other in (replace(PRESSED, sensor="hall"), replace(PRESSED, type="released")):
        assert unclear(other, "porch", functions, "home") == ()


def test_a_condition_in_cel_goes_with_a_memory() -> None:
    """Only what meets it counts for a window, and begins a wait or a cooldown."""
    asking = TriggerSpec(
        "doorbell", "pressed", cooldown_s=10, when=({"cel": "event.data.value"},), dialects=(Dialect.CEL,)
    )
    cool = replace(GREET, triggers=(asking,))
    assert calls_at(cool, replace(pressed(1.0), value=False), pressed(2.0), pressed(3.0), pressed(12.5)) == [2.0, 12.5]


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


def at(seconds: float, event: str = "pressed", sensor: str = "doorbell", value: object = True) -> SensorEvent:
    """An event at a moment."""
    return replace(pressed(seconds), sensor=sensor, type=event, value=value)


def calls_of(trigger: TriggerSpec, *events: SensorEvent, until: float = 0.0) -> list[str]:
    """By which events a trigger with a memory calls, and at last by the passing of time."""
    function, known, found = replace(GREET, triggers=(trigger,)), {}, []
    for event in events:
        after, calls = remembers(known.get, event, "porch", [function], "home")
        known |= after
        found += calls
    found += passes(known.get, [(function, 0)], until)[1] if until else ()
    return [str(int(call.attributes["id"].removeprefix("s1-")) / 1000) for call in found]


STANDS = TriggerSpec("doorbell", "pressed", for_s=5, until="released")


@pytest.mark.parametrize(
    ("events", "until", "called"),
    [
        ([at(1)], 5.9, []),
        ([at(1)], 6, ["1.0"]),
        ([at(1), at(5.9, "released")], 99, []),
        ([at(1), at(6, "released")], 99, ["1.0"]),
        ([at(1), at(3, "held")], 6, ["1.0"]),
        ([at(1), at(3)], 6, ["1.0"]),
        ([at(1), at(2, "released"), at(3)], 7.9, []),
        ([at(1), at(2, "released"), at(3)], 8, ["3.0"]),
        ([at(1), at(7, "released"), at(8), at(20, "released")], 99, ["1.0", "8.0"]),
        ([at(1, sensor="hall")], 99, []),
    ],
)
def test_an_event_that_stands_calls_once_its_time_is_over(
    events: list[SensorEvent], until: float, called: list[str]
) -> None:
    """The wait begins with the event and ends with its opposite; however late the time is looked at, the call is the same."""
    assert calls_of(STANDS, *events, until=until) == called


def test_a_wait_and_a_cooldown_go_together() -> None:
    """The cooldown counts from the end of the wait."""
    cool = replace(STANDS, cooldown_s=10)
    again = [at(7, "released"), at(8), at(14, "released"), at(15), at(21, "released")]
    assert calls_of(cool, at(1), *again) == ["1.0", "15.0"]


def measured(*values: float) -> list[SensorEvent]:
    """A value each second."""
    return [at(number, "changed", value=value) for number, value in enumerate(values, start=1)]


def window(of: Figure, **given: float) -> TriggerSpec:
    return TriggerSpec("doorbell", window=RollingWindow(of, **given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("trigger", "events", "called"),
    [
        (window(Figure.COUNT, within_s=2.5, above=2), [at(s) for s in (1, 2, 4, 5, 6, 7)], ["6.0"]),
        (window(Figure.COUNT, within_s=2.5, above=1), [at(s) for s in (1, 2, 3, 9, 10)], ["2.0", "10.0"]),
        (window(Figure.AVERAGE, last=3, above=10), measured(30, 5, 0, 20, 20, 0, 0, 40), ["3.0", "5.0", "8.0"]),
        (window(Figure.MIN, last=2, above=1), measured(5, 5, 0, 5, 5), ["2.0", "5.0"]),
        (window(Figure.MAX, within_s=2, below=3), measured(1, 5, 1, 1), ["1.0", "4.0"]),
        (window(Figure.AVERAGE, last=2, above=1, below=3), measured(2, 2, 9, 9, 2, 2), ["2.0", "6.0"]),
        (window(Figure.AVERAGE, last=2, above=1), [at(1, value="hot"), at(2, value=True), at(3, value=None)], []),
    ],
)
def test_a_window_calls_when_its_figure_comes_between_its_limits(
    trigger: TriggerSpec, events: list[SensorEvent], called: list[str]
) -> None:
    """Once each time, not with every event; of so many events only when there are; of numbers alone, unless events are counted."""
    assert calls_of(trigger, *events) == called


def test_a_window_of_time_keeps_so_many_events_and_no_more() -> None:
    """All of it is written with each event; a sensor that chatters fills no card."""
    known: dict[str, Memory] = {}
    function = replace(GREET, triggers=(window(Figure.COUNT, within_s=3600, above=1),))
    for event in measured(*range(SAMPLES_MOST + 2)):
        known |= remembers(known.get, event, "porch", [function], "home")[0]
    assert [memory.values for memory in known.values()] == [tuple(range(2, SAMPLES_MOST + 2))]


ABC = TriggerSpec(sequence=tuple(Step(sensor, "on") for sensor in ("a", "b", "c")), within_s=10)


def steps(*said: tuple[str, float]) -> list[SensorEvent]:
    return [at(seconds, "on", sensor) for sensor, seconds in said]


@pytest.mark.parametrize(
    ("trigger", "events", "called"),
    [
        (ABC, steps(("a", 1), ("b", 2), ("c", 3)), ["3.0"]),
        (ABC, steps(("b", 1), ("a", 2), ("c", 3)), []),
        (ABC, steps(("a", 1), ("b", 2), ("b", 3), ("a", 4), ("c", 5)), ["5.0"]),
        (ABC, steps(("a", 1), ("b", 2), ("c", 11)), []),
        (ABC, steps(("a", 1), ("b", 2), ("a", 3), ("b", 4), ("c", 12)), ["12.0"]),
        (ABC, steps(("a", 1), ("b", 2), ("c", 3), ("c", 4)), ["3.0"]),
        (ABC, steps(("a", 1), ("b", 2), ("c", 3), ("a", 4), ("b", 5), ("c", 6)), ["3.0", "6.0"]),
        (replace(ABC, cooldown_s=9), steps(("a", 1), ("b", 2), ("c", 3), ("a", 4), ("b", 5), ("c", 6)), ["3.0"]),
        (TriggerSpec(sequence=(Step("a", "on"), Step("a", "on")), within_s=3), steps(("a", 1), ("a", 2)), ["2.0"]),
        (TriggerSpec(sequence=(Step("a", "on"), Step("a", "on")), within_s=3), steps(("a", 1), ("a", 4)), []),
    ],
)
def test_a_sequence_calls_with_its_last_event(
    trigger: TriggerSpec, events: list[SensorEvent], called: list[str]
) -> None:
    """In order, in time, whatever comes in between; the latest beginning counts, and no event is two steps."""
    assert calls_of(trigger, *events) == called


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["pressed", "released"]), st.integers(1, 40)), max_size=12), st.data())
def test_when_the_time_is_looked_at_changes_nothing(edges: list[tuple[str, int]], data: st.DataObject) -> None:
    """The calls of a wait follow from the events alone, however often and wherever `due` is asked in between."""
    events = [at(seconds, event) for event, seconds in sorted(edges, key=lambda edge: edge[1])]
    function, known, found = replace(GREET, triggers=(STANDS,)), {}, []
    for before, event in zip([at(0), *events], events, strict=False):
        if data.draw(st.booleans()):
            now_s = data.draw(st.floats(before.monotonic_ns / 1e9, event.monotonic_ns / 1e9))
            after, calls = passes(known.get, [(function, 0)], now_s)
            known, found = known | after, [*found, *calls]
        after, calls = remembers(known.get, event, "porch", [function], "home")
        known, found = known | after, [*found, *calls]
    found += passes(known.get, [(function, 0)], 99)[1]
    assert [str(int(one.attributes["id"][3:]) / 1000) for one in found] == calls_of(STANDS, *events, until=99)
