"""Whether what is said is so: by nodes of their containers, and by the controller of who is there.

A status may be a moment old, and a controller may believe what it cannot know better; what is held against them is what nobody who
looks could say. L5: who is silent is not there; who hears nobody says nothing of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.decide.inputs import EngineLost
from agent.decide.report import AGAIN_S
from controller.decide.fleet import Fleet
from controller.decide.presence import Presence
from protocol.observed import TaskState
from protocol.topics import AssignmentTopic, StackStatusTopic
from sim.head import CLIENT, Head
from sim.node import SimNode
from sim.violation import ViolationError
from sim.world import World

SILENT_S = 240.0
"""After so long without a word nobody may say that a node is online: a lease, a grace, overtaken mail, a machine that sleeps."""


OVERTAKEN_S = 60.0
"""After so long nothing that an operator said is still on its way."""

RESAID_S = 40.0
"""After so long a controller has said everything anew, over a slow radio and on a machine that sleeps."""

REPEATED_S = AGAIN_S + RESAID_S
"""After so long, and a sample of health, a node has said again what a full queue may have dropped."""


@dataclass(slots=True)
class _Seen:
    """What was seen of one node: which life since when, since when it says nothing, and its connection's newest number."""

    life: tuple[int, int] = (0, 0)
    since_s: float = 0.0
    silent_since_s: float | None = None
    epoch: int = 0
    presence: Presence | None = None
    link: tuple[int, int] = (0, 0)
    link_since_s: float = 0.0
    changed_s: float = 0.0
    said: tuple[int, int] = (0, 0)
    dropped: int = 0
    dropped_s: float = float("-inf")


