"""MQTT 5 on the wire, as far as speed asks for it: finds packets in what was read, reads a PUBLISH into a `Packet`, and writes one.

Pure. paho reads a packet with three calls to the kernel and one Python object per property; this reads a whole chunk at
once, which makes nearly all of the difference in `tests/bench/ingest.py`. It writes one with a dozen objects and locks, 0.1 ms of
them; this joins bytes. Everything but PUBLISH and its PUBACK is left to paho. The tests hold the two hands against each other, both
ways, on random packets.

Text that is not UTF-8 is kept with replacement characters and refused later by its topic: one publisher's bad byte shall
not cost the link. A length that leads outside its packet is `MalformedError`: nothing after it can be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from protocol.envelope import Packet

PUBLISH = 3
PUBACK = 0x40
PUBACK_BYTES = b"\x40\x02"

_PAYLOAD_FORMAT, _EXPIRY, _CONTENT_TYPE, _RESPONSE_TOPIC, _CORRELATION = 0x01, 0x02, 0x03, 0x08, 0x09
_SUBSCRIPTION, _USER = 0x0B, 0x26
# MQTT 5, table 2-4. A topic alias (0x23) cannot come: we never offer to take any.

_FIXED_BYTES = {_PAYLOAD_FORMAT: 1, _EXPIRY: 4}
_VARINT_BYTES = 4
_TEXT_BYTES = 0xFFFF
_WILD = frozenset("+#\0")
_FAILURE = 0x80
_REFUSALS = {
    0x80: "unspecified error",
    0x83: "implementation specific error",
    0x87: "not authorised",
    0x90: "topic name invalid",
    0x91: "packet identifier in use",
    0x97: "quota exceeded",
    0x99: "payload format invalid",
}
"""What a PUBACK may say (MQTT 5, 3.4.2.1); below `_FAILURE` it is a success."""


class MalformedError(ValueError):
    """The stream of bytes is no MQTT any more."""


def frames(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Each whole packet in `data`: its first byte, where its body starts and where it ends."""
    at, size = 0, len(data)
    while size - at >= 2:
        body, length = at + 2, data[at + 1]
        if length & 0x80:
            read = varint(data, at + 1)
            if read is None:
                return
            length, body = read
        if size - body < length:
            return
        yield data[at], body, body + length
        at = body + length


def varint(data: bytes, at: int) -> tuple[int, int] | None:
    """A variable byte integer and where it ends; None while its end has not come."""
    value = 0
    for place in range(_VARINT_BYTES):
        if at + place >= len(data):
            return None
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise MalformedError("a length of more than four bytes")


def needed_bytes(data: bytes | bytearray) -> int:
    """How long `data` must become before its first packet is whole; what is not known yet counts as one byte more."""
    read = varint(bytes(data[:5]), 1) if len(data) > 1 else None
    return len(data) + 1 if read is None else sum(read)


def publish(data: bytes, first: int, at: int, end: int) -> tuple[Packet, int]:
    """Read the PUBLISH between `at` and `end`; the packet, and the identifier to acknowledge (0 for QoS 0)."""
    try:
        return _publish(data, first, at, end)
    except IndexError:
        raise MalformedError("a PUBLISH that ends too early") from None


def _publish(data: bytes, first: int, at: int, end: int) -> tuple[Packet, int]:
    qos, identifier = (first >> 1) & 3, 0
    start = at + 2
    at = start + ((data[at] << 8) | data[at + 1])
    topic = str(data[start:at], "utf-8", "replace")
    if qos:
        identifier = (data[at] << 8) | data[at + 1]
        at += 2
    length, at = (data[at], at + 1) if data[at] < 0x80 else _whole_varint(data, at)
    stop = at + length
    if stop > end:
        raise MalformedError("properties longer than their packet")
    user: list[tuple[str, str]] = []
    said = _properties(data, at, stop, user) if length else {}
    return Packet(
        topic,
        data[stop:end],
        tuple(user),
        qos,
        bool(first & 1),
        str(said.get(_CONTENT_TYPE, b""), "utf-8", "replace"),
        str(said.get(_RESPONSE_TOPIC, b""), "utf-8", "replace"),
        said.get(_CORRELATION, b""),
    ), identifier


