"""What one turn of a controller costs in a rollout over 10,000 nodes, against the same turn over 100, in the same run.

A global service is updated, five at a time; all nodes have staged the new revision and asked, so nearly all of them wait for room.
Each kind of turn is taken again and again, by both fleets alternately: a message is taken in, decided on and committed to SQLite;
medians of processor time. Publishing is by nature a turn over all nodes, so its cost is told per node. So is the stack's status: at
most one is made in 0.5 s and a millisecond for each of its tasks, and none of the other turns has it in.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from controller.__main__ import COLLECT_AFTER
from controller.decide.cycle import cycle
from controller.decide.effects import Say
from controller.decide.fleet import Fleet
from controller.decide.inputs import Heard
from controller.decide.observe import observe
from controller.decide.revive import revive
from controller.decide.terms import Terms
from controller.store import Store
from link.inputs import LinkUp
from protocol import topics
from protocol.desired import Assignment, Grant, Offers
from protocol.envelope import FactMark, Received
from protocol.observed import (
    Hello,
    Inventory,
    Link,
    NodeStatus,
    OfferState,
    OfferStatus,
    Presence,
    Request,
    TaskState,
    TaskStatus,
)
from tests.bench.figure import Figure
from tests.bench.figure import Say as Tell

FEW, MANY = 100, 10_000
SAMPLES = 25
# Each settles another node, and a fleet of a hundred must not run out of them.

PLACES = 5
AIM = 2.0
FLEET = "bench"
GRACE_S = 0.01
FOREVER_S = 1e9
TERMS = Terms(lease_s=FOREVER_S, suspect_grace_s=GRACE_S, grant_valid_s=FOREVER_S)
# Time stands still between turns, so nothing but what is measured is due; a will is believed after the grace.

MANIFEST = """
services:
  web:
    image: web:{version}
    deploy: {{mode: global, update_config: {{parallelism: {places}, monitor: 0s}}}}
