"""The file of the store: opened, looked through, brought up to this version's tables; one that is damaged is moved aside.

WAL with synchronous=FULL: a commit has reached the card, if the card honours fsync.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

PAGE_BYTES = 1024
# A commit writes whole pages, and an event's two commits touch some eighteen, each for a row of a few hundred bytes: with SQLite's
# 4 KiB they wrote 78 KB to the card, and took the longer to sync. Only a fresh file takes it; others stay as they are.


def _tables(*kinds: str) -> tuple[str, ...]:
    columns = "(place INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, value TEXT NOT NULL)"
    return tuple(f"CREATE TABLE {kind} {columns}" for kind in kinds)


MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        *_tables("counters", "assignments", "offerings", "tasks", "trials", "runs", "ended", "timers"),
        "CREATE TABLE moment (one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT NOT NULL, mono_s REAL NOT NULL)",
        "INSERT INTO moment VALUES (1, '', 0)",
    ),
    _tables("pulled", "lineages"),
    _tables("marks", "silences", "completed"),
    _tables("attested"),
    _tables("memories"),
    _tables("timetables"),
    _tables("buckets", "publications"),
)
"""Statements that lead from one `user_version` to the next; a published one is never changed."""


def opened(path: Path, wait_s: float) -> sqlite3.Connection:
    """A connection to a sound file with our tables; raises `sqlite3.DatabaseError` where it is damaged or cannot be had."""
    connection = sqlite3.connect(path, wait_s, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _check(connection)
        _migrate(connection)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")


def set_aside(path: Path) -> Path:
    """Keep a damaged file, and what belongs to it, under another name."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    return aside
