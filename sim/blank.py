"""Files of stores that nothing was saved in yet, made once by the real stores and copied for each node and controller.

A copy is byte for byte what the store itself would have begun with, so nothing of a history depends on it but its speed.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Protocol

from agent.store import Store as AgentStore
from controller.store import Store as ControllerStore


class _Closable(Protocol):
    def close(self) -> None:
        """Let go of the file."""


def blank_card(path: Path, stream: str) -> None:
    """Lay down an agent's fresh store whose outbox has this name: an outbox draws its own from the kernel."""
    _lay(path, _blank(AgentStore))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("UPDATE outbox_stream SET stream = ?", (stream,))
    connection.commit()
    connection.close()


def blank_ledger(path: Path) -> None:
    """Lay down a controller's fresh store."""
    _lay(path, _blank(ControllerStore))


def _lay(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@cache
def _blank(store: Callable[[Path], _Closable]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="bramble-blank-") as folder:
        path = Path(folder) / "blank.db"
        store(path).close()
        return path.read_bytes()
