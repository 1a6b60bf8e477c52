"""Fifty nodes of the `ingest` bench on one connection: says hello, reports events, reads what was acknowledged.

Ready-made MQTT bytes straight to a socket, because a paho publisher would be slower than what it measures. Each node has an
outbox stream of its own; its events carry their marks and come in turns with all others', which makes the controller
acknowledge as many nodes as can be. Never more than `WINDOW` events ahead of what was counted, or for a controller of what was
acknowledged: 40 a node, well within a courier's window, so no node would say anything twice.
"""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from lab.processes import TooLateError
from link import frames
from protocol.envelope import FactMark, Packet, pack
from protocol.observed import Hello, Inventory, Link, Presence, SensorEvent
from protocol.topics import AckTopic, EventTopic, HelloTopic, ManifestTopic, PresenceTopic, Topic, filter_of

FLEET, NODES, SENSOR, WINDOW = "bench", 50, "door", 2_000
AT_ONCE = 100
# Events per write to the socket: a tenth of a millisecond of the broker's time.

PATIENCE_S = 30.0
HELLO_AGAIN_S = 0.25
# A controller that is still starting hears nothing; its own link is up half a second later.

MANIFEST = f"name: porch\nsensors:\n  {SENSOR}: {{kind: button, pin: 17}}\n".encode()


@dataclass
class Crowd:
    """The nodes. `upto` is what the controller has acknowledged of each stream; `counted` is what a peer has counted."""

    link: socket.socket
    counted: Any
    upto: dict[str, int] = field(default_factory=dict)
    _rest: bytes = b""

    def greet(self) -> None:
        """Publish a stack with a sensor, and say every node's birth and hello until all are acknowledged."""
        self.upto.clear()
        words = publish(ManifestTopic(FLEET, "porch"), MANIFEST)
        words += b"".join(_greeting(number) for number in range(NODES))
        deadline_mono_s = time.monotonic() + PATIENCE_S
        while len(self.upto) < NODES:
            if time.monotonic() > deadline_mono_s:
                raise TooLateError(f"only {len(self.upto)} of {NODES} hellos were acknowledged")
            self._send(words)
            again_mono_s = time.monotonic() + HELLO_AGAIN_S
            while len(self.upto) < NODES and time.monotonic() < again_mono_s:
                self._wait()

    def report(self, events: list[bytes]) -> float:
        """Publish the events; how long it took, in seconds, until all were acknowledged or counted."""
        begun_mono_s = time.monotonic()
        for at in range(0, len(events), AT_ONCE):
            self._wait_for(at - WINDOW, begun_mono_s + PATIENCE_S)
            self._send(b"".join(events[at : at + AT_ONCE]))
        self._wait_for(len(events), begun_mono_s + PATIENCE_S)
        return time.monotonic() - begun_mono_s

    def _done(self) -> int:
        """Every node's first fact is its hello."""
        return sum(self.upto.values()) - NODES if self.upto else int(self.counted.value)

    def _wait_for(self, events: int, deadline_mono_s: float) -> None:
        while self._done() < events:
            if time.monotonic() > deadline_mono_s:
                raise TooLateError(f"{self._done()} of {events} events arrived")
            self._wait()

    def _wait(self) -> None:
        time.sleep(0.0005)
        self._hear()

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._hear()
            try:
                view = view[self.link.send(view) :]
            except BlockingIOError:
                time.sleep(0.0002)

    def _hear(self) -> None:
        """Read what is there. The broker's PUBACKs count for nothing (law 3)."""
        try:
            while data := self.link.recv(65536):
                self._take(self._rest + data)
        except BlockingIOError:
            return

    def _take(self, data: bytes) -> None:
        end = 0
        for first, start, end in frames.frames(data):
            if first >> 4 == frames.PUBLISH:
                ack = json.loads(frames.publish(data, first, start, end)[0].payload)
                self.upto[ack["stream"]] = ack["upto"]
        self._rest = data[end:]


def crowd(port: int, messages: int, orders: Connection, counted: object) -> None:
    """A process: greets or reports as ordered, and answers with the seconds it took; 0 events are the last order."""
    events = [event(number) for number in range(messages)]
    with connected(port, "crowd", filter_of(AckTopic, FLEET)) as link:
        nodes = Crowd(link, counted)
        orders.send(0.0)
        while order := orders.recv():
            is_acknowledged, reported = order
            if reported:
                orders.send(nodes.report(events[:reported]))
            else:
                nodes.upto.clear()
                if is_acknowledged:
                    nodes.greet()
                orders.send(0.0)


def connected(port: int, name: str, *filters: str) -> socket.socket:
    """A connection to the broker, which reads the filters with QoS 0 and never waits."""
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    hello = b"\x00\x04MQTT\x05\x02\x00\x00\x00" + text(name)
    link.sendall(b"\x10" + varint(len(hello)) + hello)
    link.recv(4096)
    asked = b"\x00\x01\x00" + b"".join(text(one) + b"\x00" for one in filters)
    link.sendall(b"\x82" + varint(len(asked)) + asked)
    link.setblocking(False)
    return link


def event(number: int) -> bytes:
    """One event as bytes; the nodes take turns."""
    node, sequence = f"pi-{number % NODES}", 2 + number // NODES
    sensed = SensorEvent(
        stream(number % NODES), sequence, node, SENSOR, "pressed", "2026-11-21T09:00:00Z", "boot-1", number, pin=17
    )
    mark = FactMark(sensed.stream, sequence, max(1, sequence - WINDOW // NODES))
    return publish(EventTopic(FLEET, node, SENSOR), sensed, mark, number)


def _greeting(number: int) -> bytes:
    node = f"pi-{number}"
    hello = Hello(node, 1, "boot-1", "bench", Inventory(node, "aarch64"))
    birth = publish(PresenceTopic(FLEET, node), Presence(Link.ONLINE, 1, "boot-1"))
    return birth + publish(HelloTopic(FLEET, node), hello, FactMark(stream(number), 1, 1))


def stream(number: int) -> str:
    """The outbox of a node."""
    return f"{number:016x}"


def publish(topic: Topic, message: Any, mark: FactMark | None = None, number: int = 0) -> bytes:
    """The PUBLISH of a message, as bytes; `number` makes its identifier."""
    packet = pack(topic, message, mark)
    assert isinstance(packet, Packet)
    said = b"".join(b"\x26" + text(key) + text(value) for key, value in packet.properties)
    said += b"\x03" + text(packet.content_type)
    identifier = (number % 65535 + 1).to_bytes(2, "big") if packet.qos else b""
    body = text(packet.topic) + identifier + varint(len(said)) + said + packet.payload
    return bytes([0x30 | packet.qos << 1 | packet.retain]) + varint(len(body)) + body


def text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2, "big") + value.encode()


def varint(number: int) -> bytes:
    out = b""
    while True:
        number, low = divmod(number, 128)
        out += bytes([low | (0x80 if number else 0)])
        if not number:
            return out
