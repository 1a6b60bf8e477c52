"""MQTT 5 on the wire, as far as speed asks for it: finds packets in what was read, and reads a PUBLISH straight into a `Packet`.

Pure. paho reads a packet with three calls to the kernel and one Python object per property; this reads a whole chunk at
once, which makes nearly all of the difference in `tests/bench/ingest.py`. Everything but PUBLISH is left to paho. The
tests hold the two readings of a PUBLISH against each other on random packets.

Text that is not UTF-8 is kept with replacement characters and refused later by its topic: one publisher's bad byte shall
not cost the link. A length that leads outside its packet is `MalformedError`: nothing after it can be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol.envelope import Packet

PUBLISH = 3
PUBACK_BYTES = b"\x40\x02"

_PAYLOAD_FORMAT, _EXPIRY, _CONTENT_TYPE, _RESPONSE_TOPIC, _CORRELATION = 0x01, 0x02, 0x03, 0x08, 0x09
_SUBSCRIPTION, _USER = 0x0B, 0x26
# MQTT 5, table 2-4. A topic alias (0x23) cannot come: we never offer to take any.

_FIXED_BYTES = {_PAYLOAD_FORMAT: 1, _EXPIRY: 4}
_VARINT_BYTES = 4
_TEXT_BYTES = 0xFFFF


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


def refusal_of(packet: Packet) -> str:
    """Why no broker would take the packet, whatever its size; empty when it is well formed."""
    if not packet.topic or not {"+", "#", "\0"}.isdisjoint(packet.topic):
        return f"{packet.topic[:80]!r} is no topic to publish on"
    texts = [
        packet.topic,
        packet.content_type,
        packet.response_topic,
        *(text for pair in packet.properties for text in pair),
    ]
    try:
        longest = max(len(text.encode()) for text in texts)
    except UnicodeEncodeError:
        return "its topic or a property is no valid text"
    if max(longest, len(packet.correlation)) > _TEXT_BYTES:
        return f"its topic or a property is longer than {_TEXT_BYTES} bytes"
    return ""


def size_bytes(packet: Packet) -> int:
    """An upper bound for the packet's size on the wire."""
    texts = len(packet.topic.encode()) + len(packet.content_type.encode()) + len(packet.response_topic.encode())
    user = sum(len(key.encode()) + len(value.encode()) + 5 for key, value in packet.properties)
    head = 5 + 2 + 2 + 4 + 3 * 3
    # Fixed header, topic length, identifier, properties' length, and the heads of three properties.
    return head + texts + user + len(packet.correlation) + len(packet.payload)


def too_large(packet: Packet, most_bytes: int) -> str:
    """Why the broker would not take a packet of this size; empty when it would."""
    size = size_bytes(packet)
    return f"{size} bytes are more than the {most_bytes} that the broker takes" if size > most_bytes else ""
