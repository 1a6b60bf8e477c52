"""Bytes ↔ messages. Whatever arrives becomes a message or a `Refusal`; no byte string makes this module raise.

A packet is what the link carries: a topic, bytes, and MQTT 5 properties. Sizes are checked before anything is parsed, JSON is read
strictly (no duplicate keys, no NaN, no whole numbers beyond 2^53, no half characters, nothing nested deeper than 32), so that what
was read can always be written again. A message from a newer conversation is refused by its version and not by its keys.

What asks for something is read strictly: nothing is done by half. A report may tell more than this side knows, in keys and
in words; the rest of it is taken, and the first of what is not known is named (`protocol.reports`).
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NoReturn

from protocol import events, topics
from protocol.delivery import BY_TOPIC, REPORTS, TABLE, Class, Delivery
from protocol.observed import SensorEvent
from protocol.refusal import Refusal
from protocol.reports import Report
from protocol.shapes import INT_LIMIT, JsonValue, Shape, write

VERSION = 1
"""Of the messages under this root. A reader takes its own version and older ones."""

VERSION_PROPERTY = "bramble"
_VERSION_TEXT = str(VERSION)
STREAM_PROPERTY = "stream"
SEQUENCE_PROPERTY = "sequence"
BASE_PROPERTY = "base"

NESTING_LIMIT = 32
"""Our deepest message nests seven levels; Python's own parser gives up near a thousand."""

_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = re.compile(r"[^\[\]{}]+")
_DEEPER = {"[": 1, "{": 1, "]": -1, "}": -1}

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Packet:
    """One MQTT message, either way. `properties` are MQTT 5 user properties."""

    topic: str
    payload: bytes
    properties: tuple[tuple[str, str], ...] = ()
    qos: int = 0
    retain: bool = False
    content_type: str = ""
    response_topic: str = ""
    correlation: bytes = b""

    def said(self) -> dict[str, str]:
        """The user properties by name; of several with one name, the first."""
        return dict(reversed(self.properties))


@dataclass(frozen=True, slots=True)
class FactMark:
    """Where a fact stands in its sender's outbox. All sequences below `base` are done with: acknowledged or dropped."""

    stream: str
    sequence: int
    base: int


@dataclass(frozen=True, slots=True)
class Received:
    """What a packet said: the topic as a value, the message (bytes for operators' documents), a fact's mark.

    `unknown` is the first of what a newer peer tells and this side does not know; it was passed over.
    """

    topic: topics.Topic
    message: Any
    mark: FactMark | None = None
    unknown: str = ""


_SHAPES: dict[type[topics.Topic], Shape[Any]] = {
    row.topic: Shape(row.message) for row in TABLE if row.topic not in REPORTS and row.message is not None
}
_REPORTS: dict[type[topics.Topic], Report[Any]] = {
    row.topic: Report(row.message) for row in TABLE if row.topic in REPORTS and row.message not in (None, SensorEvent)
}


def pack(topic: topics.Topic, message: Any, mark: FactMark | None = None) -> Packet | Refusal:
    """Make the packet of a message; refused only when it is larger than its kind may be."""
    row = BY_TOPIC[type(topic)]
    properties: tuple[tuple[str, str], ...] = ((VERSION_PROPERTY, _VERSION_TEXT),)
    if isinstance(message, SensorEvent):
        payload, attributes = events.to_binary(message, topic.fleet)
        properties += attributes
    else:
        payload = message if isinstance(message, bytes) else write(message)
    if mark is not None:
        properties += marked(mark)
    if len(payload) > row.limit_bytes:
        return Refusal(_too_large(len(payload), row), str(topic))
    return Packet(str(topic), payload, properties, row.qos, row.retain, JSON_TYPE)


def marked(mark: FactMark) -> tuple[tuple[str, str], ...]:
    """Say a fact's place in its stream as user properties."""
    return (
        (STREAM_PROPERTY, mark.stream), (SEQUENCE_PROPERTY, f"{mark.sequence:020d}"), (BASE_PROPERTY, str(mark.base)),
    )  # fmt: skip


