"""Facts that no receiver has acknowledged yet, in SQLite.

The connection is the owner's, and so is the transaction: rows are added in the same commit as the state they come from (persist,
then speak). Sequences are given by the owner's pure code, from `next_sequence` on. A row goes when the *receiver* said
that it committed it; a broker's PUBACK means nothing here.

Bounds: rows and bytes are hard; when full, the least urgent oldest rows go, counted by reason (S5: no drop is silent). Age is
judged by the wall clock, because monotonic time ends with a boot: only for rows that were accepted while the clock was
synchronised (`accepted_at` is set), and only when the owner calls `expire` while it is synchronised now. Poison rows are set
aside in `outbox_refused`, where a person can look at the newest `REFUSED_ROWS` of them.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from protocol.desired import Ack
from protocol.envelope import JSON_TYPE, FactMark, Packet, marked
from protocol.ids import digest

PRIORITY = 5
# The middle of 0 (first) to 9. Hellos go before events, events before anything bulky.

ROW_BYTES = 64
# What a row costs beside its texts: sequence, priority, page overhead. An estimate, so that small rows are not free.

STREAM_BYTES = 8
# 64 random bits name an outbox for ever; 10,000 nodes that lose their card daily for a century meet no second.

REFUSED_ROWS = 100

ROWS_KNOWN = 128
# The head of the outbox is read again before every sending, two windows of it at most: each row is understood once.

TOO_MANY = "outbox full"
TOO_OLD = "too old"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    sequence INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL, properties TEXT NOT NULL,
    priority INTEGER NOT NULL, key TEXT, accepted_at TEXT NOT NULL, size_bytes INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS outbox_key ON outbox (key) WHERE key IS NOT NULL;
CREATE INDEX IF NOT EXISTS outbox_order ON outbox (priority, sequence);
CREATE TABLE IF NOT EXISTS outbox_refused (
    sequence INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL, reason TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox_dropped (reason TEXT PRIMARY KEY, rows INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox_stream (
    one INTEGER PRIMARY KEY CHECK (one = 1), stream TEXT NOT NULL, next_sequence INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox_machine (one INTEGER PRIMARY KEY CHECK (one = 1), machine TEXT NOT NULL) STRICT;
"""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

_COLUMNS = "sequence, topic, payload, properties, priority, key, accepted_at"


@dataclass(frozen=True, slots=True)
class Row:
    """One fact. Lower `priority` goes first; `accepted_at` is UTC (ISO 8601) or empty while the clock is only a guess."""

    sequence: int
    topic: str
    payload: bytes
    properties: tuple[tuple[str, str], ...] = ()
    priority: int = PRIORITY
    key: str = ""
    accepted_at: str = ""

    @property
    def size_bytes(self) -> int:
        """What the row counts for against the bound."""
        texts = len("".join(chain.from_iterable(self.properties)))
        return ROW_BYTES + len(self.topic) + len(self.payload) + texts


def row_of(sequence: int, packet: Packet, *, priority: int = PRIORITY, key: str = "", accepted_at: str = "") -> Row:
    """Make a row of what `protocol.envelope.pack` made (without a mark: it is added when the row is sent)."""
    return Row(sequence, packet.topic, packet.payload, packet.properties, priority, key, accepted_at)


@dataclass(frozen=True, slots=True)
class OutboxBounds:
    """Hard bounds by rows and bytes. The defaults keep a month of a busy node on a small card."""

    rows: int = 100_000
    bytes: int = 64 * 1024 * 1024
    age_s: float = 30 * 86400.0


