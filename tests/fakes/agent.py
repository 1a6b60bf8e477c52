"""One real agent in virtual time: real loop, decisions and store, on a fake engine, link and board. No threads, no waiting.

`fuse` counts moments at which a process can die: before and after each commit, and before and after each step reaches the engine.
At zero the process dies there: what was not committed is lost, what the engine did stays done.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from agent.decide.effects import Effect, ReadLog, Run, Step
from agent.decide.inputs import CommandDone, Done, EngineHint, HostSeen, StepEnded
from agent.decide.node import Node
from agent.decide.now import Now
from agent.loop import Adapters, Loop
from agent.store import Identity, Store, Written, changes_of
from link.inputs import Arrived, Busy, LinkDown, LinkUp, Published, PublishRefused, Sent
from protocol.container import Container
from protocol.desired import (
    Ack,
    ActuatorSpec,
    Assignment,
    Conduct,
    Grant,
    Offer,
    Offers,
    Order,
    Restart,
    SensorSpec,
    TaskSpec,
)
from protocol.envelope import Packet, Received, pack, unpack
from protocol.function import FunctionSpec
from protocol.observed import Clock, DeviceStatus, Health, Inventory, NodeStatus, Request
from protocol.options import place_of
from protocol.refusal import Refusal
from protocol.topics import AckTopic, AssignmentTopic, GrantTopic, OfferTopic, Topic, parse
from sensors.header import PinState
from sensors.stage import NS_PER_S, Reading
from sim.boxes import Box
from sim.engine import FakeEngine
from sim.images import FakeRegistry

NAME, FLEET = "pi-1", "home"
BOOT_MONO_S = 100.0
BIRTHDAY = datetime(2026, 1, 1, tzinfo=UTC)


def task(revision: str, name: str = "porch.web.1", restart: Restart | None = None, **container: Any) -> TaskSpec:
    """A task of one revision; its image carries the revision as its tag."""
    stack, service, _ = name.split(".")
    made = Container(f"{service}:{revision}", **container)
    return TaskSpec(name, stack, service, revision, made, restart or Restart())


def function(name: str = "greet", **given: Any) -> FunctionSpec:
    """A function of the stack porch."""
    return FunctionSpec(name, "porch", "r1", Container(f"{name}:1"), **given)


DOORBELL = SensorSpec("doorbell", "porch", "button", {"pin": 17, "debounce": 0.03})
LAMP = ActuatorSpec("lamp", "porch", "led", {"pin": 27})


def offer(
    spec: TaskSpec, rollout: str = "r-1", monitor_s: float = 5.0, order: Order = Order.STOP_FIRST, **conduct: Any
) -> Offer:
    """An offer of a task's new revision."""
    return Offer(rollout, spec, monitor_s, order, Conduct(**conduct))


class DiedError(Exception):
    """The process ended here."""


class FusedStore(Store):
    """A store whose process may die around each commit."""

    rig: Rig

    def commit(self, node: Node, now: Now, written: Written) -> None:
        if written or changes_of(node):
            self.rig.spark("before a commit")
            super().commit(node, now, written)
            self.rig.spark("after a commit")


