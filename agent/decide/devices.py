"""What the pins mean: readings become events, events call functions, commands reach outputs.

An event and the invocations that this node takes for it are one commit; `taken` tells the controller not to dispatch them.
Debounce and hold are `sensors.edges`'; opening pins is an effect, and what came of it an input.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace

from agent.decide import driving, invocations, logs, trigger, trigger_flight
from agent.decide.effects import OpenDevices, ReadPins, SetActuator
from agent.decide.inputs import CommandDone, DevicesOpened
from agent.decide.node import Node, Now
from protocol.desired import Command, Verb
from protocol.devices import knows, words_of
from protocol.ids import service_key
from protocol.observed import Answer, DeviceStatus, SensorEvent
from protocol.options import place_of
from protocol.sensor_words import Nature, SensorWords
from protocol.shapes import JsonValue
from protocol.sources import FED
from protocol.topics import EventTopic, NodeAnswerTopic
from sensors import edges
from sensors.edges import Chain, Sensed
from sensors.stage import NS_PER_S, Faulted, Reading

NOTHING = "nothing"
SHOWN = 200
# Characters of a value that a status shows; the event has it whole.


def follow(node: Node) -> None:
    """Have open what is in force, and remember nothing of the rest."""
    sections, opened = node.sections(), node.opened
    if opened is None and not (sections.sensors or sections.actuators):
        return
    if opened is None or (sections.sensors, sections.actuators) != (opened.sensors, opened.actuators):
        wanted = OpenDevices(sections.sensors, sections.actuators)
        known = {spec.name: edges.fresh(spec) for spec in wanted.sensors if knows(spec.kind)}
        before = {spec.name: spec for spec in opened.sensors} if opened else {}
        kept = {
            spec.name: node.edges[spec.name]
            for spec in wanted.sensors
            if before.get(spec.name) == spec and spec.name in known
        }
        node.edges = known | kept
        node.opened = wanted
        fed = [spec for spec in wanted.sensors if spec.kind in FED and spec.name not in kept]
        unread = tuple(DeviceStatus(spec.name, spec.kind, place_of(spec)) for spec in fed)
        node.sensors = _merged(node.sensors, unread, {spec.name for spec in wanted.sensors})
        node.effects.append(replace(wanted, sensors=tuple(spec for spec in wanted.sensors if spec.kind not in FED)))


def sensed(node: Node, seen: Reading | Faulted, now: Now) -> None:
    """Take in one reading, or that there is none; the next one after that is a baseline."""
    state = node.edges.get(seen.sensor)
    if isinstance(seen, Faulted):
        _show(node, seen.sensor, fault=seen.reason)
    elif state is not None:
        node.flight.append(seen)
        _read(node, state, seen, now)


def _read(node: Node, state: Chain, seen: Reading, now: Now) -> None:
    node.edges[seen.sensor], events = edges.observe(state, seen)
    if seen.opening:
        _show(node, seen.sensor, seen.value)
    if seen.opening or not state.is_begun:
        trigger.opened(node, seen.sensor, seen.value)
    for event in events:
        _report(node, event, now)


def settle(node: Node, now: Now) -> None:
    """Let the time pass for the sensors that wait for it."""
    now_ns = round(now.mono_s * NS_PER_S)
    for name, state in node.edges.items():
        if state.deadline_ns is not None and state.deadline_ns <= now_ns:
            node.edges[name], events = edges.settle(state, now_ns)
            for event in events:
                _report(node, event, now)


def opened(node: Node, seen: DevicesOpened) -> None:
    """Remember how the devices named here stand. One that is only to be read has nothing to say yet: what is known of it stays."""
    known = {(status.name, status.kind, status.place) for status in node.sensors}
    told = tuple(one for one in seen.sensors if one.value or one.fault or (one.name, one.kind, one.place) not in known)
    node.sensors = _merged(node.sensors, told, {spec.name for spec in node.sections().sensors})
    node.actuators = _merged(node.actuators, seen.actuators, {spec.name for spec in node.sections().actuators})


def obey(node: Node, command: Command) -> None:
    """Carry out an operator's command, or answer why not."""
    match command.verb:
        case Verb.PINS:
            node.effects.append(ReadPins(command.id))
        case Verb.DRIVE:
            _drive(node, command)
        case Verb.SET:
            _set(node, command)
        case Verb.TRACE:
            answered(node, trigger_flight.told(node, command))
        case Verb.LOGS:
            _read_log(node, command)


