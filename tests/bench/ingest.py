"""How fast the controller's side takes in node events, against a bare paho subscriber that only counts them.

`python -m tests.bench ingest`. One real Mosquitto; one publisher process that writes ready-made MQTT bytes
(real CloudEvents with marks) straight to a socket, QoS 1, at most `WINDOW` ahead of the subscriber (closed loop, nothing is
lost). Ours: `link.broker`, `protocol.envelope.unpack`, `link.intake`, one SQLite commit (WAL, FULL) per turn, then the
acknowledgement. Theirs: paho with its own loop, `on_message` counts; once as it is by default (MQTT 3.1.1: the broker leaves
the properties out, so paho gets half of the bytes), once with MQTT 5, where it reads the same packets as ours. The aim is
held against the first, which is the harder one. Interleaved rounds, each side in a fresh process; medians.
"""

from __future__ import annotations

import multiprocessing as mp
import queue
import socket
import sqlite3
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from lab.broker import Broker as Mosquitto
from link.broker import Broker
from link.inputs import Arrived, LinkUp
from link.intake import Intake
from link.settings import LinkSettings
from protocol.envelope import FactMark, Packet, Received, pack, unpack
from protocol.observed import SensorEvent
from protocol.topics import EventTopic, filter_of
from tests.bench.figure import Figure, Say

ROUNDS = 5
MESSAGES = 10_000
MESSAGES_5 = 1_000
# paho takes a third of a millisecond for the properties of one event: a tenth of the messages is as long a measurement.

WINDOW = 2_000
AIM = 0.8
MQTT_3, MQTT_5 = 4, 5  # as paho numbers them
SETTINGS = {"max_inflight_messages": "200", "max_queued_messages": "0", "set_tcp_nodelay": "true"}
PATTERN = filter_of(EventTopic, "bench")


def frame(sequence: int) -> bytes:
    """The PUBLISH of one event, as bytes."""
    node, sensor = f"pi-{sequence % 50}", "door"
    event = SensorEvent(
        "a1b2c3d4e5f60718", sequence, node, sensor, "opened", "2026-11-21T09:00:00Z", "boot-1", sequence
    )
    packet = pack(
        EventTopic("bench", node, sensor), event, FactMark("a1b2c3d4e5f60718", sequence, max(1, sequence - 50))
    )
    assert isinstance(packet, Packet)
    topic = packet.topic.encode()
    said = (
        b"".join(b"\x26" + text(key) + text(value) for key, value in packet.properties)
        + b"\x03"
        + text(packet.content_type)
    )
    body = len(topic).to_bytes(2, "big") + topic + (sequence % 65535 + 1).to_bytes(2, "big")
    body += varint(len(said)) + said + packet.payload
    return b"\x32" + varint(len(body)) + body


def text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2, "big") + value.encode()


def varint(number: int) -> bytes:
    out = b""
    while True:
        number, low = divmod(number, 128)
        out += bytes([low | (0x80 if number else 0)])
        if not number:
            return out


def publisher(port: int, orders: Connection, taken: object) -> None:
    """Publish as many messages as each order says, never more than WINDOW ahead of what was taken; an order of 0 is the last."""
    frames = [frame(sequence) for sequence in range(1, MESSAGES + 1)]
    hello = b"\x00\x04MQTT\x05\x02\x00\x00\x00" + text("publisher")
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.sendall(b"\x10" + varint(len(hello)) + hello)
    link.recv(4096)
    link.setblocking(False)
    orders.send("ready")
    while messages := orders.recv():
        for at in range(0, messages, 100):
            while at - taken.value > WINDOW:  # type: ignore[attr-defined]
                drain(link)
                time.sleep(0.0005)
            send(link, b"".join(frames[at : min(at + 100, messages)]))
    link.close()


def send(link: socket.socket, data: bytes) -> None:
    view = memoryview(data)
    while view:
        drain(link)
        try:
            view = view[link.send(view) :]
        except BlockingIOError:
            time.sleep(0.0002)


def drain(link: socket.socket) -> None:
    try:
        while link.recv(65536):
            pass
    except BlockingIOError:
        pass


def paho_side(port: int, messages: int, orders: Connection, taken: object, protocol: int = MQTT_3) -> None:
    """Theirs: count. By default as paho does by default: MQTT 3.1.1, for which the broker leaves the properties out."""
    import paho.mqtt.client as mqtt  # noqa: PLC0415 - the other side does not pay for it
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion  # noqa: PLC0415

    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen % 20 == 0 or seen == messages:
            taken.value = seen  # type: ignore[attr-defined]

    client = mqtt.Client(CallbackAPIVersion.VERSION2, "theirs", protocol=MQTTProtocolVersion(protocol))
    client.on_message = count
    client.on_subscribe = lambda *_: orders.send("ready")
    client.connect("127.0.0.1", port)
    client.subscribe(PATTERN, qos=1)
    while seen < messages:
        client.loop(1.0)
    orders.send(time.process_time())
    client.disconnect()