@dataclass(slots=True)
class Rig:
    """A node with everything around it."""

    folder: Path
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    now_s: float = BOOT_MONO_S
    boot: str = "boot-1"
    online: bool = True
    fuse: int | None = None
    died_at: str = ""
    dies_hard: bool = False
    acknowledging: bool = True
    engine: FakeEngine = field(init=False)
    loop: Loop = field(init=False)
    store: FusedStore = field(init=False)
    said: list[Received] = field(default_factory=list)
    posted: list[Packet] = field(default_factory=list)
    is_crowded: bool = False
    refuses: str = ""
    effects: list[Effect] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    driven: list[tuple[int, bool]] = field(default_factory=list)
    work: list[tuple[float, Step]] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    heeded: tuple[str, ...] = ()
    tokens: int = 0
    committed: dict[str, set[int]] = field(default_factory=dict)
    factory_name: str = "mock"
    inventory: Inventory = field(default_factory=lambda: Inventory("pi", "aarch64", labels={}))
    is_hinted: bool = True
    is_glanced: bool = True
    wall_off_s: float = 0.0
    clock: Clock = Clock.GUESS
    zone: tzinfo = UTC
    stands: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.engine = FakeEngine(NAME, FLEET, lambda: self.now_s, lambda _: None, self.registry)
        self.start()

    # Life and death.

    def start(self) -> None:
        """Start the process from what is on the disk."""
        self.work = []
        self.store = FusedStore(self.folder / "agent.db")
        self.store.rig = self
        self.store._connection.execute("PRAGMA synchronous = OFF")
        node = self.store.load(Identity(NAME, FLEET, self.boot, "test"), self.now)
        inbox: SimpleQueue[object] = SimpleQueue()
        self.loop = Loop(node, self.store, Adapters(self, self, self, self), inbox)

    def crash(self) -> None:
        """Kill the process and start it again."""
        self.store.close()
        self.start()

    def cut_power(self) -> None:
        """Everything on the node ends; it boots again, and its monotonic clock begins anew."""
        self.engine.power_cut()
        self.store.close()
        self.boot += "+"
        self.now_s += 5.0
        self.start()

    def spark(self, where: str) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse, self.died_at = None, where
                raise DiedError(where)

    # Time.

    @property
    def now(self) -> Now:
        wall = BIRTHDAY + timedelta(seconds=self.now_s - BOOT_MONO_S + self.wall_off_s)
        return Now(self.now_s, wall.isoformat(timespec="milliseconds").replace("+00:00", "Z"), self.clock, self.zone)

    @property
    def node(self) -> Node:
        return self.loop.node

    def turn(self) -> tuple[Effect, ...]:
        done = self.loop.turn(self.now)
        self.effects += done
        return done

    def run(self, seconds: float) -> None:
        """Let time pass, dying and starting again where the fuse says so."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            try:
                self._pass(until_s)
            except DiedError:
                if self.dies_hard:
                    self.cut_power()
                else:
                    self.crash()

    def _pass(self, until_s: float) -> None:
        self.turn()
        change_s = self.engine.next_change_s()
        dues = [due_s for due_s, _ in self.work] + ([change_s] if change_s is not None else [])
        wait_s = self.loop.wait_s(self.now)
        self.now_s = min(until_s, max(self.now_s + 0.001, min([self.now_s + wait_s, *dues])))
        if self.is_hinted and change_s is not None and change_s <= self.now_s:
            self.loop.inbox.put(EngineHint())
        for due_s, step in [entry for entry in self.work if entry[0] <= self.now_s]:
            self.work.remove((due_s, step))
            self._end(step)

    def _end(self, step: Step) -> None:
        self.spark(f"before {type(step).__name__}")
        ended = self.engine.end(step) if isinstance(step, Run) else self._stepped(step)
        self.spark(f"after {type(step).__name__}")
        self.loop.inbox.put(ended)

    def _stepped(self, step: Step) -> StepEnded:
        assert not isinstance(step, Run)
        outcome = self.engine.carry_out(step)
        is_seen = self.is_glanced and isinstance(outcome, Done)
        return StepEnded(step, outcome, self.engine.glance(step) if is_seen else None)

    def expect_committed(self) -> None:
        """Nothing is said or done before the commit of what it follows from (law 3), but that nothing can be committed."""
        assert self.store.fault or changes_of(self.node) == []

    # What the loop asks of its workers.

    def look(self, now: Now | None = None) -> Any:
        if now is not None:
            return HostSeen(self.inventory, Health(1.0, 0.0, 1, 1))
        self.loop.inbox.put(self.engine.look())
        return None

    def give(self, step: Step) -> None:
        self.expect_committed()
        wait_s = self.engine.begin(step) if isinstance(step, Run) else self.engine.cost_s(step)
        self.work.append((self.now_s + wait_s, step))

    def read_log(self, effect: ReadLog) -> None:
        self.loop.inbox.put(CommandDone(effect.command, ok=True, result=f"{effect.lines} of {effect.container}\n"))

    # What it asks of its link.

    free = 20

    def dial(self, epoch: int, will: Packet | None, birth: Packet | None, subscriptions: object) -> None:
        self.expect_committed()
        assert will is not None
        assert birth is not None
        self.epochs.append(epoch)
        if self.online:
            self.loop.inbox.put(LinkUp(epoch))

    def listen(self, topics: tuple[str, ...]) -> None:
        self.heeded = topics

    def publish(self, packet: Packet) -> Published | Busy:
        self.expect_committed()
        if parse(packet.topic) is None:
            return self._posted(packet)
        received = unpack(packet)
        assert isinstance(received, Received), received
        self.said.append(received)
        self.tokens += 1
        self.loop.inbox.put(Sent(self.node.epoch, (self.tokens,)))
        if received.mark is not None and self.acknowledging:
            got = self.committed.setdefault(received.mark.stream, set())
            got.add(received.mark.sequence)
            self.send(
                AckTopic(FLEET, NAME), Ack(received.mark.stream, 0, tuple(sorted(got)), said_epoch=self.node.epoch)
            )
        return Published(self.tokens)

    def _posted(self, packet: Packet) -> Published | Busy:
        """A topic of others."""
        if self.is_crowded:
            return Busy("the window is full")
        self.tokens += 1
        if self.refuses:
            self.loop.inbox.put(PublishRefused(self.node.epoch, self.tokens, packet.topic, self.refuses))
            return Published(self.tokens)
        self.posted.append(packet)
        self.loop.inbox.put(Sent(self.node.epoch, (self.tokens,)))
        return Published(self.tokens)

    def send(self, topic: Topic, message: Any) -> None:
        """The controller says something."""
        packet = pack(topic, message)
        assert isinstance(packet, Packet)
        self.loop.inbox.put(Arrived(self.node.epoch, (packet,)))

    def assign(self, generation: int, *tasks: TaskSpec, **given: Any) -> None:
        """The controller assigns."""
        self.send(AssignmentTopic(FLEET, NAME), Assignment(NAME, 1, generation, tasks, **given))

    def offer(self, generation: int, *offers: Offer) -> None:
        """The controller offers."""
        sections = {one.task.stack: one.sections for one in offers if one.sections is not None}
        plain = tuple(replace(one, sections=None) for one in offers)
        self.send(OfferTopic(FLEET, NAME), Offers(NAME, 1, generation, plain, sections))

    def grant(self) -> None:
        """The controller grants the newest request."""
        request = self.messages(Request)[-1]
        self.send(GrantTopic(FLEET, NAME), Grant(request.task, request.revision, request.nonce))

    def cut(self) -> None:
        """Take the link away."""
        self.online = False
        self.loop.inbox.put(LinkDown(self.node.epoch, "cut"))

    def mend(self) -> None:
        """Bring the link back."""
        self.online = True
        self.loop.inbox.put(LinkUp(self.node.epoch))

    # What it asks of its board.

    def open(self, sensors: tuple[SensorSpec, ...], actuators: tuple[ActuatorSpec, ...]) -> Any:
        self.outputs = {spec.name: self.outputs.get(spec.name, spec.safe) for spec in actuators}
        for spec in sensors:
            self.read(spec.name, on=self.stands.get(spec.name, False), opening=True)
        seen = tuple(DeviceStatus(s.name, s.kind, place_of(s), "off") for s in sensors)
        return seen, tuple(DeviceStatus(a.name, a.kind, place_of(a), self.outputs[a.name]) for a in actuators)

    def apply(self, name: str, value: str) -> DeviceStatus | Refusal:
        if value not in ("on", "off"):
            return Refusal(f"{name} takes on or off")
        self.outputs[name] = value
        return DeviceStatus(name, "led", "pin 27", value)

    def drive(self, pin: int, *, high: bool) -> PinState | Refusal:
        self.driven.append((pin, high))
        return PinState(pin, "input", high)

    def show(self, name: str, value: float) -> Refusal | None:
        return Refusal(f"there is no gauge {name!r} to show {value:g}")

    def pins(self) -> tuple[PinState, ...]:
        return (PinState(17, "input", high=True, user="sensor doorbell"),)

    def read(self, sensor: str, *, on: bool, opening: bool = False) -> None:
        """A pin's level is read."""
        self.loop.inbox.put(Reading(sensor, on, round(self.now_s * NS_PER_S), opening))

    # What is to be seen.

    def status(self) -> NodeStatus:
        """The last status said."""
        return [one.message for one in self.said if isinstance(one.message, NodeStatus)][-1]

    def messages(self, kind: type[Any]) -> list[Any]:
        return [one.message for one in self.said if isinstance(one.message, kind)]

    def running(self) -> dict[str, list[str]]:
        """The revisions that really run, by task."""
        found: dict[str, list[str]] = {}
        for box in self.engine.running():
            task = box.labels.get("io.bramble.task")
            if task:
                found.setdefault(task, []).append(box.labels["io.bramble.revision"])
        return found

    def app(self) -> Box:
        """The only container that runs."""
        (box,) = self.engine.running()
        return box

    def boxes(self) -> dict[str, list[str]]:
        """The revisions of all containers of tasks, running or not."""
        found: dict[str, list[str]] = {}
        for box in self.engine.boxes.values():
            if "io.bramble.task" in box.labels:
                found.setdefault(box.labels["io.bramble.task"], []).append(box.labels["io.bramble.revision"])
        return found