def answered(node: Node, seen: CommandDone) -> None:
    """Answer a command."""
    answer = Answer(seen.command, seen.ok, seen.message, seen.result)
    node.say(NodeAnswerTopic(node.fleet, node.name, seen.command), answer)


def _read_log(node: Node, command: Command) -> None:
    found = logs.read(node, command)
    if isinstance(found, CommandDone):
        answered(node, found)
    else:
        node.effects.append(found)


def _drive(node: Node, command: Command) -> None:
    driven = driving.drive(node, command)
    if isinstance(driven, str):
        answered(node, CommandDone(command.id, ok=False, message=driven))
    else:
        node.effects += driven


def _set(node: Node, command: Command) -> None:
    spec = next(
        (a for a in node.sections().actuators if command.target in (a.name, service_key(a.stack, a.name))), None
    )
    if spec is None:
        answered(
            node,
            CommandDone(command.id, ok=False, message=f"there is no actuator {command.target[:63]!r} on this node"),
        )
    else:
        node.effects.append(SetActuator(spec.name, command.value, command.id))


def _report(node: Node, sensed: Sensed, now: Now) -> None:
    """Make the event a fact, together with the invocations that it asks of this node."""
    spec = node.directory.sensors.get(sensed.sensor)
    if spec is None:
        return
    at = now.wall_at(sensed.at_ns / NS_PER_S)
    event = SensorEvent(
        node.stream, node.next_sequence(), node.name, spec.name, sensed.event, at, node.boot, sensed.at_ns, now.clock,
        sensed.value, node.directory.pins[spec.name],
    )  # fmt: skip
    calls = trigger.called(node, event, spec.stack)
    event = replace(event, taken=tuple(call.id for call in calls))
    node.note(EventTopic(node.fleet, node.name, spec.name), event, sequence=event.sequence)
    node.tally("events", spec.name, sensed.event)
    for call in calls:
        invocations.take(node, call, now)
    _show(node, spec.name, sensed.value, sensed.event)


def _show(node: Node, sensor: str, value: JsonValue = None, event: str = "", fault: str = "") -> None:
    """Say how a sensor stands: in the word of its kind, or as a number with its unit."""
    spec = node.directory.sensors.get(sensor)
    if spec is None:
        return
    shown = _shown(words_of(spec.kind, spec.options), value, event) if knows(spec.kind) else event
    status = DeviceStatus(spec.name, spec.kind, node.directory.places[sensor], "" if fault else shown, fault)
    node.sensors = _merged(node.sensors, (status,), node.directory.sensors.keys())


def _shown(words: SensorWords, value: JsonValue, event: str) -> str:
    match words.nature:
        case Nature.LEVEL:
            return event or words.events[not value]
        case Nature.NUMBER:
            return f"{value} {words.unit}".strip()
        case Nature.CONDITIONS:
            return ", ".join(map(str, value or ())) or NOTHING
        case Nature.WHOLE:
            return NOTHING if value is None else f"{value}"[:SHOWN]
        case Nature.EACH:
            return event or NOTHING
        case Nature.PARTS:
            return f"{value} {event}" if event else NOTHING
        case Nature.TURNS:
            return f"{value if event else 0} {words.unit}"


def _merged(
    known: tuple[DeviceStatus, ...], seen: tuple[DeviceStatus, ...], names: AbstractSet[str]
) -> tuple[DeviceStatus, ...]:
    stands = {status.name: status for status in (*known, *seen) if status.name in names}
    return tuple(stands[name] for name in sorted(stands))