def _properties(data: bytes, at: int, stop: int, user: list[tuple[str, str]]) -> dict[int, bytes]:
    """Append the user properties to `user`, and return the others that have a length, by their number."""
    said: dict[int, bytes] = {}
    while at < stop:
        kind = data[at]
        if kind == _USER:
            key, value = at + 3, at + 5 + ((data[at + 1] << 8) | data[at + 2])
            at = value + ((data[value - 2] << 8) | data[value - 1])
            user.append((data[key : value - 2].decode("utf-8", "replace"), data[value:at].decode("utf-8", "replace")))
        elif kind in _FIXED_BYTES:
            at += 1 + _FIXED_BYTES[kind]
        elif kind == _SUBSCRIPTION:
            _, at = _whole_varint(data, at + 1)
        elif kind in (_CONTENT_TYPE, _RESPONSE_TOPIC, _CORRELATION):
            start = at + 3
            at = start + ((data[at + 1] << 8) | data[at + 2])
            said[kind] = data[start:at]
        else:
            raise MalformedError(f"a PUBLISH with the property {kind:#04x}")
    if at != stop:
        raise MalformedError("a property longer than its packet")
    return said


def _whole_varint(data: bytes, at: int) -> tuple[int, int]:
    read = varint(data, at)
    if read is None:
        raise MalformedError("a length without an end")
    return read


def puback(data: bytes, at: int, end: int) -> tuple[int, str]:
    """Read the PUBACK between `at` and `end`: whose it is, and why the packet was refused (empty when it was taken)."""
    if end - at < 2:
        raise MalformedError("a PUBACK that ends too early")
    code = data[at + 2] if end - at > 2 else 0
    refusal = "" if code < _FAILURE else _REFUSALS.get(code, f"reason {code:#04x}")
    return (data[at] << 8) | data[at + 1], refusal


def written(packet: Packet, identifier: int) -> bytes:
    """The packet as a PUBLISH; `refusal_of` has nothing against it. The identifier counts only with QoS 1."""
    said = []
    if packet.content_type:
        said += [b"\x03", _text(packet.content_type.encode())]
    if packet.response_topic:
        said += [b"\x08", _text(packet.response_topic.encode())]
    if packet.correlation:
        said += [b"\x09", _text(packet.correlation)]
    for name, value in packet.properties:
        said += [b"\x26", _text(name.encode()), _text(value.encode())]
    properties = b"".join(said)
    number = identifier.to_bytes(2, "big") if packet.qos else b""
    head = b"".join((_text(packet.topic.encode()), number, _length(len(properties)), properties))
    first = PUBLISH << 4 | packet.qos << 1 | packet.retain
    return b"".join((bytes((first,)), _length(len(head) + len(packet.payload)), head, packet.payload))


def _text(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text


def _length(value: int) -> bytes:
    """A variable byte integer."""
    said = bytearray()
    while value > 0x7F:
        said.append(value & 0x7F | 0x80)
        value >>= 7
    said.append(value)
    return bytes(said)


def refusal_of(packet: Packet) -> str:
    """Why no broker would take the packet, whatever its size; empty when it is well formed."""
    if not packet.topic or not _WILD.isdisjoint(packet.topic):
        return f"{packet.topic[:80]!r} is no topic to publish on"
    texts = (packet.topic, packet.content_type, packet.response_topic, *chain.from_iterable(packet.properties))
    try:
        longest = max(len(text) if text.isascii() else len(text.encode()) for text in texts)
    except UnicodeEncodeError:
        return "its topic or a property is no valid text"
    if max(longest, len(packet.correlation)) > _TEXT_BYTES:
        return f"its topic or a property is longer than {_TEXT_BYTES} bytes"
    return ""


def size_bytes(packet: Packet) -> int:
    """An upper bound for the packet's size on the wire."""
    said = (packet.topic, packet.content_type, packet.response_topic, *chain.from_iterable(packet.properties))
    texts = "".join(said)
    written = len(texts) if texts.isascii() else len(texts.encode())
    head = 5 + 2 + 2 + 4 + 3 * 3
    # Fixed header, topic length, identifier, properties' length, and the heads of three properties.
    return head + written + 5 * len(packet.properties) + len(packet.correlation) + len(packet.payload)


def too_large(packet: Packet, most_bytes: int) -> str:
    """Why the broker would not take a packet of this size; empty when it would."""
    size = size_bytes(packet)
    return f"{size} bytes are more than the {most_bytes} that the broker takes" if size > most_bytes else ""