@dataclass(slots=True)
class Honesty:
    """The checks."""

    world: World
    head: Head
    nodes: Mapping[str, SimNode]
    _seen: dict[str, _Seen] = field(default_factory=dict)
    wanted: Mapping[str, bytes] = field(default_factory=dict)
    removed_s: dict[str, float] = field(default_factory=dict)
    _in_force: set[str] = field(default_factory=set)
    _renewed: set[str] = field(default_factory=set)
    _deaf: tuple[int, int] | None = None
    _hears_since_s: float | None = None
    _forgotten: dict[str, float] = field(default_factory=dict)
    _missing: dict[str, float] = field(default_factory=dict)

    def look(self, name: str, node: SimNode) -> None:
        """A status names as running what has run since the process that says it began to look."""
        seen = self._seen.setdefault(name, _Seen())
        life = (node.process.boot, node.process.life)
        if life != seen.life:
            seen.life, seen.since_s = life, self.world.now_s
        if node.node is None or isinstance(node.node.engine, EngineLost):
            return  # it says that it sees none, and what it saw last
        said = node.node.said
        for task in said.tasks if said is not None else ():
            if task.state is not TaskState.RUNNING or not task.container:
                continue
            box = next((box for box in node.engine.boxes.values() if box.id == task.container), None)
            if box is not None and not box.runs and box.ended_s < seen.since_s:
                raise ViolationError("honest", f"{name} says that {task.task} runs, which ended before {name} started")

    def forget(self, name: str) -> None:
        """A node has a new card: it counts its connections anew."""
        self._seen.pop(name, None)
        self._renewed.add(name)

    def mended(self, name: str) -> None:
        """A node has its network back, if only for some seconds: who speaks in them is there, and nobody need have swept then."""
        if name in self._seen:
            self._seen[name].silent_since_s = None

    def forgot(self, topics: Iterable[str]) -> None:
        """The broker has lost these, and nobody was told."""
        self._forgotten |= dict.fromkeys(topics, self.world.now_s)

    def restored(self) -> None:
        """The controller has an older store: it heard of older connections last."""
        self._in_force.clear()
        for seen in self._seen.values():
            seen.epoch = 0

    def sweep(self) -> None:
        """What the controller says of who is there."""
        fleet = self.head.fleet
        is_up = fleet is not None and fleet.is_up
        if fleet is None or not is_up:
            self._hears_since_s = None
        elif self._hears_since_s is None:
            self._hears_since_s = self.world.now_s
        for name, node in self.nodes.items():
            seen = self._seen.setdefault(name, _Seen())
            self._introduced(name, node, seen)
            is_watched = self.world.pace.sweep_s < SILENT_S  # or else it may have come and gone between two sweeps
            is_silent = is_watched and (node.is_cut or not node.process.is_alive)
            seen.silent_since_s = (seen.silent_since_s or self.world.now_s) if is_silent else None
        if fleet is not None:
            self._stacks(fleet)
            for name in self.nodes:
                self._lease(fleet, name, self._seen[name])
        if fleet is not None and is_up:
            self._retained(fleet)
        self._deaf = None if fleet is None or is_up else (self.head.process.life, 0)

    def _introduced(self, name: str, node: SimNode, seen: _Seen) -> None:
        """Law 4: on every connection a node says hello and how it stands."""
        knows, fleet = node.node, self.head.fleet
        life = (node.process.life, self.head.process.life)
        is_up = knows is not None and knows.is_up and knows.engine is not None and fleet is not None and fleet.is_up
        is_up = (
            is_up and fleet is not None and fleet.presence(name) is not Presence.QUARANTINED
        )  # a twin's word proves nothing
        said = (knows.said.epoch, knows.said.sequence) if knows is not None and knows.said is not None else (0, 0)
        link = (knows.epoch if knows is not None and is_up else 0, hash(life))
        if self.world.broker.dropped != seen.dropped:
            seen.dropped, seen.dropped_s = self.world.broker.dropped, self.world.now_s
        stopped_until_s = max(node.process.stopped_until_s, self.head.process.stopped_until_s)
        is_cut = node.is_cut or CLIENT in self.world.broker.partitioned
        is_lossy = is_cut or self.world.now_s < stopped_until_s
        if (link, said) != (seen.link, seen.said):
            seen.link, seen.said, seen.link_since_s = link, said, self.world.now_s
            seen.changed_s = self.world.now_s
        elif is_lossy:
            seen.link_since_s = self.world.now_s
        if knows is None or fleet is None or not is_up or not self._has_had_time(seen):
            return
        status = fleet.statuses.get(name)
        if node.greeted != knows.epoch:
            raise ViolationError("law 4", f"{name} has not said hello on its connection {knows.epoch}")
        if name in fleet.departed:
            return
        if status is None or (status.epoch, status.sequence) != said or said[0] != knows.epoch:
            raise ViolationError("law 4", f"nobody knows how {name} stands on its connection {knows.epoch}")

    def _has_had_time(self, seen: _Seen) -> bool:
        """Whether a node's last word has arrived by now, or, where a queue was full about then, the same word said once more."""
        pace, now_s = self.world.pace, self.world.now_s
        if seen.dropped_s < seen.changed_s - pace.sweep_s:
            return now_s - seen.link_since_s >= RESAID_S
        return now_s - max(seen.link_since_s, seen.dropped_s) >= REPEATED_S + pace.health_s

    def _retained(self, fleet: Fleet) -> None:
        """Law 4: some time after a connect, the broker has every word of ours that the next reader looks for."""
        up_s = self.world.now_s - self.head.process.mono_s + fleet.up_mono_s
        if self.world.now_s - max(up_s, self.head.process.stopped_until_s) < RESAID_S:
            return
        topics = [str(StackStatusTopic(self.head.name, stack)) for stack in fleet.stacks]
        topics += [str(AssignmentTopic(self.head.name, node)) for node in self.nodes if _is_told(fleet, node)]
        now_s, retained = self.world.now_s, self.world.broker.retained
        missing = (topic for topic in topics if topic not in retained and not self._forgotten.get(topic, 0.0) > up_s)
        self._missing = {topic: self._missing.get(topic, now_s) for topic in missing}
        for topic, since_s in self._missing.items():
            if now_s - since_s > RESAID_S:
                raise ViolationError("law 4", f"nobody finds {topic}, {RESAID_S:.0f} s after it was said")

    def _stacks(self, fleet: Fleet) -> None:
        """Law 4: what is not said again is still wanted; only a removal removes."""
        for name, manifest in self.wanted.items():
            record = fleet.stacks.get(name)
            is_there = record is not None and record.stack is not None
            is_removed = self.world.now_s - self.removed_s.get(name, float("-inf")) < OVERTAKEN_S
            if not manifest or is_removed:  # an overtaken removal may arrive after what was published since
                self._in_force.discard(name)
            elif is_there:
                self._in_force.add(name)
            elif name in self._in_force:
                raise ViolationError("law 4", f"the stack {name} is gone, and nobody removed it")

    def _lease(self, fleet: Fleet, name: str, seen: _Seen) -> None:
        lease = fleet.leases.get(name)
        if lease is None:
            return
        if lease.epoch < seen.epoch and name not in self._renewed:
            raise ViolationError("law 6", f"a word of connection {lease.epoch} of {name} counts, after {seen.epoch}")
        is_let_in = (
            CLIENT in self.world.broker.sessions
        )  # what comes before its subscriptions are confirmed is heard, too
        was_deaf = self._deaf is not None and self._deaf[0] == self.head.process.life and not (fleet.is_up or is_let_in)
        if was_deaf and lease.presence is not Presence.ONLINE and seen.presence is Presence.ONLINE:
            raise ViolationError("L5", f"{name} is {lease.presence} to a controller that hears nobody")
        since_s = max(self._hears_since_s or self.world.now_s, seen.silent_since_s or self.world.now_s)
        if lease.presence is Presence.ONLINE and self.world.now_s - since_s > SILENT_S:
            raise ViolationError("L5", f"{name} has been silent for {SILENT_S:.0f} s and is said to be online")
        seen.epoch, seen.presence = lease.epoch, lease.presence


def _is_told(fleet: Fleet, node: str) -> bool:
    """Whether the controller says a node's assignment: of two devices under one name neither is told anything."""
    return node not in fleet.quarantines and fleet.assignments.get(node) is not None
