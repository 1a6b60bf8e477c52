"""The state of a whole fleet: frozen records on indexed shelves, and sets of what a turn has to look at again (law 10).

Shelves survive a restart: the store saves what changed on them in one transaction per turn. Everything else is what this process
has heard and learns anew. Nothing in here touches the world or reads a clock; one thread owns it.

The `unsettled` sets are the work of a turn: observing puts keys in, `cycle` takes them out. After a load they hold everything once,
so a restart decides again what it may have left undecided; deciding twice changes nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from controller.decide.catalogue import Catalogue
from controller.decide.deadlines import Deadlines
from controller.decide.effects import Effect, Remark, Reply, Say
from controller.decide.home_assistant.desk import Announcement, End, HomeAssistant
from controller.decide.invocation import Entry, Letter, weight_of
from controller.decide.loads import Loads
from controller.decide.numbering import Numbering
from controller.decide.pile import Pile
from controller.decide.placement.moves import Moves
from controller.decide.placement.room import Rooms
from controller.decide.presence import Lease, Presence, Quarantine, Voice
from controller.decide.records import (
    Answered,
    Attendance,
    Departed,
    Devices,
    Draft,
    Earlier,
    History,
    Hold,
    Image,
    Lookup,
    Node,
    Number,
    Original,
    Pending,
    Pin,
    Revision,
    Scale,
    StackRecord,
    Streams,
    Task,
    Undo,
    stack_of,
)
from controller.decide.rollouts.outages import Outages
from controller.decide.rollouts.slot import Rollout, Slot
from controller.decide.scaling import Keep, Watch
from controller.decide.shelf import Shelf
from controller.decide.terms import Terms
from controller.decide.unsettled import Early, Unsettled, Waiting
from link.intake import Intake
from protocol.desired import Assignment, Offers, Sections
from protocol.observed import Answer, Health, NodeStatus, Request, TaskStatus
from protocol.operator import StackStatus
from protocol.stack import Service, Stack
from protocol.topics import Topic

UNKNOWN = "unknown"
"""What a function is called in the metrics that no stack has."""


@dataclass(eq=False)
class Fleet:
    """Everything one controller knows. It begins with nothing; the store fills the shelves."""

    name: str
    terms: Terms

    # What survives.
    numbers: Shelf[Number] = field(default_factory=lambda: Shelf(Number))
    nodes: Shelf[Node] = field(default_factory=lambda: Shelf(Node))
    leases: Shelf[Lease] = field(default_factory=lambda: Shelf(Lease, presence=lambda lease: lease.presence))
    statuses: Shelf[NodeStatus] = field(default_factory=lambda: Shelf(NodeStatus))
    stacks: Shelf[StackRecord] = field(default_factory=lambda: Shelf(StackRecord, void=attrgetter("is_void")))
    images: Shelf[Image] = field(default_factory=lambda: Shelf(Image, stack=lambda image: image.stack))
    revisions: Shelf[Revision] = field(default_factory=lambda: Shelf(Revision, service=lambda r: r.service))
    tasks: Shelf[Task] = field(
        default_factory=lambda: Shelf(Task, node=attrgetter("node"), service=attrgetter("service"))
    )
    holds: Shelf[Hold] = field(default_factory=lambda: Shelf(Hold))
    pendings: Shelf[Pending] = field(default_factory=lambda: Shelf(Pending))
    rollouts: Shelf[Rollout] = field(default_factory=lambda: Shelf(Rollout, state=lambda r: r.state))
    slots: Shelf[Slot] = field(
        default_factory=lambda: Shelf(
            Slot,
            node=lambda s: s.node,
            service=lambda s: s.service,
            state=lambda s: (s.service, s.state),
            standing=lambda s: (s.service, s.standing),
            batch=lambda s: (s.service, s.batch, s.standing),
        )
    )
    assignments: Shelf[Assignment] = field(default_factory=lambda: Shelf(Assignment))
    offers: Shelf[Offers] = field(default_factory=lambda: Shelf(Offers))
    ledger: Shelf[Entry] = field(default_factory=lambda: Shelf(Entry, open=lambda e: e.open_at, work=lambda e: e.work))
    letters: Shelf[Letter] = field(default_factory=lambda: Shelf(Letter, function=lambda letter: letter.function))
    keeps: Shelf[Keep] = field(default_factory=lambda: Shelf(Keep))
    intakes: Shelf[Intake] = field(default_factory=lambda: Shelf(Intake))
    scales: Shelf[Scale] = field(default_factory=lambda: Shelf(Scale, stack=lambda scale: scale.stack))
    restarts: Shelf[Number] = field(default_factory=lambda: Shelf(Number))
    originals: Shelf[Original] = field(default_factory=lambda: Shelf(Original, node=lambda original: original.node))
    pins: Shelf[Pin] = field(
        default_factory=lambda: Shelf(
            Pin, service=lambda p: p.service, node=lambda p: p.node, stack=lambda p: stack_of(p.service)
        )
    )
    histories: Shelf[History] = field(
        default_factory=lambda: Shelf(History, stack=lambda history: stack_of(history.service))
    )
    undos: Shelf[Undo] = field(default_factory=lambda: Shelf(Undo, stack=lambda undo: undo.service.stack))
    earlier: Shelf[Earlier] = field(default_factory=lambda: Shelf(Earlier))
    attendances: Shelf[Attendance] = field(default_factory=lambda: Shelf(Attendance))
    departed: Shelf[Departed] = field(default_factory=lambda: Shelf(Departed))
    quarantines: Shelf[Quarantine] = field(default_factory=lambda: Shelf(Quarantine))
    streams: Shelf[Streams] = field(default_factory=lambda: Shelf(Streams))
    announcements: Shelf[Announcement] = field(default_factory=lambda: Shelf(Announcement, gone=lambda a: a.is_gone))
    ends: Shelf[End] = field(default_factory=lambda: Shelf(End, stack=lambda end: end.stack))
    answered: Shelf[Answered] = field(default_factory=lambda: Shelf(Answered))

    # What follows from that.
    catalogue: Catalogue = field(default_factory=Catalogue)
    rooms: Rooms = field(default_factory=Rooms)
    moves: Moves = field(default_factory=Moves)
    outages: dict[str, Outages] = field(default_factory=dict)
    stored: Counter[str] = field(default_factory=Counter)
    numberings: dict[str, Numbering] = field(default_factory=dict)
    fields: dict[Any, Any] = field(default_factory=dict)
    rankings: dict[str, Any] = field(default_factory=dict)
    scheduled: dict[str, Service] = field(default_factory=dict)
    devices: dict[str, Devices] = field(default_factory=dict)
    hosted: dict[str, Stack] = field(default_factory=dict)
    hosts: dict[str, set[str]] = field(default_factory=dict)
    rosters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    device_nodes: dict[str, set[str]] = field(default_factory=dict)
    held: dict[str, set[str]] = field(default_factory=dict)
    backlog: Pile[Entry] = field(default_factory=lambda: Pile(lambda e: e.invocation.id, lambda e: e.open_bytes))
    kept: Pile[Entry] = field(default_factory=lambda: Pile(lambda e: e.invocation.id, lambda e: e.answer_bytes))
    dead: Pile[Letter] = field(
        default_factory=lambda: Pile(lambda e: e.invocation.id, lambda e: weight_of(e.invocation))
    )
    laden: Counter[str] = field(default_factory=Counter)
    seen: dict[tuple[str, str], TaskStatus] = field(default_factory=dict)

    # What this process has heard. `wall` is what people's clock says, for people only; `unknown` is what a newer agent tells and
    # nobody here knows, `unsaid` what a node cannot be told, `stranded` the work of nodes that are away for which nobody was there.
    is_up: bool = False
    wall: str = ""
    up_mono_s: float = 0.0
    heard_mono_s: dict[str, float] = field(default_factory=dict)
    health: dict[str, Health] = field(default_factory=dict)
    loads: Loads = field(default_factory=Loads)
    scalings: dict[str, Watch] = field(default_factory=dict)
    requests: list[tuple[str, Request]] = field(default_factory=list)
    waiting: dict[str, dict[str, Waiting]] = field(default_factory=dict)
    early: dict[str, Early] = field(default_factory=dict)
    deadlines: Deadlines = field(default_factory=Deadlines)
    here_mono_s: dict[str, float] = field(default_factory=dict)
    away_mono_s: dict[str, float] = field(default_factory=dict)
    suspect_mono_s: dict[str, float] = field(default_factory=dict)
    falls_mono_s: dict[str, tuple[float, ...]] = field(default_factory=dict)
    flapping: set[str] = field(default_factory=set)
    voices: dict[str, tuple[Voice, ...]] = field(default_factory=dict)
    unheeded: dict[str, dict[type[Topic], tuple[Topic, Any]]] = field(default_factory=dict)
    orphans: set[str] = field(default_factory=set)
    stranded: dict[str, set[str]] = field(default_factory=dict)
    orphans_seen: tuple[int, ...] = ()
    ended: deque[str] = field(default_factory=deque)
    is_full: bool = False
    durations: list[tuple[str, float]] = field(default_factory=list)
    settled_mono_s: dict[str, float] = field(default_factory=dict)
    resaying: Iterator[tuple[Topic, Any]] = field(default_factory=lambda: iter(()))
    lookups: dict[str, Lookup] = field(default_factory=dict)
    drafts: dict[str, Draft] = field(default_factory=dict)
    reported: dict[str, StackStatus] = field(default_factory=dict)
    reported_mono_s: dict[str, float] = field(default_factory=dict)
    answered_order: deque[str] = field(default_factory=deque)
    asked: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    is_told_out: bool = False
    unknown: dict[str, str] = field(default_factory=dict)
    unsaid: dict[str, dict[type[Topic], str]] = field(default_factory=dict)
    counts: dict[tuple[str, ...], int] = field(default_factory=dict)
    home_assistant: HomeAssistant = field(default_factory=HomeAssistant)

    # What a turn has to look at, and what it says. `switched` are the sections of a stack that a node turns out to have kept.
    unsettled: Unsettled = field(default_factory=Unsettled)
    switched: dict[tuple[str, str], Sections] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tasks.watch(self.rooms.task_changed)
        self.nodes.watch(self.rooms.node_changed)
        self.leases.watch(self.rooms.lease_changed)
        self.tasks.watch(self._stir)
        self.slots.watch(self._stir)
        self.nodes.watch(self._stir_all)
        self.leases.watch(self._stir_all)
        self.statuses.watch(self._stir_all)
        self.statuses.watch(self._store)
        self.ledger.watch(self.backlog.watch)
        self.ledger.watch(self.kept.watch)
        self.letters.watch(self.dead.watch)
        self.keeps.watch(self._lade)

    def _lade(self, before: Keep | None, after: Keep | None) -> None:
        """Another number of instances is kept ready on some nodes."""
        for keep, sign in ((before, -1), (after, 1)):
            for node, count in (keep.nodes if keep is not None else {}).items():
                self.laden[node] += sign * count
                if not self.laden[node]:
                    del self.laden[node]

    def _stir(self, before: Task | Slot | None, after: Task | Slot | None) -> None:
        """Something about a task changed: whether it is out of work is asked anew."""
        what = before or after
        if self.outages and what is not None and what.service in self.outages:
            self.outages[what.service].stirred.add(what.task)

    def _stir_all(self, before: Node | Lease | NodeStatus | None, after: Node | Lease | NodeStatus | None) -> None:
        what = before or after
        if self.outages and what is not None:
            for task in self.tasks.of("node", what.name if isinstance(what, Node) else what.node):
                self._stir(None, self.tasks[task])

    def _store(self, before: NodeStatus | None, after: NodeStatus | None) -> None:
        """Count on how many nodes each image is."""
        old, new = before.images if before else (), after.images if after else ()
        if old != new:
            self.stored.update(new)
            self.stored.subtract(old)
            for name in old:
                if self.stored[name] <= 0:
                    del self.stored[name]

    @property
    def epoch(self) -> int:
        """Of this store among all that were in charge; some nodes know a higher one (`epoch_of`)."""
        number = self.numbers.get("epoch")
        return number.value if number else 1

    def epoch_of(self, node: str) -> int:
        """Under which epoch a node is spoken to."""
        known = self.nodes.get(node)
        return max(self.epoch, known.epoch) if known is not None else self.epoch

    def raise_epoch(self, epoch: int) -> None:
        """Speak under a higher epoch: every node is told everything anew."""
        if epoch > self.epoch:
            self.numbers.put("epoch", Number(epoch))
            self.unsettled.assignments |= set(self.assignments)
            self.unsettled.offers |= set(self.offers)

    def count(self, name: str) -> int:
        """Take the next number of a durable count; the first is 1."""
        before = self.numbers.get(name)
        number = (before.value if before else 0) + 1
        self.numbers.put(name, Number(number))
        return number

    def tally(self, *name: str) -> int:
        """Count something for the metrics; how often it was by now."""
        self.counts[name] = count = self.counts.get(name, 0) + 1
        return count

    def tally_function(self, name: str, function: str, *more: str) -> int:
        """Count something of a function, by its name while a stack has it: the labels of a metric are names of ours."""
        return self.tally(name, function if function in self.catalogue.functions else UNKNOWN, *more)

    def forget_counts(self, functions: Collection[str]) -> None:
        """Count functions that are gone no more, or whoever makes up names would fill the memory of us and of Prometheus."""
        if functions:
            self.counts = {name: count for name, count in self.counts.items() if not {*name[1:2]} & {*functions}}

    def say(self, topic: Topic, message: Any) -> None:
        """Publish; while the link is down its own rule says it again later."""
        if self.is_up:
            self.effects.append(Say(topic, message))

    def reply(self, response_topic: str, correlation: bytes, answer: Answer) -> None:
        """Answer an operator or a caller."""
        self.effects.append(Reply(response_topic, correlation, answer))

    def remark(self, subject: str, sentence: str) -> None:
        """Tell the log."""
        self.effects.append(Remark(subject, sentence))

    def presence(self, node: str) -> Presence:
        """What is believed of a node; one that never spoke is offline."""
        lease = self.leases.get(node)
        return lease.presence if lease else Presence.OFFLINE

    def unsteady(self, node: str) -> bool:
        """Whether a node comes and goes, so that nothing new is put on it."""
        return node in self.flapping

    def look_at(self, node: str) -> None:
        """A node changed: what it could carry is decided again. One that has not said hello cannot carry anything."""
        if node in self.nodes:
            self.unsettled.nodes.add(node)
            self.unsettled.slots |= self.slots.of("node", node)
            self.rooms.changed.add(node)

    def shelves(self) -> dict[str, Shelf[Any]]:
        """Everything that survives, by the name of its table."""
        return {name: getattr(self, name) for name in SHELVES}


SHELVES = tuple(one.name for one in fields(Fleet) if str(one.type).startswith(Shelf.__name__))
"""The fields of a fleet that are shelves."""