def unpack(packet: Packet) -> Received | Refusal:
    """Read a packet."""
    topic = topics.parse(packet.topic)
    if topic is None:
        return Refusal(f"{packet.topic[:200]!r} is no topic of Bramble")
    row = BY_TOPIC[type(topic)]
    if len(packet.payload) > row.limit_bytes:
        return Refusal(_too_large(len(packet.payload), row), packet.topic)
    said = packet.said()
    refused = _version_refused(said, packet.topic)
    if refused is not None:
        return refused
    mark = _mark(said, packet.topic) if row.delivery_class is Class.FACT else None
    if isinstance(mark, Refusal):
        return mark
    message, unknown = _message(row, packet, said)
    return message if isinstance(message, Refusal) else Received(topic, message, mark, unknown)


def read_json(payload: bytes) -> JsonValue | Refusal:
    """Read one JSON document strictly."""
    try:
        text = payload.decode("utf-8")
        if _nesting(text) > NESTING_LIMIT:
            return Refusal(f"nested deeper than {NESTING_LIMIT} levels")
        document = _DECODER.decode(text)
        if "\\ud" in text or "\\uD" in text:  # an escape that is half a character, unless the other half follows
            write(document)
    except UnicodeDecodeError as error:
        return Refusal(f"not UTF-8: byte {error.start} is {payload[error.start]:#04x}")
    except UnicodeEncodeError:
        return Refusal("not readable as JSON: an escape in a text is half a character")
    except (ValueError, RecursionError) as error:
        return Refusal(f"not readable as JSON: {str(error)[:200]}")
    return document


def _message(row: Delivery, packet: Packet, said: dict[str, str]) -> tuple[Any, str]:
    """The message or a refusal, and what of it is not known here."""
    if row.message is None:
        return packet.payload, ""
    document = read_json(packet.payload)
    if isinstance(document, Refusal):
        return Refusal(document.reason, packet.topic), ""
    if row.message is SensorEvent:
        return events.from_binary(packet.topic, said, document)
    report = _REPORTS.get(row.topic)
    message, unknown = report.read(document) if report is not None else (_SHAPES[row.topic].read(document), "")
    return (Refusal(message, packet.topic), "") if isinstance(message, str) else (message, unknown)


def _mark(said: dict[str, str], topic: str) -> FactMark | Refusal | None:
    stream = said.get(STREAM_PROPERTY)
    if not stream:
        return None
    sequence, base = said.get(SEQUENCE_PROPERTY, ""), said.get(BASE_PROPERTY, "")
    if not (_is_count(sequence) and _is_count(base) and len(stream) <= 64):
        return Refusal("a fact's mark needs a stream, a sequence and a base, all plain", topic)
    return FactMark(stream, int(sequence), int(base))


def _is_count(text: str) -> bool:
    return 0 < len(text) <= 20 and text.isascii() and text.isdigit()


def _version_refused(said: dict[str, str], topic: str) -> Refusal | None:
    version = said.get(VERSION_PROPERTY)
    if not version or version == _VERSION_TEXT:
        return None
    if _is_count(version) and int(version) < VERSION:
        return None
    return Refusal(
        f"speaks version {version[:20]!r} of the conversation; this side reads up to {VERSION}: update it", topic
    )


def _too_large(size: int, row: Delivery) -> str:
    return f"{size} bytes are more than the {row.limit_bytes} that a {row.topic.__name__.removesuffix('Topic').lower()} may have"


def _nesting(text: str) -> int:
    """Bound the depth by counting brackets outside strings; statuses of fifty tasks arrive many times a second."""
    if text.count("[") + text.count("{") <= NESTING_LIMIT:
        return 0
    brackets = _NO_BRACKETS.sub("", _STRINGS.sub("", text))
    return max(accumulate(map(_DEEPER.__getitem__, brackets), initial=0))


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:80]!r} stands twice")
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON knows")


def _whole(text: str) -> int:
    number = int(text)
    if not -INT_LIMIT <= number <= INT_LIMIT:
        raise ValueError(f"{text[:30]} is beyond 2^53")
    return number


def _real(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:30]} is beyond what a number can be")
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_whole, parse_float=_real
)  # fmt: skip
