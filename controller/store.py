"""The controller's memory: one SQLite file, one table per shelf of the fleet, one row per record.

A turn is one transaction, and it writes only what changed: the group commit behind every acknowledgement. WAL with
synchronous=FULL: a commit has reached the disk, if the disk honours fsync. A file that is damaged, full, locked or out of reach is
an error that ends the process, with the file's name: it is the truth of the fleet, and nothing here may decide to go on without it.

sqlite-utils makes and migrates the tables; the hot path is plain `executemany`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydantic_core
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from controller.decide.fleet import Fleet
from protocol.shapes import Shape

FILE = "controller.db"

migrations = Migrations("controller")

TABLES = (
    "numbers", "nodes", "leases", "statuses", "stacks", "revisions", "tasks", "holds", "pendings", "rollouts", "slots",
    "assignments", "offers", "ledger", "intakes", "answered",
)  # fmt: skip
"""The shelves that the first version had."""

LATER = (
    "images",
    "scales",
    "restarts",
    "originals",
    "departed",
    "pins",
    "histories",
    "undos",
    "attendances",
    "earlier",
    "quarantines",
    "announcements",
    "streams",
    "letters",
    "keeps",
    "ends",
)
"""The shelves that came since, each with a migration of its own; a test holds all of them equal to the fleet's own list."""


@migrations()
def begin(db: Database) -> None:
    """Make a table per shelf."""
    for name in TABLES:
        _make(db, name)


@migrations()
def images(db: Database) -> None:
    """Remember what registries said of images."""
    _make(db, "images")


@migrations()
def operators_and_absences(db: Database) -> None:
    """Remember what operators ordered of services, whose tasks were replaced, and who was decommissioned."""
    for name in ("scales", "restarts", "originals", "departed"):
        _make(db, name)


@migrations()
def pins(db: Database) -> None:
    """Remember which nodes operators keep at what they run."""
    _make(db, "pins")


@migrations()
def histories(db: Database) -> None:
    """Remember what services were updated to, and what operators went back to."""
    for name in ("histories", "undos"):
        _make(db, name)


@migrations()
def portions(db: Database) -> None:
    """A parallelism was a plain number; now it may be a share as well."""
    for name in ("rollouts", "stacks"):
        for key, text in db.execute(f"SELECT key, value FROM {name}").fetchall():  # noqa: S608
            value = pydantic_core.to_json(_portioned(pydantic_core.from_json(text))).decode()
            db.execute(f"UPDATE {name} SET value = ? WHERE key = ?", (value, key))  # noqa: S608


def _portioned(value: Any) -> Any:
    """Write every plain parallelism out, wherever it stands in a record."""
    if isinstance(value, list):
        return [_portioned(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: _portioned(one) for name, one in value.items()}
    if isinstance(found.get("parallelism"), int):
        found["parallelism"] = {"count": found["parallelism"]}
    return found


@migrations()
def attendances(db: Database) -> None:
    """Remember how nodes come and go."""
    _make(db, "attendances")


@migrations()
def earlier(db: Database) -> None:
    """Remember what stacks had beside services before their updates."""
    _make(db, "earlier")


@migrations()
def quarantines(db: Database) -> None:
    """Remember under whose name two devices speak."""
    _make(db, "quarantines")


@migrations()
def streams(db: Database) -> None:
    """Remember which card of a node came last."""
    _make(db, "streams")


@migrations()
def letters(db: Database) -> None:
    """Remember dead letters, and how many instances of warm functions nodes keep ready."""
    for name in ("letters", "keeps"):
        _make(db, name)


@migrations()
def announcements(db: Database) -> None:
    """Remember what Home Assistant was told of."""
    _make(db, "announcements")


@migrations()
def ends(db: Database) -> None:
    """Remember how functions ended that Home Assistant is shown."""
    _make(db, "ends")


def _make(db: Database, name: str) -> None:
    db.table(name).create({"key": str, "value": str}, pk="key", not_null={"value"})


class StoreError(Exception):
    """The file cannot be used; the message names it, and says why."""


class DamagedStoreError(StoreError):
    """The file is not what SQLite wrote; a person must decide."""


class Store:
    """One SQLite file. All methods belong to the loop's thread."""

    def __init__(self, path: Path) -> None:
        """Open or make the file, bring its tables up to date, and check it."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path.parent} cannot be made: {error.strerror}") from error
        with self._reached():
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            verdict = self._verdict()
            if verdict != "ok":
                self._connection.close()
                raise DamagedStoreError(f"{path} is damaged ({verdict}): restore a copy, or move it away to begin anew")
            migrations.apply(Database(self._connection))

    def _verdict(self) -> str:
        """What SQLite says of the file."""
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            (verdict,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError:
            raise  # locked, or out of reach: not damaged
        except sqlite3.DatabaseError as error:
            return str(error)
        return str(verdict)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Whatever keeps SQLite from its file is told; a wrong statement is our own mistake, and raises as it is."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
                raise
            raise StoreError(f"{self._path} cannot be used: {error}") from error

    def load(self, fleet: Fleet) -> None:
        """Fill an empty fleet with everything that was saved."""
        for name, shelf in fleet.shelves().items():
            shape: Shape[Any] = Shape(shelf.record)
            for key, text in self._connection.execute(f"SELECT key, value FROM {name} ORDER BY key"):  # noqa: S608
                value = shape.read(pydantic_core.from_json(text))
                if isinstance(value, str):
                    said = f"{self._path} has a record that this release cannot read ({name} {key!r}: {value})"
                    raise StoreError(f"{said}: start the release that wrote it, or restore a copy")
                shelf.load(key, value)

    def save(self, fleet: Fleet) -> bool:
        """Write what changed in one transaction, durably; False when there was nothing to write."""
        changes = [(name, shelf.take_changed()) for name, shelf in fleet.shelves().items() if shelf.is_changed]
        if not changes:
            return False
        with self._reached():
            self._connection.execute("BEGIN IMMEDIATE")
            for name, records in changes:
                self._write(name, records)
            self._connection.execute("COMMIT")
        return True

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _write(self, name: str, records: list[tuple[str, Any]]) -> None:
        gone = [(key,) for key, value in records if value is None]
        kept = [(key, pydantic_core.to_json(value).decode()) for key, value in records if value is not None]
        upsert = f"INSERT INTO {name} (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"  # noqa: S608
        if kept:
            self._connection.executemany(upsert, kept)
        if gone:
            self._connection.executemany(f"DELETE FROM {name} WHERE key = ?", gone)  # noqa: S608
