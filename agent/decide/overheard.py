"""Sensors that are topics of other devices on the node's own broker: zigbee2mqtt, Tasmota, ESPHome.

The topics are asked for anew with each connection, and whenever the sensors change; they never stand below our own root, so nothing
of ours can be taken for a reading. They work while the broker is in reach. What changed while it was not is an event when the
broker says it again, if the device has it retained.

A payload that means nothing is a fault of the sensor, told with the payload; one that lacks the value that is meant (many devices
say several things on one topic) is not about this sensor.
"""

from __future__ import annotations

from agent.decide import devices
from agent.decide.effects import Listen
from agent.decide.node import Node, Now
from link.inputs import ListenRefused
from protocol.desired import SensorSpec
from protocol.envelope import Packet, read_json
from protocol.options import text
from protocol.refusal import Refusal
from protocol.sensor_words import Nature
from protocol.shapes import JsonValue
from protocol.sources import nature_of
from sensors.stage import NS_PER_S, Faulted, Reading

ONS = frozenset({"on", "true", "1"})
"""Payloads that mean *on* where the manifest does not say which does."""

MOST_BYTES = 16 * 1024
# More than any device has to say, and little enough for an outbox on a card; a picture is no reading.

SHOWN = 60
# Characters of a payload in a fault.


def follow(node: Node) -> None:
    """Ask for what the sensors are about, once for each connection and change."""
    topics = node.directory.listened
    if node.is_up and node.listening != (node.epoch, topics):
        if topics or (node.listening is not None and node.listening[0] == node.epoch):
            node.effects.append(Listen(topics))
        node.listening = (node.epoch, topics)


def arrived(node: Node, packet: Packet, now: Now) -> bool:
    """Take in what a device said; false if no sensor is about its topic."""
    specs = node.directory.topics.get(packet.topic, ())
    for spec in specs:
        read = _read(spec, packet)
        if isinstance(read, Refusal):
            devices.sensed(node, Faulted(spec.name, read.reason), now)
        elif read is not None:
            _take(node, spec, read[0], packet, now)
    return bool(specs)


def refused(node: Node, seen: ListenRefused, now: Now) -> None:
    """The broker does not let this node read a topic."""
    for spec in node.directory.topics.get(seen.topic, ()):
        reason = f"the broker refused the subscription to {seen.topic!r} ({seen.reason})"
        remedy = "let this node read it in the broker's access list"
        devices.sensed(node, Faulted(spec.name, f"{reason}; {remedy}"), now)


def _take(node: Node, spec: SensorSpec, value: JsonValue, packet: Packet, now: Now) -> None:
    """The first state, and the one after a fault, is where things stand; of events, one that was kept for us is an old one."""
    chain, at_ns = node.edges.get(spec.name), round(now.mono_s * NS_PER_S)
    if chain is None:
        return
    is_event = nature_of(spec.options) is Nature.EACH
    had_fault = any(status.name == spec.name and status.fault for status in node.sensors)
    if not chain.is_begun and is_event:
        devices.sensed(node, Reading(spec.name, None, at_ns, opening=True), now)
    if not (is_event and packet.retain):
        is_opening = not is_event and (not chain.is_begun or had_fault)
        devices.sensed(node, Reading(spec.name, value, at_ns, opening=is_opening), now)


def _read(spec: SensorSpec, packet: Packet) -> tuple[JsonValue] | Refusal | None:
    """The value that is meant, in a tuple because it may be null; None if the payload does not have it."""
    if len(packet.payload) > MOST_BYTES:
        return Refusal(f"it says {len(packet.payload)} bytes at once, and at most {MOST_BYTES} are read")
    found = _found(text(spec, "value"), packet.payload)
    if not isinstance(found, tuple):
        return found
    value = found[0]
    match nature_of(spec.options):
        case Nature.LEVEL:
            return _level(spec, _word(value))
        case Nature.NUMBER:
            return _number(value)
        case _:
            return (value,)


def _found(path: str, payload: bytes) -> tuple[JsonValue] | Refusal | None:
    if not path:
        return (payload.decode("utf-8", "replace"),)
    value = read_json(payload)
    if isinstance(value, Refusal):
        return Refusal(f"{_shown(payload.decode('utf-8', 'replace'))} is no JSON, so it has no value {path!r}")
    for step in path.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return (value,)


def _level(spec: SensorSpec, word: str) -> tuple[JsonValue] | Refusal:
    on, off = text(spec, "on").casefold(), text(spec, "off").casefold()
    is_on = word == on if on else word in ONS
    if off and not is_on and word != off:
        return Refusal(f"{_shown(word)} is neither {on or 'on'!r} nor {off!r}")
    return (is_on,)


def _number(value: JsonValue) -> tuple[JsonValue] | Refusal:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return Refusal(f"{_shown(str(value))} is no number")
    return (number,) if abs(number) < float("inf") else Refusal(f"{_shown(str(value))} is no number")


def _word(value: JsonValue) -> str:
    word = str(value).casefold()
    return word.removesuffix(".0") if isinstance(value, float) else word


def _shown(said: str) -> str:
    return repr(said[:SHOWN])
