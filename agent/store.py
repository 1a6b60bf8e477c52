"""What survives a power cut: one SQLite file with a table for each kind of thing the node knows, and the outbox beside them.

A turn is one transaction: what changed in the node, the facts that follow from it, and the facts that the controller has now.
WAL with synchronous=FULL: a commit has reached the card, if the card honours fsync. A file that SQLite finds damaged is moved
aside and a fresh one begins; its new stream keeps old and new facts apart.

A disk that is full, or that takes nothing any more, is no reason to end: `commit` lets go of the ballast and tries once more, and
if that does not help `fault` says why. Then nothing was saved, and nothing of the turn may be said or done.

Moments are kept on the monotonic clock of the boot that wrote them. After another boot they are moved, so that the time
without a commit does not count: no wall clock is needed, and none is trusted. The first commit of a boot writes all that was
moved, whatever else it is about: it says of the whole file whose clock it is on.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from agent.ballast import Ballast
from agent.database import opened, set_aside
from agent.decide import dating
from agent.decide.effects import Forget, Note
from agent.decide.invocation import Run
from agent.decide.marks import Mark, Silence
from agent.decide.node import Deadline, Node
from agent.decide.now import Now
from agent.decide.publication import Publication
from agent.decide.rates import Bucket
from agent.decide.stored import Lineage, Pulled
from agent.decide.table import Table
from agent.decide.task import Task
from agent.decide.trial import Trial
from agent.decide.trials import resume
from agent.older import read_known
from link.outbox import Outbox, OutboxBounds, Row, row_of
from protocol.desired import Ack, Assignment, Offers
from protocol.envelope import pack
from protocol.observed import Clock
from protocol.refusal import Refusal
from protocol.shapes import Shape, write
from protocol.triggers.memory import Memory

log = logging.getLogger(__name__)

FILE = "agent.db"
MOMENT = "_mono_s"
MOMENT_EVERY_S = 1.0
# How old the moment of the last commit may be on the disk: after a boot, deadlines come so much later at most, and a commit for
# each event is cheaper by a page.
WAIT_S = 5.0
# For whoever else has the file: a backup, or `--make-safe` while the agent ends.

DATED_AT_ONCE = 1000
# Of a month of events that were stored without a clock: a turn of a tenth of a second on a Pi.

_PRIMARY = 0xFF
_UNWRITABLE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
# A full disk; a card that fails; a file system that the kernel has made read-only because of that.

V = TypeVar("V")
Read = Callable[[Any], Any]


def _scalar(kind: type) -> Read:
    return lambda document: document if type(document) is kind else f"is no {kind.__name__}"


KINDS: dict[str, Read] = {
    "counters": _scalar(int),
    "assignments": Shape(Assignment).read,
    "offerings": Shape(Offers).read,
    "tasks": Shape(Task).read,
    "trials": Shape(Trial).read,
    "runs": Shape(Run).read,
    "ended": _scalar(str),
    "buckets": Shape(Bucket).read,
    "publications": Shape(Publication).read,
    "timers": Shape(Deadline).read,
    "memories": Shape(Memory).read,
    "timetables": Shape(Mark).read,
    "marks": Shape(Mark).read,
    "silences": Shape(Silence).read,
    "completed": _scalar(str),
    "attested": _scalar(str),
    "pulled": Shape(Pulled).read,
    "lineages": Shape(Lineage).read,
}
"""The tables: each is a field of `Node` of the same name, and how one of its values is read back."""

TABLES = attrgetter(*KINDS)
"""All tables of a node at once, in this order."""

TEXTS = frozenset({"ended", "completed", "attested"})
"""The tables whose values are plain text; elsewhere a text is why a value could not be read."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this agent is in this process: names of the settings, the kernel's boot, an instance by lot, the board's machine."""

    name: str
    fleet: str
    boot: str
    version: str
    instance: str = ""
    machine: str = ""


