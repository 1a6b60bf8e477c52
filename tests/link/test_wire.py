"""Our reading of the socket against paho's own, on the same random packets; and what is no MQTT at all."""

from __future__ import annotations

import itertools
import random
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from link import frames
from link.settings import LinkSettings
from link.wire import CHUNK_BYTES, Wire, packet_of
from protocol.envelope import Packet

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#\ufeff"), max_size=20)
# A stock paho takes U+FEFF for malformed, and hangs up; MQTT 5 (1.5.4.3) says that it stands for itself.
PACKETS = st.builds(
    Packet,
    topic=TEXT.filter(bool),
    payload=st.binary(max_size=300),
    properties=st.lists(st.tuples(TEXT, TEXT), max_size=12).map(tuple),
    qos=st.integers(0, 1),
    retain=st.booleans(),
    content_type=TEXT,
    response_topic=TEXT,
    correlation=st.binary(max_size=20),
)


class Ends:
    """Two clients without a broker, fed from a socket of the test's: ours and a stock one."""

    def __init__(self, receive_bytes: int = 300_000) -> None:
        self.ours = Wire(LinkSettings("127.0.0.1", 1883, "ours", receive_bytes=receive_bytes), None)
        self.theirs = mqtt.Client(CallbackAPIVersion.VERSION2, "theirs", protocol=mqtt.MQTTv5)
        self.theirs_arrived: list[Packet] = []
        self.theirs.on_message = lambda _c, _u, message: self.theirs_arrived.append(packet_of(message))
        self.feeds = []
        for client in (self.ours, self.theirs):
            near, far = socket.socketpair()
            near.setblocking(False)
            client._sock = near
            self.feeds.append(far)

    def feed(self, data: bytes) -> None:
        self.feeds[0].sendall(data)
        self.ours.read()

    def feed_theirs(self, data: bytes) -> None:
        self.feeds[1].sendall(data)
        while self.theirs._sock is not None and select_readable(self.theirs._sock):
            self.theirs.loop_read()
        self.theirs.loop_write()

    def answers(self) -> tuple[bytes, bytes]:
        """What each side said to its broker."""
        self.ours.loop_write()
        return tuple(drained(feed) for feed in self.feeds)  # type: ignore[return-value]

    def close(self) -> None:
        for client in (self.ours, self.theirs):
            client._sock_close()
        for feed in self.feeds:
            feed.close()


