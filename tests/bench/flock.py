"""Thousands of light agents on one connection: a controller hears of each what it hears of a real one, and no container runs.

Each node says its birth and its hello (until that is acknowledged), a status for every assignment it is given, in which all of its
tasks run, and its health every `HEALTH_S`, at a moment of its own. Ready-made MQTT bytes straight to a socket, as in
`tests/bench/crowd.py`. The inventory, ids and digests are as long as those of a Pi 4.
"""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from link import frames
from protocol.envelope import FactMark
from protocol.observed import Health, Hello, Inventory, Link, NodeStatus, Presence, TaskState, TaskStatus
from protocol.topics import (
    AckTopic,
    AssignmentTopic,
    HealthTopic,
    HelloTopic,
    PresenceTopic,
    StatusTopic,
    Topic,
    filter_of,
)
from tests.bench.crowd import FLEET, connected, publish, stream

HEALTH_S = 30.0
"""As a real agent does by default."""

GREETINGS_AT_ONCE = 200
"""A controller acknowledges thousands a second; what it has not acknowledged is said again."""
GREET_AGAIN_S = 5.0
PAUSE_S = 0.005

BOOT = "0b1f3d1e-6d5c-4c5e-9d6b-6a3f5f2b7c11"
IMAGE_ID = f"sha256:{'5e' * 32}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a flock tells its bench, in shared memory: nodes acknowledged, nodes whose tasks it says to run, healths said."""

    acknowledged: Any
    running: Any
    healths: Any


@dataclass
class Flock:
    """All nodes, and what is known of each."""

    link: socket.socket
    seen: Seen
    size: int
    unacknowledged: set[int] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    _rest: bytes = b""
    _numbered: int = 0

    def live(self) -> None:
        """Greet, then say how each is doing and answer assignments, until the process is ended."""
        self.unacknowledged = set(range(self.size))
        while self.unacknowledged:
            self._greet()
        healths = [publish(HealthTopic(FLEET, name_of(number)), _health(number)) for number in range(self.size)]
        begun_mono_s, said = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - begun_mono_s) / HEALTH_S * self.size)
            for number in range(said, due):
                self._send(healths[number % self.size])
            said = self.seen.healths.value = due
            self._hear()
            time.sleep(PAUSE_S)

    def _greet(self) -> None:
        for number in sorted(self.unacknowledged)[:GREETINGS_AT_ONCE]:
            self._say(PresenceTopic(FLEET, name_of(number)), Presence(Link.ONLINE, 1, BOOT, "1.0.0"))
            self._say(HelloTopic(FLEET, name_of(number)), _hello(number), FactMark(stream(number), 1, 1))
        left, again_mono_s = len(self.unacknowledged) - GREETINGS_AT_ONCE, time.monotonic() + GREET_AGAIN_S
        while len(self.unacknowledged) > max(0, left) and time.monotonic() < again_mono_s:
            time.sleep(PAUSE_S)
            self._hear()

    def _hear(self) -> None:
        try:
            while data := self.link.recv(1 << 20):
                self._take(self._rest + data)
        except BlockingIOError:
            return

    def _take(self, data: bytes) -> None:
        end, heard = 0, []
        for first, start, end in frames.frames(data):
            if first >> 4 == frames.PUBLISH:
                heard.append(frames.publish(data, first, start, end)[0])
        self._rest = data[end:]
        for packet in heard:
            if packet.topic.endswith("/ack"):
                self.unacknowledged.discard(int(json.loads(packet.payload)["stream"], 16))
                self.seen.acknowledged.value = self.size - len(self.unacknowledged)
            else:
                self._run(json.loads(packet.payload))

    def _run(self, assignment: dict[str, Any]) -> None:
        """Say that everything runs; a status is ordered by its sequence, and a generation grows with each assignment."""
        node, generation = assignment["node"], assignment["generation"]
        tasks = tuple(
            TaskStatus(one["task"], one["revision"], TaskState.RUNNING, 1, IMAGE_ID, f"{generation:064x}")
            for one in assignment.get("tasks", ())
        )
        self._say(
            StatusTopic(FLEET, node), NodeStatus(node, 1, generation, assignment["epoch"], generation, tasks=tasks)
        )
        (self.runs.add if tasks else self.runs.discard)(node)
        self.seen.running.value = len(self.runs)

    def _say(self, topic: Topic, message: Any, mark: FactMark | None = None) -> None:
        self._numbered += 1
        self._send(publish(topic, message, mark, self._numbered))

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self.link.send(view) :]
            except BlockingIOError:
                time.sleep(PAUSE_S)
                self._drain()

    def _drain(self) -> None:
        """Take what the broker has for us, or it would stop taking what we have; it is looked at later."""
        try:
            self._rest += self.link.recv(1 << 20)
        except BlockingIOError:
            return


def flock(port: int, size: int, seen: Seen) -> None:
    """A process: lives until it is ended."""
    with connected(port, "flock", filter_of(AckTopic, FLEET), filter_of(AssignmentTopic, FLEET)) as link:
        Flock(link, seen, size).live()


def name_of(number: int) -> str:
    """A node's name, as long as people's are."""
    return f"pi-{number:05d}"


def _hello(number: int) -> Hello:
    name = name_of(number)
    inventory = Inventory(
        hostname=name,
        architecture="aarch64",
        model="Raspberry Pi 4 Model B Rev 1.4",
        os="Debian GNU/Linux 12 (bookworm)",
        kernel="6.6.31+rpt-rpi-v8",
        memory_bytes=3_978_547_200,
        disk_bytes=31_101_747_200,
        cpus=4,
        engine="26.1.4",
        labels={"site": f"site-{number % 50}", "place": "porch"},
        pin_factory="LGPIOFactory",
        revision="c03114",
        address=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
        zone="Europe/Berlin",
        runtimes=("runc", "io.containerd.runc.v2"),
        pins=tuple(range(28)),
        buses=("i2c-1", "spi0.0", "spi0.1"),
        devices=("/dev/ttyAMA0", "/dev/video0", "/dev/vchiq"),
        usb=("1d6b:0002 Linux Foundation 2.0 root hub", "0403:6001 FT232 Serial (UART) IC"),
        cameras=("imx219",),
    )
    return Hello(name, 1, BOOT, "1.0.0", inventory)


def _health(number: int) -> Health:
    return Health(
        86_400.0 + number, 0.25, 2_811_428_864, 20_401_094_656, 48.3, bytes_written_total=1_234_567_890 + number
    )
