"""A node of a simulated fleet: the real agent, with its real store in a file, on simulated pins, engine, host and link.

Killing the agent leaves the engine and the card; cutting the power ends every container and leaves the card; cutting the link
leaves everything but the network. The wall clock may lie as it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from queue import SimpleQueue

from agent.actions import NO_RELEASES, ReleasesSeam
from agent.decide.effects import Note
from agent.decide.node import Node
from agent.decide.now import Now
from agent.loop import Adapters
from agent.loop import Loop as AgentLoop
from agent.store import KINDS, Identity, Store, Written
from link.settings import LinkSettings
from protocol.observed import Clock, Hello, OfferState, SensorEvent
from sim.blank import blank_card
from sim.engine import FakeEngine
from sim.images import FakeRegistry
from sim.parts import FusedLink, SimBoard, SimHost, SimWorkers
from sim.process import Process
from sim.releases import Launch, Launched
from sim.world import World

BIRTHDAY = datetime(2026, 1, 1, tzinfo=UTC)
RESTART_S = (2.0, 5.0)
"""How long systemd takes to start a process that died."""

_TABLES, _CHANGED = attrgetter(*KINDS), attrgetter("changed")


@dataclass(slots=True)
class Turner:
    """The agent's loop, as a process turns it: seconds in, the rest is the host's."""

    loop: AgentLoop
    inbox: SimpleQueue[object]
    now: Callable[[float], Now]

    def turn(self, now_mono_s: float) -> int:
        """Take in, decide, commit, act."""
        return len(self.loop.turn(self.now(now_mono_s)))

    def wait_s(self, now_mono_s: float) -> float:
        """How long to sleep."""
        return self.loop.wait_s(self.now(now_mono_s))


def is_owing(node: Node) -> bool:
    """Whether something of a node is not in its store yet."""
    return any(map(_CHANGED, _TABLES(node)))


class FusedStore(Store):
    """The real store of a process that may be killed before and after each commit."""

    def __init__(self, path: Path, process: Process, accept: Callable[[Written], None]) -> None:
        super().__init__(path, process.world.straits.outbox)
        self._process, self._accept = process, accept

    def commit(self, node: Node, now: Now, written: Written) -> None:
        """Save what changed."""
        if written or is_owing(node):
            self._process.spark(f"commits, assignment {node.assignment.generation}, outbox to {node.sequence}")
            super().commit(node, now, written)
            self._accept(written)
            self._process.world.touched.append(self._process.name)
            self._process.spark("has committed")

    def waiting(self) -> dict[int, str]:
        """The sequences in the outbox, each with its key."""
        return {sequence: key or "" for sequence, key in self._connection.execute("SELECT sequence, key FROM outbox")}

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        (count,) = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a name of ours
        return int(count)

    def bound(self, pages: int) -> None:
        """Let the file have no more pages than this; it keeps what it has."""
        self._connection.execute(f"PRAGMA max_page_count = {pages}")

    def _take_in(self, node: Node, now: Now, notes: Iterable[Note]) -> None:
        """The facts of a turn, in the same transaction as what they follow from: power may be cut right here."""
        taken = list(notes)
        if taken:
            self._process.spark(f"takes in {len(taken)} facts")
        super()._take_in(node, now, taken)


class SimNode:
    """One node. `node` is what its agent knows now, None while it is dead."""

    def __init__(self, world: World, name: str, folder: Path, registry: FakeRegistry, labels: dict[str, str]) -> None:
        self.world, self.name, self.fleet = world, name, "default"
        self.path = folder / name / "agent.db"
        self.engine = FakeEngine(name, self.fleet, lambda: world.now_s, lambda _: None, registry)
        self.process = Process(world, name, self._start, self._left)
        self.node: Node | None = None
        self.store: FusedStore | None = None
        self.board: SimBoard | None = None
        self.wall_off_s = 0.0
        self.is_powered = True
        self.troubles = 0
        self.accepted: set[str] = set()
        self.taken: set[str] = set()
        self.kept: frozenset[str] = frozenset()  # the trials, by their keys, that are kept by its store
        self.greeted = 0
        self.labels = labels
        self._host = SimHost(name, labels)
        self.link: FusedLink | None = None
        self.launch: Launch | None = None
        self.witness: Callable[[str, SimNode, list[Note], float], None] = lambda *_: None
        self._now: tuple[tuple[float, float, float], Now] | None = None
        blank_card(self.path, f"{world.chances.getrandbits(64):016x}")

    @property
    def is_cut(self) -> bool:
        """Whether its network is away."""
        return self.name in self.world.broker.partitioned

    def kill(self) -> None:
        """End the agent's process; systemd starts it again."""
        self.process.kill()

    def cut_power(self) -> None:
        """Everything on this node ends at once; the broker is not told."""
        self.world.say(self.name, "loses its power")
        self.is_powered = False
        self.world.broker.cut(self.name)
        self.engine.power_cut()
        self.engine.away = "there is no power"
        self.process.kill()
        if self.launch is not None:
            self.launch.power_cut()

    def power(self) -> None:
        """Boot."""
        self.world.say(self.name, "boots")
        self.is_powered = True
        self.engine.daemon_starts()
        self.world.broker.partitioned.discard(
            self.name
        )  # not `mend`: the connections of the last boot do not come back
        self.process.reboot()
        self.process.start()

    def stop_engine(self) -> None:
        """End the Docker daemon; its containers go on."""
        self.world.say(self.name, "its engine stops")
        self.troubles += 1
        self.engine.daemon_stops()

    def start_engine(self) -> None:
        """Start the Docker daemon."""
        self.world.say(self.name, "its engine starts")
        if self.is_powered:
            self.engine.daemon_starts()

    def press(self, sensor: str, seconds: float = 0.2) -> bool:
        """Press a button; False when nobody watches it."""
        return self.process.is_alive and self.board is not None and self.board.press(sensor, seconds)

    def now(self, mono_s: float) -> Now:
        """What this node takes for the time."""
        moment = (mono_s, self.world.now_s, self.wall_off_s)
        if self._now is None or self._now[0] != moment:  # a loop asks twice for each turn
            wall = BIRTHDAY + timedelta(seconds=self.world.now_s + self.wall_off_s)
            clock = Clock.GUESS if self.wall_off_s else Clock.SYNCED
            self._now = (moment, Now(mono_s, wall.isoformat().replace("+00:00", "Z"), clock))
        return self._now[1]

    def outstanding(self) -> dict[int, str]:
        """The sequences in its outbox, each with the key under which a newer fact takes its place."""
        return self.store.waiting() if self.store else {}

    def _start(self) -> Turner | Launched:
        return self.launch.begin() if self.launch is not None else self.begin(SimpleQueue())

    def begin(
        self,
        inbox: SimpleQueue[object],
        version: str = "sim",
        releases: ReleasesSeam = NO_RELEASES,
        link: type[FusedLink] = FusedLink,
    ) -> Turner:
        """Start the agent of a version."""
        process, deliver = self.process, self.process.deliver_to()
        now, pace = self.now(process.mono_s), self.world.pace
        self.store = FusedStore(self.path, process, self._accept)
        boot, instance = f"boot-{self.name}-{process.boot}", f"{process.name}-{process.life}"
        identity = Identity(self.name, self.fleet, boot, version, instance, process.name)
        store, node = self.store, self.store.load(identity, now)
        node.limits = self.world.straits.limits
        self.node = node
        process.owes = lambda: not store.fault and is_owing(node)
        self.world.touched.append(self.name)
        self.link = link(process, LinkSettings("broker", 1883, self.name), deliver)
        self.board = SimBoard(process, deliver)
        workers = SimWorkers(process, self.engine, deliver)
        adapters = Adapters(self.link, workers, self.board, self._host, releases)
        loop = AgentLoop(self.node, self.store, adapters, inbox, pace.health_s)
        self.node.look_every_s = loop.safety_s = pace.look_s
        return Turner(loop, inbox, self.now)

    def _accept(self, written: Written) -> None:
        """Remember which events a commit has promised, and which runs it has taken up for them."""
        for note in written.notes:
            if isinstance(note.message, Hello):
                self.greeted = note.message.epoch
        self.witness(self.name, self, written.notes, self.world.now_s)
        events = {note.message.id for note in written.notes if isinstance(note.message, SensorEvent)}
        self.accepted |= events
        if self.node is None:
            return
        self.kept = frozenset(one.key for one in self.node.trials.values() if one.state is OfferState.SETTLED)
        if events:
            self.taken |= {run.id for run in self.node.runs.values() if run.cause in events}

    def _left(self) -> None:
        """What the kernel does for a process that died, and what systemd does then."""
        self.troubles += 1
        if self.store is not None:
            self.store.close()
        if self.link is not None and self.is_powered:
            self.process.hang_up(self.link.close)
        self.node = self.store = self.link = self.board = None
        if self.is_powered:
            boot, next_s = self.process.boot, self.launch.left() if self.launch is not None else None
            next_s = self.world.chances.uniform(*RESTART_S) if next_s is None else next_s
            self.world.after(next_s, lambda: self._restart(boot))

    def _restart(self, boot: int) -> None:
        if self.is_powered and self.process.boot == boot:
            self.process.start()
