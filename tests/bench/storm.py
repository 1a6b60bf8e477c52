"""A storm into one controller: 200 nodes with 50 events a second each, and a function that listens to all of them.

`python -m tests.bench storm`. The controller's own loop with its store (WAL, FULL) in a process of its own; the broker's part and
that of the network thread are in `ingest`. Packets come as a link delivers them, a tenth of a second's worth at a time. Four nodes
have the function, and together end 500 runs a second: twenty times less than is asked for, so the ledger fills, and what finds no
room is dropped and counted. The limit beside it reads the JSON of the very same packets and commits one row for each portion, in
turns with ours. Processor time; nothing may be lost but what is counted, and memory may not grow once the ledger is full.
"""

from __future__ import annotations

import gc
import json
import multiprocessing as mp
import sqlite3
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from statistics import median

from controller.__main__ import COLLECT_AFTER
from controller.decide.fleet import Fleet
from controller.decide.terms import Terms
from controller.loop import Loop
from controller.store import Store
from link.inputs import Arrived, Busy, LinkUp, Published, Sent
from protocol import topics
from protocol.desired import Invocation
from protocol.envelope import FactMark, Packet, Received, pack, unpack
from protocol.observed import Hello, Inventory, Link, Presence, Result, ResultStatus, SensorEvent
from protocol.refusal import Refusal
from tests.bench.figure import Figure, Say

FLEET, SENSOR = "bench", "door"
NODES, EVENTS_PER_S, HOSTS = 200, 50, 4
DEMANDED = NODES * EVENTS_PER_S
SECONDS, PORTIONS_PER_S = 8, 10
# A loop that is busy finds in its inbox what came while it was: at its limit a turn has a thousand events, and takes as long.

RESULTS_PER_S = 500

AIM_RATE, AIM_MEMORY = 1.0, 1.15
PAGE_MIB = 4096 / 2**20

MANIFEST = f"""
sensors:
  {SENSOR}: {{kind: button, pin: 17}}
functions:
  greet:
    image: greet:1
    nodes: ["node.labels.runs == yes"]
    triggers: [{{sensor: {SENSOR}, on: pressed}}]
""".encode()


@dataclass(frozen=True, slots=True)
class Weathered:
    """What a storm was like: events a second of ours and of the limit, second by second, and what became of the events."""

    ours: tuple[float, ...]
    limit: tuple[float, ...]
    events: int
    opened: int
    dropped: int
    full_mib: float
    end_mib: float


class Wire:
    """The broker's end: takes everything at once, and notes what nodes are asked."""

    def __init__(self, inbox: SimpleQueue[object]) -> None:
        self._inbox, self._token = inbox, 0
        self.epoch = 0
        self.asked: deque[tuple[str, str]] = deque()

    def dial(self, epoch: int, *_: object) -> None:
        """Connect."""
        self.epoch = epoch
        self._inbox.put(LinkUp(epoch))

    def close(self) -> None:
        """Hang up."""

    def publish(self, packet: Packet) -> Published | Busy | Refusal:
        """Take a packet."""
        self._token += 1
        if packet.retain:
            self._inbox.put(Sent(self.epoch, (self._token,)))
        if "/down/invocation/" in packet.topic:
            received = unpack(packet)
            assert isinstance(received, Received)
            assert isinstance(received.message, Invocation)
            self.asked.append((received.topic.node, received.message.id))  # type: ignore[attr-defined]
        return Published(self._token)


def measure(say: Say) -> tuple[Figure, ...]:
    """Live through a storm in a process of its own, and tell of it."""
    here, there = mp.get_context("spawn").Pipe()
    process = mp.get_context("spawn").Process(target=storm, args=(there,), daemon=True)
    process.start()
    there.close()
    found: Weathered = here.recv()
    process.join()
    assert found.events == DEMANDED * SECONDS, found
    assert found.opened + found.dropped == found.events, found
    assert found.dropped > 0, found
    say(f"{found.events:,} events: {found.opened:,} invocations opened, {found.dropped:,} dropped and counted")
    say(f"memory: {found.full_mib:.1f} MiB with a full ledger, {found.end_mib:.1f} MiB after the storm")
    rate, limit = median(found.ours), median(found.limit)
    return (
        Figure(
            "storm: events taken in, a function listening", "10,000 a second", rate, DEMANDED, "1/s", AIM_RATE, "higher"
        ),
        Figure("storm: the same", "bare JSON and SQLite", rate, limit, "1/s", None, "higher"),
        Figure("storm: memory after it", "with a full ledger", found.end_mib, found.full_mib, "MiB", AIM_MEMORY),
    )