@dataclass(slots=True)
class Written:
    """What one turn has for the store beside the node's own changes."""

    notes: list[Note] = field(default_factory=list)
    forgets: list[Forget] = field(default_factory=list)
    poison: list[tuple[int, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.notes or self.forgets or self.poison)


class Store:
    """The file. All methods belong to the loop's thread."""

    def __init__(
        self, path: Path, bounds: OutboxBounds | None = None, wait_s: float = WAIT_S, ballast: Ballast | None = None
    ) -> None:
        """Open the file, or begin a fresh one where it is missing or damaged; `notice` says which, when it matters."""
        self.notice = self.fault = ""
        self._ballast = ballast
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = opened(path, wait_s)
        except sqlite3.OperationalError:
            if ballast is None or not ballast.release():
                raise  # a file that is locked or cannot be reached is not damaged
            self._connection = opened(path, wait_s)
        except sqlite3.DatabaseError as error:
            aside = set_aside(path)
            self.notice = f"the store was damaged ({error}); it is kept as {aside.name}, and a fresh one begins"
            self._connection = opened(path, wait_s)
        self.outbox = Outbox(self._connection, bounds)
        self._moment: tuple[str, float] = self._connection.execute("SELECT boot, mono_s FROM moment").fetchone()
        self.take_ballast()

    def take_ballast(self) -> None:
        """Have some room in reserve, if there is any."""
        if self._ballast is not None and not self._ballast.take():
            log.warning("no_ballast reason='the disk is nearly full'")

    def load(self, who: Identity, now: Now) -> Node:
        """The node as the last commit left it."""
        boot, mono_s = self._moment
        shift_s = 0.0 if boot == who.boot else now.mono_s - mono_s
        if self.outbox.settle_on(who.machine):
            log.warning("machine_changed said='a copy of the store of another machine: its facts are told apart'")
        last = self.outbox.next_sequence - 1
        node = Node(who.name, who.fleet, who.boot, who.version, self.outbox.stream, last, who.instance, last)
        for kind, read in KINDS.items():
            setattr(node, kind, self._table(kind, read, shift_s))
        if node.assignment.node != who.name or node.offers.node != who.name:
            node.forget_desires()
        resume(node)
        return node

    def commit(self, node: Node, now: Now, written: Written) -> None:
        """Save what changed, take in and let go of facts: all of it, or nothing. Without anything to save, nothing happens."""
        changes = changes_of(node)
        if not changes and not written:
            return
        self.fault = self._tried(lambda: self._commit(changes, node, now, written))
        if self.fault and self._ballast is not None and self._ballast.release():
            log.error("ballast_released reason=%r", self.fault)
            self.fault = self._tried(lambda: self._commit(changes, node, now, written))
        if not self.fault:
            for kind, _ in changes:
                getattr(node, kind).changed.clear()

    def _tried(self, transaction: Callable[[], None]) -> str:
        """Why a transaction could not be written, if so: then it has left no trace."""
        try:
            transaction()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY not in _UNWRITABLE:
                raise
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self.outbox.recount()
            return str(error)
        return ""

    def _commit(self, changes: list[tuple[str, str]], node: Node, now: Now, written: Written) -> None:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        for kind, key in changes:
            self._save(kind, key, getattr(node, kind).get(key))
        for forget in written.forgets:
            ack = Ack(forget.stream, forget.upto, forget.beyond)
            if forget.renewed:
                self.outbox.renew(ack, forget.renewed, forget.last)
            else:
                self.outbox.acknowledge(ack)
        for sequence, reason in written.poison:
            self.outbox.refuse(sequence, reason)
        self._take_in(node, now, written.notes)
        moment = self._stamp(node.boot, now.mono_s)
        run("COMMIT")
        self._moment = moment

    def _stamp(self, boot: str, mono_s: float) -> tuple[str, float]:
        """Write down when this commit is, unless another one has a moment ago; what is on the disk then."""
        if self._moment[0] == boot and 0 <= mono_s - self._moment[1] < MOMENT_EVERY_S:
            return self._moment
        self._connection.execute("UPDATE moment SET boot = ?, mono_s = ?", (boot, mono_s))
        return boot, mono_s

    def expire(self, now: Now) -> None:
        """Let go of facts that are too old, by a clock that is right. What cannot be written now is done the next time."""
        if now.clock is Clock.SYNCED and self.outbox.size:
            self._tried(lambda: self._expire(now))

    def _expire(self, now: Now) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self.outbox.expire(now.wall)
        self._connection.execute("COMMIT")

    def redate(self, boot: str, now: Now) -> bool:
        """Give the events of this boot that wait here the time that is known now, some of them; whether none is left."""
        if now.clock is not Clock.SYNCED or not self.outbox.size:
            return now.clock is Clock.SYNCED
        rows = self.outbox.undated(dating.BOOT, boot, DATED_AT_ONCE)
        return not self._tried(lambda: self._redate(rows, boot, now)) and len(rows) < DATED_AT_ONCE

    def _redate(self, rows: tuple[Row, ...], boot: str, now: Now) -> None:
        if not rows:
            return
        self._connection.execute("BEGIN IMMEDIATE")
        for row in rows:
            self.outbox.date(row.sequence, dating.redated(row.properties, boot, now) or row.properties, now.wall)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _take_in(self, node: Node, now: Now, notes: Iterable[Note]) -> None:
        accepted_at = now.wall if now.clock is Clock.SYNCED else ""
        rows = []
        for note in notes:
            packet = pack(note.topic, note.message)
            if isinstance(packet, Refusal):
                node.tally("facts_refused")
                log.error("fact_refused topic=%s reason=%r", note.topic, packet.reason)
                continue
            rows.append(row_of(note.sequence, packet, priority=note.priority, key=note.key, accepted_at=accepted_at))
        self.outbox.add(rows)

    def _save(self, kind: str, key: str, value: Any) -> None:
        if value is None:
            self._connection.execute(f"DELETE FROM {kind} WHERE key = ?", (key,))  # noqa: S608 - a name of KINDS
            return
        text = write(value).decode()
        upsert = f"INSERT INTO {kind} (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2"  # noqa: S608
        self._connection.execute(upsert, (key, text))

    def _table(self, kind: str, read: Read, shift_s: float) -> Table[Any]:
        values, moved = {}, []
        for key, text in self._connection.execute(f"SELECT key, value FROM {kind} ORDER BY place"):  # noqa: S608
            value = read_known(read, json.loads(text))
            if isinstance(value, str) and kind not in TEXTS:
                # Written by another version of the agent. Desired state comes again with the next hello.
                log.warning("stored_value_dropped table=%s key=%s reason=%r", kind, key, value)
                continue
            values[key] = _moved(value, shift_s)
            if values[key] is not value:
                moved.append(key)
        table = Table(values)
        table.changed = dict.fromkeys(moved)
        return table


def changes_of(node: Node) -> list[tuple[str, str]]:
    """What in this node the store has not seen yet: table and key."""
    return [
        (kind, key) for kind, table in zip(KINDS, TABLES(node), strict=True) if table.changed for key in table.changed
    ]


def _moved(value: V, shift_s: float) -> V:
    """Move the moments of a record to the clock of this boot."""
    if shift_s == 0.0 or not hasattr(value, "__dataclass_fields__"):
        return value
    record: Any = value
    names = [f.name for f in fields(record) if f.name.endswith(MOMENT)]
    moved = {name: _later(at, shift_s) for name in names if (at := getattr(record, name)) is not None}
    return replace(record, **moved) if moved else value


def _later(at: float | tuple[float, ...], shift_s: float) -> float | tuple[float, ...]:
    return tuple(one + shift_s for one in at) if isinstance(at, tuple) else at + shift_s
