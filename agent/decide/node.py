"""The state of a node: frozen values inside, an indexed mutable aggregate outside (law 10). One thread owns it.

Tables survive a restart (the store saves what changed in them, in the same transaction as the outbox); every other field is
what this process knows of the world and learns anew. Effects are gathered here while a turn is decided and leave it
through `cycle`. Nothing in here touches the world or reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agent.decide.effects import Effect, Note, Say
from agent.decide.inputs import ContainerSeen, EngineLost, EngineSeen
from agent.decide.invocation import Run
from agent.decide.now import Now
from agent.decide.table import Table
from agent.decide.task import Task
from agent.decide.trial import Trial
from protocol.desired import Assignment, Offers, TaskSpec
from protocol.observed import DeviceStatus, Health, Inventory, NodeStatus, OfferState
from protocol.topics import Topic

__all__ = ["Deadline", "Linked", "Node", "Now", "content_of"]


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a timer fires next."""

    due_mono_s: float


@dataclass(frozen=True, slots=True)
class Linked:
    """The connection: which epoch, and whether the broker has taken it."""

    epoch: int
    up: bool = False


def content_of(spec: TaskSpec) -> str:
    """Name what a task should be; the same revision with another spec hash is another content."""
    return f"{spec.revision} {spec.container.spec_hash}"


@dataclass(slots=True)
class Node:
    """Everything one agent knows."""

    name: str
    fleet: str
    boot: str
    version: str
    stream: str

    # What survives. `counters` holds epoch, sequence, tick.
    counters: Table[int] = field(default_factory=Table)
    assignments: Table[Assignment] = field(default_factory=Table)
    offerings: Table[Offers] = field(default_factory=Table)
    tasks: Table[Task] = field(default_factory=Table)
    trials: Table[Trial] = field(default_factory=Table)
    runs: Table[Run] = field(default_factory=Table)
    ended: Table[str] = field(default_factory=Table)
    timers: Table[Deadline] = field(default_factory=Table)

    # What this process has seen.
    link: Linked | None = None
    engine: EngineSeen | EngineLost | None = None
    interrupted: set[str] = field(default_factory=set)
    inventory: Inventory | None = None
    health: Health | None = None
    sensors: tuple[DeviceStatus, ...] = ()
    actuators: tuple[DeviceStatus, ...] = ()
    edges: dict[str, Any] = field(default_factory=dict)
    refusal: str = ""
    counts: dict[tuple[str, ...], int] = field(default_factory=dict)

    # What this process has begun or said.
    busy: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    asked: dict[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    watching: dict[str, tuple[str, float]] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    opened: object = None
    greeted: Inventory | None = None
    said: NodeStatus | None = None
    health_said_mono_s: float | None = None
    effects: list[Effect] = field(default_factory=list)

    @property
    def assignment(self) -> Assignment:
        """What is settled; an empty one before the first."""
        return self.assignments.get("") or Assignment(self.name, 0, 0)

    @property
    def offers(self) -> Offers:
        """What may be tried; none before the first."""
        return self.offerings.get("") or Offers(self.name, 0, 0)

    @property
    def is_up(self) -> bool:
        """Whether the broker has taken the present connection."""
        return self.link is not None and self.link.up

    def count(self, counter: str) -> int:
        """Take the next number of a durable counter; the first is 1."""
        number = (self.counters.get(counter) or 0) + 1
        self.counters.put(counter, number)
        return number

    def note(self, topic: Topic, message: Any, *, sequence: int = 0, priority: int = 5, key: str = "") -> None:
        """Let a fact into the outbox; a message that carries its own sequence brings it along."""
        self.effects.append(Note(sequence or self.count("sequence"), topic, message, priority, key))

    def say(self, topic: Topic, message: Any) -> None:
        """Publish a state or a sample, if the link is up; otherwise its own rule says it again."""
        if self.is_up:
            self.effects.append(Say(topic, message))

    def tally(self, *name: str) -> None:
        """Count something for the metrics."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def containers(self) -> tuple[ContainerSeen, ...]:
        """What the last look showed; nothing before the first, and nothing while the engine is lost."""
        return self.engine.containers if isinstance(self.engine, EngineSeen) else ()

    def settled(self) -> dict[str, TaskSpec]:
        """The assignment, overlaid by what was tried and kept."""
        return self._overlaid(self.trials.values(), frozenset({OfferState.SETTLED}))

    def targets(self) -> dict[str, TaskSpec]:
        """What should run now: the assignment, overlaid by what is kept and what is being tried."""
        return self._overlaid(self.trials.values(), frozenset({OfferState.SETTLED, OfferState.TRYING}))

    def _overlaid(self, trials: Iterable[Trial], states: frozenset[OfferState]) -> dict[str, TaskSpec]:
        specs = {spec.task: spec for spec in self.assignment.tasks}
        specs |= {t.offer.task.task: t.offer.task for t in trials if t.state in states and t.offer.task.task in specs}
        return specs