def storm(back: Connection) -> None:
    """A process: the storm."""
    gc.set_threshold(COLLECT_AFTER)
    with tempfile.TemporaryDirectory() as folder:
        back.send(Storm(Path(folder)).live())


class Storm:
    """One controller, its nodes' packets, and the limit beside it."""

    def __init__(self, folder: Path) -> None:
        inbox: SimpleQueue[object] = SimpleQueue()
        self._inbox, self._wire = inbox, Wire(inbox)
        self._loop = Loop(Fleet(FLEET, Terms()), Store(folder / "controller.db"), self._wire, inbox)
        self._bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._bare.execute(f"PRAGMA {pragma}")
        self._bare.execute("CREATE TABLE counted (key TEXT PRIMARY KEY, value INTEGER)")
        self._sequence = dict.fromkeys(range(NODES), 0)
        self._now_s = 1000.0

    def live(self) -> Weathered:
        """Greet, then storm, second by second; packets are made while nobody is measured."""
        self._loop.turn(self._now_s)
        self._take(tuple(self._greetings()))
        ours, limit, full_mib = [], [], 0.0
        for second in range(SECONDS):
            portions = tuple(tuple(self._events()) for _ in range(PORTIONS_PER_S))
            ours.append(DEMANDED / sum(self._take(portion) for portion in portions))
            limit.append(DEMANDED / sum(self._count(portion) for portion in portions))
            del portions
            self._take(tuple(self._results()))
            if second == SECONDS // 4:
                full_mib = resident_mib()
        counts = self._loop.fleet.counts
        opened, dropped = self._loop.fleet.count("opened") - 1, counts.get(("refusals", "ledger_full"), 0)
        return Weathered(tuple(ours), tuple(limit), counts["events",], opened, dropped, full_mib, resident_mib())

    def _take(self, packets: tuple[Packet, ...]) -> float:
        """Ours: a turn with these packets, its seconds; and one for what it said, which is not measured."""
        self._now_s += 1 / PORTIONS_PER_S
        self._inbox.put(Arrived(self._wire.epoch, packets))
        begun_s = time.process_time()
        self._loop.turn(self._now_s)
        return time.process_time() - begun_s

    def _count(self, packets: tuple[Packet, ...]) -> float:
        """The limit: read what is JSON, and commit how many there were."""
        begun_s = time.process_time()
        for packet in packets:
            json.loads(packet.payload)
        self._bare.execute("INSERT OR REPLACE INTO counted VALUES ('events', ?)", (len(packets),))
        return time.process_time() - begun_s

    def _greetings(self) -> Iterator[Packet]:
        yield packed(topics.ManifestTopic(FLEET, "porch"), MANIFEST)
        for number in range(NODES):
            name = name_of(number)
            labels = {"runs": "yes"} if number < HOSTS else {}
            inventory = Inventory(name, "aarch64", engine="26.1", pins=tuple(range(28)), labels=labels)
            yield packed(topics.PresenceTopic(FLEET, name), Presence(Link.ONLINE, 1, "boot"))
            yield packed(
                topics.HelloTopic(FLEET, name), Hello(name, 1, "boot", "1", inventory), self._mark(number)
            )  # fmt: skip

    def _events(self) -> Iterator[Packet]:
        for number in range(DEMANDED // PORTIONS_PER_S):
            name, mark = name_of(number % NODES), self._mark(number % NODES)
            sensed = SensorEvent(
                mark.stream,
                mark.sequence,
                name,
                SENSOR,
                "pressed",
                "2026-11-21T09:00:00Z",
                "boot",
                mark.sequence,
                pin=17,
            )
            yield packed(topics.EventTopic(FLEET, name, SENSOR), sensed, mark)

    def _results(self) -> Iterator[Packet]:
        for _ in range(min(RESULTS_PER_S, len(self._wire.asked))):
            name, key = self._wire.asked.popleft()
            result = Result(key, name, "porch", "greet", ResultStatus.DONE, 1, exit_code=0, duration_s=0.2)
            yield packed(topics.ResultTopic(FLEET, name, key), result, self._mark(int(name[3:])))

    def _mark(self, number: int) -> FactMark:
        self._sequence[number] += 1
        return FactMark(f"{number:016x}", self._sequence[number], self._sequence[number])


def name_of(number: int) -> str:
    """A node's name."""
    return f"pi-{number:03d}"


def packed(topic: topics.Topic, message: object, mark: FactMark | None = None) -> Packet:
    """A message as the link brings it."""
    packet = pack(topic, message, mark)
    assert isinstance(packet, Packet)
    return packet


def resident_mib() -> float:
    """The memory of this process, after what nobody needs is gone."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_MIB