def paho_5_side(port: int, messages: int, orders: Connection, taken: object) -> None:
    """Theirs, reading the very same packets as ours: count."""
    paho_side(port, messages, orders, taken, MQTT_5)


def our_side(port: int, messages: int, orders: Connection, taken: object) -> None:
    """Ours: decode, deduplicate, commit, acknowledge."""
    directory = tempfile.TemporaryDirectory()
    store = sqlite3.connect(Path(directory.name) / "bench.db", isolation_level=None)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=FULL")
    store.execute("CREATE TABLE event (stream TEXT, sequence INTEGER, node TEXT, sensor TEXT, type TEXT, time TEXT)")
    store.execute("CREATE TABLE intake (stream TEXT PRIMARY KEY, upto INTEGER, beyond TEXT)")
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    link = Broker(LinkSettings("127.0.0.1", port, "ours"), inbox.put, inbox.qsize)
    link.dial(1, None, None, ((PATTERN, 1),))
    assert isinstance(inbox.get(), LinkUp)
    orders.send("ready")
    intake, seen = Intake(), 0
    while seen < messages:
        batch = [inbox.get()]
        while not inbox.empty():
            batch.append(inbox.get())
        rows = []
        for packet in (packet for item in batch if isinstance(item, Arrived) for packet in item.packets):
            received = unpack(packet)
            assert isinstance(received, Received)
            intake, is_new = intake.seen(received.mark)  # type: ignore[arg-type]
            if is_new:
                event = received.message
                rows.append((event.stream, event.sequence, event.node, event.sensor, event.type, event.time))
        store.execute("BEGIN IMMEDIATE")
        store.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", rows)
        ack = intake.ack("a1b2c3d4e5f60718")
        store.execute("INSERT OR REPLACE INTO intake VALUES (?, ?, ?)", (ack.stream, ack.upto, str(ack.beyond)))
        store.execute("COMMIT")
        seen += len(rows)
        taken.value = seen  # type: ignore[attr-defined]
    orders.send(time.process_time())
    link.close()
    (stored,) = store.execute("SELECT count(*) FROM event").fetchone()
    assert stored == messages
    directory.cleanup()


def one_round(side: object, port: int, messages: int, publishing: Connection, taken: object) -> tuple[float, float]:
    """Messages per second and CPU microseconds per message of one side."""
    here, there = mp.Pipe()
    process = mp.Process(target=side, args=(port, messages, there, taken), daemon=True)  # type: ignore[arg-type]
    taken.value = 0  # type: ignore[attr-defined]
    process.start()
    here.recv()
    started_s = time.perf_counter()
    publishing.send(messages)
    cpu_s = here.recv()
    took_s = time.perf_counter() - started_s
    process.join()
    return messages / took_s, cpu_s / messages * 1e6


OURS, PAHO, PAHO_5 = "ours", "paho that only counts", "paho that only counts, MQTT 5"
SIDES = {PAHO: (paho_side, MESSAGES), OURS: (our_side, MESSAGES), PAHO_5: (paho_5_side, MESSAGES_5)}


def measure(say: Say) -> tuple[Figure, ...]:
    """Count, commit, count with properties, again and again."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
    with tempfile.TemporaryDirectory() as directory, Mosquitto(Path(directory) / "broker", settings=SETTINGS) as broker:
        taken = mp.Value("q", 0, lock=False)
        publishing, orders = mp.Pipe()
        source = mp.Process(target=publisher, args=(broker.port, orders, taken), daemon=True)
        source.start()
        publishing.recv()
        for number in range(ROUNDS):
            say(f"round {number + 1} of {ROUNDS}")
            for name, (side, messages) in SIDES.items():
                found[name].append(one_round(side, broker.port, messages, publishing, taken))
        publishing.send(0)
        source.join()
    medians = {
        name: [statistics.median(column) for column in zip(*rounds, strict=True)] for name, rounds in found.items()
    }
    (ours, ours_us), (peer, peer_us), (peer5, _) = (medians[name] for name in (OURS, PAHO, PAHO_5))
    return (
        Figure("node events: decoded, committed, QoS 1", PAHO, ours, peer, "msg/s", AIM, "higher"),
        Figure("node events: CPU per message", PAHO, ours_us, peer_us, "µs"),
        Figure("node events: the same packets, decoded, committed", PAHO_5, ours, peer5, "msg/s", better="higher"),
    )