class Outbox:
    """The table. All methods belong to the thread that owns the connection, and none commits.

    Counts are kept in memory: after a rolled-back transaction they are wrong until `recount`. `version` counts the changes.
    """

    def __init__(self, connection: sqlite3.Connection, bounds: OutboxBounds | None = None) -> None:
        """Open the tables, making them (and a new stream) when they are not there."""
        self._connection = connection
        self._bounds = bounds or OutboxBounds()
        for statement in _SCHEMA.split(";"):  # executescript would commit the owner's transaction
            connection.execute(statement)
        made = secrets.token_hex(STREAM_BYTES)
        connection.execute("INSERT OR IGNORE INTO outbox_stream VALUES (1, ?, 1)", (made,))
        self.version = 0
        self.stream: str
        self.next_sequence: int
        self._rows: int
        self._bytes: int
        self.recount()

    def recount(self) -> None:
        """Know again what is in the tables."""
        self.version += 1
        self.stream, self.next_sequence = self._two("SELECT stream, next_sequence FROM outbox_stream")
        self._rows, self._bytes = self._two("SELECT count(*), coalesce(sum(size_bytes), 0) FROM outbox")

    def settle_on(self, machine: str) -> bool:
        """Begin a new stream where the file was copied onto another machine, or both would count different facts alike.

        Its rows go along: what one of them causes has the same id under either stream. An unnamed machine is taken for the last.
        """
        found = self._connection.execute("SELECT machine FROM outbox_machine").fetchone()
        if not machine or (found and found[0] == machine):
            return False
        self._connection.execute("INSERT OR REPLACE INTO outbox_machine VALUES (1, ?)", (machine,))
        if found:
            renewed = digest([self.stream, machine], 2 * STREAM_BYTES)
            self._connection.execute("UPDATE outbox_stream SET stream = ?", (renewed,))
            self.recount()
        return bool(found)

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in; a row whose key is taken supersedes the older one; the bounds drop the least urgent oldest ones."""
        added = list(rows)
        if not added:
            return
        for row in added:
            self._supersede(row)
            self._insert(row)
            while self._rows > self._bounds.rows or self._bytes > self._bounds.bytes:
                self._drop_one()
        self.next_sequence = max(self.next_sequence, *(row.sequence + 1 for row in added))
        self._connection.execute("UPDATE outbox_stream SET next_sequence = ?", (self.next_sequence,))

    def acknowledge(self, ack: Ack) -> int:
        """Forget what the receiver has committed; how many rows went. An ack of another stream changes nothing."""
        if ack.stream != self.stream or not self._rows:
            return 0
        gone = self._delete("sequence <= ?", (ack.upto,))
        if not ack.beyond:
            return gone
        # at once: while a gap stays open each ack says again, up to a thousand times, what went long ago
        return gone + self._delete("sequence IN (SELECT value FROM json_each(?))", (json.dumps(ack.beyond),))

    def renew(self, ack: Ack, stream: str, last: int) -> None:
        """Go on under another stream, because this file is an older copy of one whose later facts the receiver has.

        Of the rows that it held, up to `last`, those that the receiver has are dropped. Later ones had numbers that were taken, and
        go along.
        """
        if ack.stream != self.stream:
            return
        self._delete("sequence <= ?", (min(ack.upto, last),))
        for sequence in ack.beyond:
            self._delete("sequence = ? AND sequence <= ?", (sequence, last))
        self._connection.execute("UPDATE outbox_stream SET stream = ?", (stream,))
        self.version += 1
        self.stream = stream

    @property
    def base(self) -> int:
        """The lowest outstanding sequence, or the next one when nothing is outstanding."""
        (least,) = self._connection.execute("SELECT min(sequence) FROM outbox").fetchone()
        return self.next_sequence if least is None else int(least)

    @property
    def size(self) -> int:
        """How many rows wait."""
        return self._rows

    @property
    def size_bytes(self) -> int:
        """What the waiting rows count for against the bound."""
        return self._bytes

    def outstanding(self, limit: int) -> tuple[Row, ...]:
        """The first rows by (priority, sequence); the lowest sequence is always among them, so that `base` moves."""
        query = f"SELECT {_COLUMNS} FROM outbox ORDER BY priority, sequence LIMIT ?"  # noqa: S608 - a constant
        rows = [_row(found) for found in self._connection.execute(query, (limit,))]
        if len(rows) < limit:
            return tuple(rows)
        base = self.base
        if any(row.sequence == base for row in rows):
            return tuple(rows)
        lowest = f"SELECT {_COLUMNS} FROM outbox WHERE sequence = ?"  # noqa: S608 - a constant
        return (*rows[:-1], _row(self._connection.execute(lowest, (base,)).fetchone()))

    def packet(self, row: Row, base: int | None = None) -> Packet:
        """The packet of a row, marked with the stream, its sequence and the present base."""
        mark = FactMark(self.stream, row.sequence, self.base if base is None else base)
        return Packet(row.topic, row.payload, row.properties + marked(mark), qos=1, content_type=JSON_TYPE)

    def refuse(self, sequence: int, reason: str) -> None:
        """Set a row aside that no broker takes; counted under `reason`."""
        kept = "INSERT OR REPLACE INTO outbox_refused SELECT sequence, topic, payload, ? FROM outbox WHERE sequence = ?"
        self._connection.execute(kept, (reason, sequence))
        self._connection.execute(
            "DELETE FROM outbox_refused WHERE sequence NOT IN"
            " (SELECT sequence FROM outbox_refused ORDER BY sequence DESC LIMIT ?)",
            (REFUSED_ROWS,),
        )
        self._count(reason, self._delete("sequence = ?", (sequence,)))

    def expire(self, now_at: str) -> int:
        """Drop rows older than the bound. Call it only while the clock is synchronised; undated rows stay."""
        gone = self._delete(
            "accepted_at <> '' AND unixepoch(accepted_at) < unixepoch(?) - ?", (now_at, self._bounds.age_s)
        )
        self._count(TOO_OLD, gone)
        return gone

    def undated(self, name: str, value: str, limit: int) -> tuple[Row, ...]:
        """The first rows that were accepted while the clock was only a guess and have this property."""
        said = _ENCODER.encode([name, value])
        query = (
            f"SELECT {_COLUMNS} FROM outbox WHERE accepted_at = '' AND instr(properties, ?) ORDER BY sequence LIMIT ?"  # noqa: S608
        )
        return tuple(_row(found) for found in self._connection.execute(query, (said, limit)))

    def date(self, sequence: int, properties: tuple[tuple[str, str], ...], accepted_at: str) -> None:
        """Say of a row when it was accepted, now that it is known; its size stays what it was counted for."""
        written = _ENCODER.encode(properties)
        update = "UPDATE outbox SET properties = ?, accepted_at = ? WHERE sequence = ?"
        self._connection.execute(update, (written, accepted_at, sequence))
        self.version += 1

    @property
    def dropped(self) -> Mapping[str, int]:
        """How many rows were given up, by reason, since the table was made."""
        return dict(self._connection.execute("SELECT reason, rows FROM outbox_dropped ORDER BY reason"))

    def _supersede(self, row: Row) -> None:
        if row.key:
            self._delete("key = ?", (row.key,))

    def _insert(self, row: Row) -> None:
        self._connection.execute(
            "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.sequence,
                row.topic,
                row.payload,
                _ENCODER.encode(row.properties),
                row.priority,
                row.key or None,
                row.accepted_at,
                row.size_bytes,
            ),
        )
        self.version += 1
        self._rows += 1
        self._bytes += row.size_bytes

    def _drop_one(self) -> None:
        least_urgent = "sequence = (SELECT sequence FROM outbox ORDER BY priority DESC, sequence LIMIT 1)"
        self._count(TOO_MANY, self._delete(least_urgent, ()))

    def _delete(self, where: str, values: tuple[object, ...]) -> int:
        query = f"DELETE FROM outbox WHERE {where} RETURNING size_bytes"  # noqa: S608 - conditions of this file
        sizes = self._connection.execute(query, values).fetchall()
        self.version += bool(sizes)
        self._rows -= len(sizes)
        self._bytes -= sum(size for (size,) in sizes)
        return len(sizes)

    def _count(self, reason: str, rows: int) -> None:
        if rows:
            self._connection.execute(
                "INSERT INTO outbox_dropped VALUES (?1, ?2) ON CONFLICT (reason) DO UPDATE SET rows = rows + ?2",
                (reason, rows),
            )

    def _two(self, query: str) -> tuple[Any, Any]:
        first, second = self._connection.execute(query).fetchone()
        return first, second


def _row(found: tuple[Any, ...]) -> Row:
    sequence, topic, payload, properties, priority, key, accepted_at = found
    return Row(sequence, topic, payload, _pairs(properties), priority, key or "", accepted_at)


@lru_cache(maxsize=ROWS_KNOWN)
def _pairs(properties: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(properties))