"""


def measure(say: Tell) -> tuple[Figure, ...]:
    """Fleets first, then turns of one and of the other."""
    frozen = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _measured(Path(folder), say)
    finally:
        gc.set_threshold(*frozen)


def _measured(folder: Path, say: Tell) -> tuple[Figure, ...]:
    heads = {nodes: Head(folder / f"{nodes}.db", nodes) for nodes in (FEW, MANY)}
    published = {nodes: head.publish(2) / nodes for nodes, head in heads.items()}
    say(f"published: {published[FEW] * 1e6:.0f} and {published[MANY] * 1e6:.0f} µs a node")
    for head in heads.values():
        head.stage()
    took: dict[str, dict[int, list[float]]] = {}
    for number in range(SAMPLES):
        for nodes, head in heads.items():
            for kind, seconds in head.round(number):
                took.setdefault(kind, {}).setdefault(nodes, []).append(seconds)
    told = {nodes: head.tell() for nodes, head in heads.items()}
    figures = [_figure(f"turn: {kind}", median(found[MANY]), median(found[FEW]), AIM) for kind, found in took.items()]
    per_node = _figure("publish an update, per node", published[MANY], published[FEW], AIM)
    return (*figures, per_node, _figure("the stack's status, per task", told[MANY] / MANY, told[FEW] / FEW, None))


def _figure(name: str, many_s: float, few_s: float, aim: float | None) -> Figure:
    return Figure(f"{name}, {MANY:,} nodes", f"{FEW} nodes", many_s * 1e6, few_s * 1e6, "us", aim)


class Head:
    """One controller, turned by hand, and what its nodes have to say to it. Each turn returns its seconds of processor time."""

    def __init__(self, path: Path, nodes: int) -> None:
        self.names = [f"pi-{number:05d}" for number in range(nodes)]
        self._fleet, self._store, self._now_s = Fleet(FLEET, TERMS), Store(path), 1000.0
        self._store.load(self._fleet)
        self._told: dict[str, Assignment] = {}
        self._offered: dict[str, Offers] = {}
        self._granted: list[str] = []
        self._sequence = 0
        revive(self._fleet, self._now_s)
        self.turn()
        observe(self._fleet, LinkUp(1), self._now_s)
        self.turn(*(heard for name in self.names for heard in self._greeting(name)))
        self.publish(1)
        self.turn(*(self._status(name) for name in self.names))
        self.tell()

    def publish(self, version: int) -> float:
        """An operator publishes."""
        text = MANIFEST.format(version=version, places=PLACES).encode()
        heard = Heard(Received(topics.ManifestTopic(FLEET, "shop"), text, None), payload_digest=f"v{version}")
        return self.turn(heard)

    def stage(self) -> None:
        """All nodes have staged what was offered, and ask for it."""
        self.turn(*(self._status(name, OfferState.STAGED) for name in self.names))
        self.turn(*(self._request(name) for name in self.names))

    def round(self, number: int) -> Iterator[tuple[str, float]]:
        """One turn of each kind."""
        busy, waiting, away = self._granted[number], self.names[-number - 1], self.names[-number - SAMPLES - 1]
        yield "nothing happens", self.turn()
        yield "a trial begins", self.turn(self._status(busy, OfferState.TRYING))
        yield "a task settles, the next is granted", self.turn(self._status(busy, OfferState.SETTLED))
        yield "a node has its new assignment", self.turn(self._status(busy, OfferState.SETTLED))
        yield "a request that finds no room", self.turn(self._request(waiting))
        self.turn(self._presence(away, Link.OFFLINE))
        self._now_s += 2 * GRACE_S
        yield "a node goes offline", self.turn()
        yield "a node returns", self.turn(*self._greeting(away), self._status(away, OfferState.STAGED))
        yield "it asks again", self.turn(self._request(away))

    def tell(self) -> float:
        """The stack's status is due."""
        self._now_s += 60.0
        self._fleet.unsettled.reports.add("shop")
        return self.turn()

    def turn(self, *heard: Heard) -> float:
        """Take in, decide, commit."""
        begun_s = time.process_time()
        for one in heard:
            observe(self._fleet, one, self._now_s)
        effects = cycle(self._fleet, self._now_s)
        self._store.save(self._fleet)
        took_s = time.process_time() - begun_s
        for effect in effects:
            if isinstance(effect, Say):
                self._hear(effect.message)
        return took_s

    def _hear(self, message: object) -> None:
        """What nodes remember of what they are told."""
        match message:
            case Assignment():
                self._told[message.node] = message
            case Offers():
                self._offered[message.node] = message
            case Grant():
                self._granted += [name for name, told in self._told.items() if told.tasks[0].task == message.task]

    def _status(self, name: str, state: OfferState | None = None) -> Heard:
        """How a node stands; with a state, so do its offers, as far as it has any."""
        told, offered = self._told[name], self._offered.get(name) or Offers(name, 0, 0)
        offers = [OfferStatus(one.rollout, one.task.task, one.task.revision, state) for one in offered.offers if state]
        tried = {one.task.task: one.task.revision for one in offered.offers if state is OfferState.SETTLED}
        is_trying = TaskState.PREPARING if state is OfferState.TRYING else TaskState.RUNNING
        tasks = [TaskStatus(one.task, tried.get(one.task, one.revision), is_trying, 1) for one in told.tasks]
        self._sequence += 1
        status = NodeStatus(
            name,
            1,
            self._sequence,
            told.epoch,
            told.generation,
            offers_generation=offered.generation,
            tasks=tuple(tasks),
            offers=tuple(offers),
        )
        return Heard(Received(topics.StatusTopic(FLEET, name), status, None))

    def _request(self, name: str) -> Heard:
        (offer,) = self._offered[name].offers
        self._sequence += 1
        request = Request(offer.rollout, offer.task.task, offer.task.revision, f"{self._sequence:016x}")
        return Heard(Received(topics.RequestTopic(FLEET, name), request, None))

    def _presence(self, name: str, state: Link) -> Heard:
        return Heard(Received(topics.PresenceTopic(FLEET, name), Presence(state, 1), None))

    def _greeting(self, name: str) -> tuple[Heard, Heard]:
        self._sequence += 1
        mark = FactMark(f"s-{name}", self._sequence, self._sequence)
        told = self._told.get(name) or Assignment(name, 0, 0)
        hello = Hello(name, 1, "boot", "1", Inventory(name, "aarch64", engine="20.10"))
        if told.generation:
            offered = self._offered[name].generation if name in self._offered else 0
            hello = replace(
                hello,
                assignment_epoch=told.epoch,
                assignment_generation=told.generation,
                assignment_hash=told.content_hash,
                offers_generation=offered,
            )
        heard = Heard(Received(topics.HelloTopic(FLEET, name), hello, mark))
        return self._presence(name, Link.ONLINE), heard
