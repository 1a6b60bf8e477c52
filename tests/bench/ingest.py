"""How fast a real controller takes in node events, against a bare paho subscriber that only counts them.

`python -m tests.bench ingest`. One real Mosquitto, and one process that plays fifty nodes (`tests/bench/crowd.py`), in a closed
loop: nothing is lost, nothing is said twice. Ours: `python -m controller` as it ships, with its store (WAL, FULL), its metrics and
its link; it knows the nodes by their hellos and the sensor by a manifest, and an event counts when the node's `down/ack` has
arrived. Theirs: paho with its own loop, `on_message` counts; once as it is by default (MQTT 3.1.1: the broker leaves the
properties out, so paho gets half of the bytes), once with MQTT 5, where it reads the same packets as ours. The aim is held
against the first, which is the harder one. Interleaved rounds, each side in a fresh process; medians.
"""

from __future__ import annotations

import json
import multiprocessing as mp
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from controller.store import FILE
from lab.broker import Broker
from lab.processes import free_port, spawn
from protocol.topics import EventTopic, filter_of
from tests.bench.cpu import used_ns
from tests.bench.crowd import FLEET, NODES, crowd
from tests.bench.figure import Figure, Say

ROUNDS = 5
MESSAGES = 20_000
MESSAGES_5 = 1_000
# paho takes a third of a millisecond for the properties of one event: a twentieth of the messages is as long a measurement.

AIM = 0.8
MQTT_3, MQTT_5 = 4, 5  # as paho numbers them
SETTINGS = {"max_inflight_messages": "200", "max_queued_messages": "0", "set_tcp_nodelay": "true"}
LOCALHOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ground:
    """What all rounds share: a directory, the broker's port, the way to the crowd, and what a peer has counted."""

    directory: Path
    port: int
    orders: Connection
    counted: Any

    def report(self, messages: int, pid: int) -> tuple[float, float]:
        """Have the crowd report events: how many a second, and what each cost the process that took them (CPU microseconds)."""
        before_ns = used_ns(pid)
        self.orders.send((False, messages))
        took_s = self.orders.recv()
        return messages / took_s, (used_ns(pid) - before_ns) / 1000 / messages

    def prepare(self, *, is_acknowledged: bool) -> None:
        """Have the crowd make itself known to a controller, or forget the last one."""
        self.orders.send((is_acknowledged, 0))
        self.orders.recv()


@contextmanager
def ours(ground: Ground, messages: int) -> Iterator[int]:
    """A controller that knows the crowd; at the end its store must hold every event as counted, and nothing beside."""
    with tempfile.TemporaryDirectory(dir=ground.directory) as state:
        extra = {
            "BRAMBLE_FLEET": FLEET,
            "BRAMBLE_BROKER_HOST": LOCALHOST,
            "BRAMBLE_BROKER_PORT": str(ground.port),
            "BRAMBLE_STATE_DIR": state,
            "BRAMBLE_METRICS_PORT": str(free_port(LOCALHOST)),
        }
        process = spawn("controller", [sys.executable, "-m", "controller"], Path(state) / "log", extra=extra)
        try:
            ground.prepare(is_acknowledged=True)
            yield process.pid
        finally:
            process.terminate()
        store = sqlite3.connect(Path(state) / FILE)
        intakes = [json.loads(value) for (value,) in store.execute("SELECT value FROM intakes")]
        store.close()
        assert sum(intake["upto"] for intake in intakes) == messages + NODES, process.log()
        assert not any(intake["beyond"] for intake in intakes), process.log()


@contextmanager
def paho(ground: Ground, messages: int, protocol: int = MQTT_3) -> Iterator[int]:
    """Theirs. By default as paho does by default: MQTT 3.1.1."""
    ground.prepare(is_acknowledged=False)
    ground.counted.value = 0
    here, there = mp.Pipe()
    process = mp.Process(target=count, args=(ground.port, messages, protocol, there, ground.counted), daemon=True)
    process.start()
    there.close()
    here.recv()
    yield process.pid or 0
    here.send("end")
    process.join()


def paho_5(ground: Ground, messages: int) -> AbstractContextManager[int]:
    """Theirs, reading the very same packets as ours."""
    return paho(ground, messages, MQTT_5)


def count(port: int, messages: int, protocol: int, orders: Connection, counted: Any) -> None:
    """A process: paho's own loop, which does nothing but count."""
    import paho.mqtt.client as mqtt  # noqa: PLC0415 - nobody else pays for it
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion  # noqa: PLC0415

    seen = 0

    def one(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen % 20 == 0 or seen == messages:
            counted.value = seen

    client = mqtt.Client(CallbackAPIVersion.VERSION2, "theirs", protocol=MQTTProtocolVersion(protocol))
    client.on_message = one
    client.on_subscribe = lambda *_: orders.send("ready")
    client.connect(LOCALHOST, port)
    client.subscribe(filter_of(EventTopic, FLEET), qos=1)
    while seen < messages:
        client.loop(1.0)
    orders.recv()
    client.disconnect()


Side = Callable[[Ground, int], AbstractContextManager[int]]
OURS, PAHO, PAHO_5 = "ours", "paho that only counts", "paho that only counts, MQTT 5"
SIDES: dict[str, tuple[Side, int]] = {PAHO: (paho, MESSAGES), OURS: (ours, MESSAGES), PAHO_5: (paho_5, MESSAGES_5)}


def measure(say: Say) -> tuple[Figure, ...]:
    """Count, commit, count with properties, again and again."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
    with (
        tempfile.TemporaryDirectory() as directory,
        Broker(Path(directory) / "broker", LOCALHOST, settings=SETTINGS) as broker,
    ):
        counted = mp.Value("q", 0, lock=False)
        here, there = mp.Pipe()
        nodes = mp.Process(target=crowd, args=(broker.port, MESSAGES, there, counted), daemon=True)
        nodes.start()
        there.close()  # so that a crowd that died ends the bench, too
        here.recv()
        ground = Ground(Path(directory), broker.port, here, counted)
        for number in range(ROUNDS):
            for name, (side, messages) in SIDES.items():
                with side(ground, messages) as pid:
                    found[name].append(ground.report(messages, pid))
            say(
                f"round {number + 1} of {ROUNDS}: {', '.join(f'{rounds[-1][0]:,.0f}' for rounds in found.values())} msg/s"
            )
        here.send(None)
        nodes.join()
    medians = {
        name: [statistics.median(column) for column in zip(*rounds, strict=True)] for name, rounds in found.items()
    }
    (rate, cost_us), (peer, peer_us), (peer5, _) = (medians[name] for name in (OURS, PAHO, PAHO_5))
    return (
        Figure("node events: decoded, committed, acknowledged", PAHO, rate, peer, "msg/s", AIM, "higher"),
        Figure("node events: CPU per message", PAHO, cost_us, peer_us, "µs"),
        Figure("node events: the same, the peer with properties", PAHO_5, rate, peer5, "msg/s", better="higher"),
    )
