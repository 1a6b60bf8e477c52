"""Facts that must not be lost (signatures; the body follows)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from protocol.desired import Ack
from protocol.envelope import Packet


@dataclass(frozen=True, slots=True)
class Row:
    """One fact. Lower `priority` goes first; `accepted_at` is UTC (ISO 8601) or empty while the clock is only a guess."""

    sequence: int
    topic: str
    payload: bytes
    properties: tuple[tuple[str, str], ...] = ()
    priority: int = 5
    key: str = ""
    accepted_at: str = ""

    @property
    def size_bytes(self) -> int:
        raise NotImplementedError


def row_of(sequence: int, packet: Packet, *, priority: int = 5, key: str = "", accepted_at: str = "") -> Row:
    """Make a row of what `protocol.envelope.pack` made (without a mark: the mark is added when the row is sent)."""
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class OutboxBounds:
    """Hard bounds by rows and bytes; the age bound works only while the clock is synchronised."""

    rows: int = 100_000
    bytes: int = 64 * 1024 * 1024
    age_s: float = 30 * 86400


class Outbox:
    """The table of facts that no receiver has acknowledged yet. The connection and its transactions are the owner's."""

    def __init__(self, connection: sqlite3.Connection, bounds: OutboxBounds) -> None: ...

    stream: str
    next_sequence: int

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in; a row whose key is taken supersedes the older one; the bounds drop the least urgent oldest ones."""

    def acknowledge(self, ack: Ack) -> int:
        """Forget what the receiver has committed; how many rows went. An ack of another stream changes nothing."""
        raise NotImplementedError

    @property
    def base(self) -> int:
        """The lowest outstanding sequence, or the next one when nothing is outstanding."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        raise NotImplementedError

    def outstanding(self, limit: int) -> tuple[Row, ...]:
        """The first rows by (priority, sequence); the lowest sequence is always among them, so that `base` moves."""
        raise NotImplementedError

    def packet(self, row: Row) -> Packet:
        """The packet of a row, marked with the stream, its sequence and the present base."""
        raise NotImplementedError

    def refuse(self, sequence: int, reason: str) -> None:
        """Set a row aside that no broker takes; counted under `reason`."""

    def expire(self, now_at: str) -> int:
        """Drop rows older than the bound. Call it only while the clock is synchronised; undated rows stay."""
        raise NotImplementedError

    @property
    def dropped(self) -> Mapping[str, int]:
        """How many rows were given up, by reason, since the table was made."""
        raise NotImplementedError
