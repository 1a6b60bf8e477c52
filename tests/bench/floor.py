"""What an event to an action through a warm function cannot do without, each part alone: a commit, a hand-over, an ask.

A bridge that commits nothing and asks nobody is the peer of `tests.bench.warm`. Whoever commits the event before the call, and the
result before the action, and has the function in a process of its own, needs at least this more, whatever it is written in Python
for: two commits of one row each, one ask over a socket that is open, and a wake between two threads wherever one waits for a socket
and another one decides. Each is measured as sparse as the events are, for a processor that has rested is slow.
"""

from __future__ import annotations

import socket
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from agent.database import PAGE_BYTES
from tests.bench.chain import PAUSE_S

TIMES = 60
ROW_BYTES = 1000
# An event and its call as JSON.
COMMITS, HAND_OVERS = 2, 4
# Event and result; link to loop, loop to whoever waits for the answer, back, and loop to link.
ASKS = b'POST / HTTP/1.1\r\nHost: greet\r\nContent-Length: 8\r\n\r\n{"n": 1}'


def least_ms(room: Path, socket_path: str) -> float:
    """All of it, of a store in this directory and the instance behind this socket."""
    return COMMITS * _commit_ms(room) + HAND_OVERS * _hand_over_ms() + _ask_ms(socket_path)


def _commit_ms(room: Path) -> float:
    """One row, on the card when it returns."""
    with tempfile.TemporaryDirectory(dir=room) as folder:
        connection = sqlite3.connect(Path(folder) / "one.db", isolation_level=None)
        for statement in (f"page_size = {PAGE_BYTES}", "journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {statement}")
        connection.execute("CREATE TABLE one (said BLOB)")
        row = bytes(ROW_BYTES)
        took_ms = _median_ms(lambda: connection.execute("INSERT INTO one VALUES (?)", (row,)))
        connection.close()
    return took_ms


def _hand_over_ms() -> float:
    """From one thread that has something to another one that waits for it."""
    there: SimpleQueue[bool] = SimpleQueue()
    back: SimpleQueue[bool] = SimpleQueue()

    def answer() -> None:
        while there.get():
            back.put(True)

    threading.Thread(target=answer, daemon=True).start()

    def and_back() -> None:
        there.put(True)
        back.get()

    took_ms = _median_ms(and_back) / 2
    there.put(False)
    return took_ms


def _ask_ms(path: str) -> float:
    """The shortest request, and an answer that comes in one piece."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(path)

        def ask() -> None:
            wire.sendall(ASKS)
            assert b" 200 " in wire.recv(65536)

        return _median_ms(ask)


def _median_ms(act: Callable[[], object]) -> float:
    took = []
    for _ in range(TIMES):
        time.sleep(PAUSE_S)
        begun_s = time.perf_counter()
        act()
        took.append((time.perf_counter() - begun_s) * 1000)
    return statistics.median(took)