def select_readable(end: socket.socket) -> bool:
    try:
        return bool(end.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def drained(feed: socket.socket) -> bytes:
    feed.setblocking(False)
    try:
        return feed.recv(1 << 20)
    except BlockingIOError:
        return b""


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def written(packet: Packet, identifier: int) -> bytes:
    """The packet's bytes as paho writes them: not by our own hand."""
    writer = mqtt.Client(CallbackAPIVersion.VERSION2, "writer", protocol=mqtt.MQTTv5)
    near, far = socket.socketpair()
    writer._sock = near
    said = Properties(3)
    if packet.properties:
        said.UserProperty = list(packet.properties)
    if packet.content_type:
        said.ContentType = packet.content_type
    if packet.response_topic:
        said.ResponseTopic = packet.response_topic
    if packet.correlation:
        said.CorrelationData = packet.correlation
    writer._send_publish(
        identifier,
        packet.topic.encode(),
        packet.payload,
        packet.qos,
        packet.retain,
        False,
        mqtt.MQTTMessageInfo(1),
        said,
    )
    data = far.recv(1 << 20)
    writer._sock_close()
    far.close()
    return data


@given(st.lists(PACKETS, min_size=1, max_size=8), st.randoms())
def test_both_readings_deliver_the_same_and_answer_the_same(packets: list[Packet], chances: random.Random) -> None:
    """Random packets, cut into random pieces: the same packets, and the same PUBACKs."""
    ends = Ends()
    data = b"".join(written(packet, number) for number, packet in enumerate(packets, 1))
    cuts = sorted(chances.sample(range(len(data) + 1), k=min(5, len(data))))
    for start, end in itertools.pairwise([0, *cuts, len(data)]):
        if data[start:end]:
            ends.feed(data[start:end])
    ends.feed_theirs(data)
    assert ends.ours.arrived == ends.theirs_arrived == packets
    ours, theirs = ends.answers()
    assert ours == theirs == b"".join(b"\x40\x02" + n.to_bytes(2, "big") for n, p in enumerate(packets, 1) if p.qos)
    ends.close()


def test_a_byte_order_mark_stands_for_itself() -> None:
    """Also where a stock client would hang up."""
    ends, packet = Ends(), Packet("a", b"", response_topic="\ufeffb")
    ends.feed(written(packet, 1))
    assert ends.ours.arrived == [packet]
    ends.close()


@given(PACKETS, st.integers(1, 65535))
def test_both_hands_write_the_same(packet: Packet, identifier: int) -> None:
    """Byte for byte what paho writes, whatever its length."""
    assert frames.written(packet, identifier) == written(packet, identifier)
    large = replace(packet, payload=bytes(20_000))
    assert frames.written(large, identifier) == written(large, identifier)


@pytest.mark.parametrize("code", [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
def test_an_answer_says_what_paho_would_say(code: int) -> None:
    """A success says nothing, a refusal its name."""
    said = ReasonCode(PacketTypes.PUBACK, identifier=code)
    body = b"\x00\x07" + bytes([code])
    assert frames.puback(body, 0, 3) == (7, said.getName().lower().replace("z", "s") if said.is_failure else "")


def test_only_what_is_awaited_is_answered(ends: Ends) -> None:
    """Each QoS 1 packet once; an answer without properties, with them, and one that nobody waits for."""
    first, second = (ends.ours.send(Packet("t", b"", qos=1)) for _ in range(2))
    long_answer = b"\x40\x04" + second.to_bytes(2, "big") + b"\x87\x00"
    ends.feed(b"\x40\x02" + first.to_bytes(2, "big") + b"\x40\x02\xff\xff" + long_answer + long_answer)
    assert ends.ours.answered == [(first, ""), (second, "not authorised")]
    assert not ends.ours.ended


def test_properties_that_we_do_not_use_are_passed_over(ends: Ends) -> None:
    """Payload format, expiry and subscription identifiers are allowed, and cost nothing."""
    body = b"\x00\x01t" + bytes([2 + 5 + 3]) + b"\x01\x01" + b"\x02\x00\x00\x00\x09" + b"\x0b\x80\x01" + b"hello"
    ends.feed(b"\x30" + bytes([len(body)]) + body)
    assert ends.ours.arrived == [Packet("t", b"hello")]


def test_a_topic_that_is_no_text_costs_its_packet_and_not_the_link(ends: Ends) -> None:
    """It is delivered with replacement characters, which no topic of ours matches."""
    ends.feed(b"\x30\x05\x00\x02\xff\xfe\x00")
    assert ends.ours.arrived == [Packet("��", b"")]
    assert ends.ours.ended == ""


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x03\x00\x09a",  # a topic longer than its packet
        b"\x30\x04\x00\x01a\x09",  # properties longer than their packet
        b"\x30\x07\x00\x01a\x03\x26\x00\x09",  # a property longer than the properties
        b"\x30\x06\x00\x01a\x02\x23\x00",  # a topic alias, which nobody offered to take
        b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
        b"\x30\xff\xff\x7f",  # 2 MB where 300 kB were agreed
        b"\x40\x01\x00",  # an answer to half a number
        b"\xf0\x00" + b"\x00" * 8,  # authentication that nobody asked for
    ],
)
def test_what_is_no_mqtt_ends_the_connection_in_words(ends: Ends, data: bytes) -> None:
    """After a length that cannot be true nothing can be trusted."""
    ends.feed(data)
    assert ends.ours.ended
    assert ends.ours.socket() is None


FRAMES = st.builds(lambda first, body: bytes([first, len(body)]) + body, st.integers(0, 255), st.binary(max_size=40))


@settings(max_examples=400)
@given(st.one_of(st.binary(max_size=400), st.lists(FRAMES, max_size=4).map(b"".join)))
def test_no_bytes_make_the_reading_raise(data: bytes) -> None:
    """Whatever comes, it ends in packets or in `ended`."""
    ends = Ends()
    if data:
        ends.feed(data)
    assert ends.ours.ended or ends.ours.socket() is not None
    ends.close()


@given(PACKETS)
def test_the_size_is_never_guessed_too_low(packet: Packet) -> None:
    """What passes the check fits the broker."""
    assert frames.refusal_of(packet) == ""
    real = len(written(packet, 1))
    assert real <= frames.size_bytes(packet) <= real + 40


def test_a_large_packet_is_put_together_once(ends: Ends) -> None:
    """Pieces of a packet larger than a read are kept until it is whole."""
    large = Packet("t", bytes(2 * CHUNK_BYTES), qos=1)
    data = written(large, 1) + written(replace(large, payload=b"next"), 2)
    for at in range(0, len(data), 10_000):
        ends.feed(data[at : at + 10_000])
    assert [len(packet.payload) for packet in ends.ours.arrived] == [2 * CHUNK_BYTES, 4]


def test_paho_is_the_version_whose_inside_we_use() -> None:
    """Another minor needs this file read again."""
    from importlib.metadata import version  # noqa: PLC0415

    assert version("paho-mqtt").startswith("2.2.")
    assert Path(mqtt.__file__).name == "client.py"


def test_what_waits_leaves_in_one_piece() -> None:
    """Twenty packets are one call to the kernel, and the goodbye after them still leaves before the socket closes."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # keeps apart what was sent apart
    near.setblocking(False)
    wire = Wire(LinkSettings("127.0.0.1", 1883, "ours"), None)
    wire._sock = near
    for number in range(20):
        wire.send(Packet("a", str(number).encode()))
    wire.loop_write()
    piece = far.recv(1 << 16)
    assert len(list(frames.frames(piece))) == len(wire.answered) == 20
    wire.hang_up()
    assert [first for first, _, _ in frames.frames(far.recv(1 << 16))] == [0xE0]
    assert far.recv(1) == b""
    far.close()


def test_a_socket_that_is_full_gets_the_rest_later(ends: Ends) -> None:
    """Nothing is lost, and nothing said to be sent before all of it was."""
    first, second = b"x" * 1_000_000, b"y" * 1_000_000
    ends.ours.send(Packet("a", first))
    ends.ours.loop_write()
    ends.ours.send(Packet("a", second))
    ends.ours.loop_write()
    assert ends.ours.want_write()
    assert ends.ours.answered == []
    said = b""
    while ends.ours.want_write():
        said += drained(ends.feeds[0])
        ends.ours.loop_write()
    said += drained(ends.feeds[0])
    assert [said[end - 1_000_000 : end] for _, _, end in frames.frames(said)] == [first, second]
    assert len(ends.ours.answered) == 2
