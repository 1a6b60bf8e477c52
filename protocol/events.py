"""A sensor's event as a CloudEvent 1.0 in binary mode of the MQTT 5 binding: attributes are user properties, data is JSON.

`id` is the fact's id (its stream and sequence), so the outbox, the duplicate filter and any CloudEvents consumer mean the same
thing by it. Extension attributes are lower-case alphanumeric, as the specification asks; `sequence` is zero-padded because
the specification orders it as text. The data carries `event_type`, which is what Home Assistant's event entity reads.
"""

from __future__ import annotations

from collections.abc import Mapping

from protocol.observed import Clock, SensorEvent
from protocol.refusal import Refusal
from protocol.reports import Report
from protocol.shapes import JsonValue, write

SPEC_VERSION = "1.0"
TYPE_PREFIX = "dev.bramble.sensor."

_REPORT = Report(SensorEvent)


def source_of(fleet: str, event: SensorEvent) -> str:
    """The CloudEvents source of a sensor."""
    return f"/bramble/{fleet}/node/{event.node}/sensor/{event.sensor}"


def attributes(event: SensorEvent, fleet: str) -> dict[str, str]:
    """The CloudEvents attributes of an event; functions get them as `CE_*` in their environment."""
    return {
        "specversion": SPEC_VERSION,
        "id": event.id,
        "source": source_of(fleet, event),
        "type": TYPE_PREFIX + event.type,
        "subject": event.sensor,
        "time": event.time,
        "node": event.node,
        "bootid": event.boot,
        "monotonic": str(event.monotonic_ns),
        "clock": str(event.clock),
    }


def data(event: SensorEvent) -> dict[str, JsonValue]:
    """The event's data: what a function reads from its standard input."""
    place = {} if event.pin is None else {"pin": event.pin}
    return {"event_type": event.type, "value": event.value, **place}


def to_binary(event: SensorEvent, fleet: str) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """The payload and the user properties of an event."""
    properties = attributes(event, fleet)
    if event.taken:
        properties["taken"] = " ".join(event.taken)
    return write(data(event)), tuple(properties.items())


def from_binary(topic: str, said: Mapping[str, str], document: JsonValue) -> tuple[SensorEvent | Refusal, str]:
    """Read an event back from its user properties and its data, and what of it is not known here.

    A missing or wrong attribute is a refusal that names it.
    """
    faulty = _faulty(said, document)
    if faulty:
        return Refusal(faulty, topic), ""
    stream, _, sequence = said.get("id", "").rpartition("-")
    event, unknown = _REPORT.read(
        {
            "stream": stream,
            "sequence": int(sequence[:20]),
            "node": said.get("node", ""),
            "sensor": said.get("subject", ""),
            "type": document["event_type"],
            "time": said.get("time", ""),
            "boot": said.get("bootid", ""),
            "monotonic_ns": int(said["monotonic"][:20]),
            "clock": said.get("clock", str(Clock.GUESS)),
            "value": document.get("value"),
            "pin": document.get("pin"),
            "taken": tuple(said.get("taken", "").split()),
        }
    )
    return (Refusal(event, topic), "") if isinstance(event, str) else (event, unknown)


def _faulty(said: Mapping[str, str], document: JsonValue) -> str:
    """What keeps it from being an event of ours."""
    if said.get("specversion") != SPEC_VERSION:
        return f"a CloudEvent needs specversion {SPEC_VERSION!r}, not {said.get('specversion', '')[:20]!r}"
    if not isinstance(document, dict) or not isinstance(document.get("event_type"), str):
        return "the data of an event is an object with a text `event_type`"
    _, _, sequence = said.get("id", "").rpartition("-")
    monotonic = said.get("monotonic", "")
    if not (sequence.isascii() and sequence.isdigit() and monotonic.isascii() and monotonic.isdigit()):
        return "an event's id is STREAM-NUMBER and its monotonic time a whole number of nanoseconds"
    return ""
