"""The state of a node: frozen values inside, an indexed mutable aggregate outside (law 10). One thread owns it.

Tables survive a restart (the store saves what changed in them, in the same transaction as the outbox); every other field is
what this process knows of the world and learns anew. Effects are gathered here while a turn is decided and leave it
through `cycle`. Nothing in here touches the world or reads a clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from agent.decide.directory import Directory
from agent.decide.effects import Effect, Note, OpenDevices, Say
from agent.decide.inputs import ContainerSeen, EngineLost, EngineSeen, Pulling, RunSeen
from agent.decide.instance import Instance
from agent.decide.invocation import Run
from agent.decide.known import Known, no_assignment, no_offers
from agent.decide.limits import Limits
from agent.decide.lines import Lines
from agent.decide.marks import Deadline, Life, Linked, Made, Mark, Silence, Told
from agent.decide.now import Now
from agent.decide.overlay import WorkedOut, worked_out
from agent.decide.publication import Publication
from agent.decide.rates import Bucket
from agent.decide.release import ReleaseSeen, Releasing
from agent.decide.stored import ImageMemory, Lineage, Pulled, Stray
from agent.decide.table import Table
from agent.decide.target import Target, target_of
from agent.decide.task import Task
from agent.decide.trial import LockSeen, Trial, trial_key
from protocol.desired import Assignment, Invocation, Offers, Sections
from protocol.function import FunctionSpec
from protocol.observed import DeviceStatus, Health, Inventory, NodeStatus, OfferState
from protocol.operator import ControllerPresence
from protocol.topics import Topic
from protocol.trigger import TriggerSpec
from protocol.triggers.memory import Memory
from sensors.edges import Chain
from sensors.stage import Reading

__all__ = ["Deadline", "Life", "Linked", "Node", "Now"]

LOOK_EVERY_S = 15.0
# The engine's events are only hints: its stream dies with the daemon. This bounds how long a missed one goes unnoticed.

FLIGHT_MOST = 500
# Readings that the flight recorder keeps: a busy minute, or a quiet day, in some 100 KiB.


@dataclass(slots=True)
class Node:
    """Everything one agent knows."""

    name: str
    fleet: str
    boot: str
    version: str
    stream: str
    sequence: int = 0
    instance: str = ""

    # `loaded` is the last fact that the store held when this process began; `is_renewed` until its new stream is known.
    loaded: int = 0
    is_renewed: bool = False

    # What survives. `counters` holds epoch and tick; `sequence` is the last of the outbox, which remembers it; `completed` the
    # jobs that have run to their end, each with its content; `attested` the image that each content of a task was first seen of.
    counters: Table[int] = field(default_factory=Table)
    assignments: Table[Assignment] = field(default_factory=Table)
    offerings: Table[Offers] = field(default_factory=Table)
    tasks: Table[Task] = field(default_factory=Table)
    trials: Table[Trial] = field(default_factory=Table)
    runs: Table[Run] = field(default_factory=Table)
    ended: Table[str] = field(default_factory=Table)
    buckets: Table[Bucket] = field(default_factory=Table)
    publications: Table[Publication] = field(default_factory=Table)
    timers: Table[Deadline] = field(default_factory=Table)
    memories: Table[Memory] = field(default_factory=Table)
    timetables: Table[Mark] = field(default_factory=Table)
    pulled: Table[Pulled] = field(default_factory=Table)
    lineages: Table[Lineage] = field(default_factory=Table)
    marks: Table[Mark] = field(default_factory=Table)
    silences: Table[Silence] = field(default_factory=Table)
    completed: Table[str] = field(default_factory=Table)
    attested: Table[str] = field(default_factory=Table)

    # What this process has seen.
    link: Linked | None = None
    heard: bool = False
    address: str = ""
    engine: EngineSeen | EngineLost | None = None
    has_looked: bool = False
    looked_mono_s: float | None = None
    interrupted: set[str] = field(default_factory=set)
    inventory: Inventory | None = None
    release: ReleaseSeen = field(default_factory=ReleaseSeen)
    health: Health | None = None
    sensors: tuple[DeviceStatus, ...] = ()
    actuators: tuple[DeviceStatus, ...] = ()
    edges: dict[str, Chain] = field(default_factory=dict)
    flight: deque[Reading] = field(default_factory=lambda: deque(maxlen=FLIGHT_MOST))
    levels: dict[str, bool] = field(default_factory=dict)
    lives: dict[str, dict[str, Life]] = field(default_factory=dict)
    listening: tuple[int, tuple[str, ...]] | None = None
    lived: EngineSeen | EngineLost | None = None
    refusal: str = ""
    controller: ControllerPresence | None = None
    outranked: str = ""
    outranked_mono_s: float = 0.0
    counts: dict[tuple[str, ...], int] = field(default_factory=dict)

    # What this process has begun or said. `unseen` holds steps that ended since the last look, with the moment of their end;
    # `glances` the containers that were looked at alone since the last look began, with the moment of it; `remarks`
    # what the engine said when the container of a staged trial was made; `unclear` which conditions had no answer; `held`
    # says why a task may not start yet, `planned` when a job runs next, `strays` which containers are of a wrong image, `mended`
    # which was the first of a task's content to be so.
    busy: set[str] = field(default_factory=set)
    pulling: dict[str, Pulling] = field(default_factory=dict)
    unseen: dict[str, float] = field(default_factory=dict)
    glances: dict[str, float] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    unclear: dict[str, tuple[TriggerSpec, str]] = field(default_factory=dict)
    waits: dict[str, float] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    planned: dict[str, str] = field(default_factory=dict)
    unfetched: dict[str, str] = field(default_factory=dict)
    strays: dict[str, Stray] = field(default_factory=dict)
    mended: dict[str, str] = field(default_factory=dict)
    stored: tuple[str, ...] = ()
    looking_mono_s: float | None = None
    look_every_s: float = LOOK_EVERY_S
    hinted: bool = False
    images: ImageMemory = field(default_factory=ImageMemory)
    requests: int = 0
    asked: dict[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    watching: dict[str, tuple[str, float]] = field(default_factory=dict)
    locks: dict[str, LockSeen] = field(default_factory=dict)
    hello: int = 0
    known_mono_s: float | None = None
    releasing: Releasing | None = None
    running: set[str] = field(default_factory=set)
    instances: dict[str, Instance] = field(default_factory=dict)
    processes: tuple[RunSeen, ...] | None = None
    discarding: set[str] = field(default_factory=set)
    following: deque[Invocation] = field(default_factory=deque)
    lines: Lines = field(default_factory=Lines)
    publishing: dict[str, int] = field(default_factory=dict)
    hindered: dict[str, str] = field(default_factory=dict)
    missing: dict[tuple[str, str], float] = field(default_factory=dict)
    opened: OpenDevices | None = None
    greeted: Made | None = None
    said: NodeStatus | None = None
    said_mono_s: float = 0.0
    told: Told = field(default_factory=Told)
    was_hosted: bool = False
    is_doubted: bool = False
    effects: list[Effect] = field(default_factory=list)
    known: Known = field(default_factory=Known)
    limits: Limits = field(default_factory=Limits)
    _assigned: tuple[Assignment | None, dict[str, Target]] | None = None
    _worked: WorkedOut | None = None
    _trials_of: tuple[Table[Trial], int, dict[str, tuple[Trial, ...]]] | None = None

    @property
    def assignment(self) -> Assignment:
        """What is settled; an empty one before the first."""
        return self.assignments.get("") or no_assignment(self.name)

    @property
    def offers(self) -> Offers:
        """What may be tried; none before the first."""
        return self.offerings.get("") or no_offers(self.name)

    @property
    def obeyed_epoch(self) -> int:
        """The highest of a controller of which anything was taken."""
        return max(self.assignment.epoch, self.offers.epoch)

    @property
    def is_up(self) -> bool:
        """Whether the broker has taken the present connection."""
        return self.link is not None and self.link.up

    @property
    def epoch(self) -> int:
        """The connection epoch: one for each dial in the life of this store."""
        return self.counters.get("epoch") or 0

    def forget_desires(self) -> None:
        """A card that was written under another node's name: nothing that was wanted of that node is wanted of this one."""
        for table in (
            self.assignments,
            self.offerings,
            self.trials,
            self.tasks,
            self.runs,
            self.buckets,
            self.publications,
            self.timers,
            self.memories,
            self.timetables,
            self.marks,
            self.completed,
        ):
            for key in table:
                table.drop(key)

    def count(self, counter: str) -> int:
        """Take the next number of a durable counter; the first is 1."""
        number = (self.counters.get(counter) or 0) + 1
        self.counters.put(counter, number)
        return number

    def next_sequence(self) -> int:
        """Take the next place in the outbox."""
        self.sequence += 1
        return self.sequence

    def note(self, topic: Topic, message: Any, *, sequence: int = 0, priority: int = 5, key: str = "") -> None:
        """Let a fact into the outbox; a message that carries its own sequence brings it along."""
        self.effects.append(Note(sequence or self.next_sequence(), topic, message, priority, key))

    def say(self, topic: Topic, message: Any) -> None:
        """Publish a state or a sample, if the link is up; otherwise its own rule says it again."""
        if self.is_up:
            self.effects.append(Say(topic, message))

    def tally(self, *name: str, number: int = 1) -> None:
        """Count something for the metrics, under a word of ours and what more there is to say; see `agent.decide.tallies`."""
        self.counts[name] = self.counts.get(name, 0) + number

    def containers(self) -> tuple[ContainerSeen, ...]:
        """What the last look showed; nothing before the first, and nothing while the engine is lost."""
        return self.engine.containers if isinstance(self.engine, EngineSeen) else ()

    def standing(self) -> frozenset[str]:
        """The keys of the trials whose offers stand."""
        offers, known = self.offers, self.known.standing
        if known is None or known[0] is not offers:
            known = self.known.standing = (offers, frozenset(trial_key(offer) for offer in offers.offers))
        return known[1]

    def trying(self, task: str) -> Trial | None:
        """The trial of this task that is under way."""
        return next((trial for trial in self.trials_of(task) if trial.state is OfferState.TRYING), None)

    def trials_of(self, task: str) -> tuple[Trial, ...]:
        """All trials of this task, in the order of their arrival."""
        trials, known = self.trials, self._trials_of
        if known is None or known[0] is not trials or known[1] != trials.version:
            sorted_out: dict[str, tuple[Trial, ...]] = {}
            for trial in trials.values():
                sorted_out[trial.task] = (*sorted_out.get(trial.task, ()), trial)
            known = self._trials_of = (trials, trials.version, sorted_out)
        return known[2].get(task, ())

    @property
    def assigned(self) -> dict[str, Target]:
        """The tasks of the assignment."""
        assignment, known = self.assignments.get(""), self._assigned
        if known is None or known[0] is not assignment:
            specs = assignment.tasks if assignment is not None else ()
            containers = (spec for spec in specs if spec.release is None)
            before = known[1] if known is not None else {}
            known = self._assigned = (
                assignment,
                {spec.task: target_of(spec, before.get(spec.task)) for spec in containers},
            )
        return known[1]

    def settled(self) -> dict[str, Target]:
        """The assignment, overlaid by what was tried and kept."""
        return self._worked_out().settled

    def targets(self) -> dict[str, Target]:
        """What should run now: what is settled, overlaid by what is being tried."""
        return self._worked_out().targets

    def sections(self) -> Sections:
        """The sensors, actuators and functions that are in force now."""
        return self._worked_out().directory.sections

    @property
    def directory(self) -> Directory:
        """The same, to be asked for one of them."""
        return self._worked_out().directory

    def remembered(self) -> tuple[FunctionSpec, ...]:
        """The functions in force, and those elsewhere whose triggers are remembered here."""
        return self._worked_out().remembered

    def _worked_out(self) -> WorkedOut:
        """What should run, worked out again only when the assignment or a trial is another."""
        known = self._worked
        if known is None or not known.stands(self.assignments, self.trials):
            of = self.assignments, self.trials
            known = self._worked = worked_out(*of, self.assignment, self.assigned, known)
        return known
