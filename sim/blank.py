"""Files of stores that nothing was saved in yet, made once by the real stores and copied for each node and controller.

A copy is byte for byte what the store itself would have begun with, so nothing of a history depends on it but its speed.
"""

from __future__ import annotations

import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from agent.store import Store as AgentStore
from controller.store import Store as ControllerStore

FILE = "blank.db"
PAGE_BYTES = 1024
"""A quarter of what SQLite takes unless told: a commit writes whole pages, and a check reads them all."""


def blank_card(path: Path, stream: str) -> None:
    """Lay down an agent's fresh store whose outbox has this name: an outbox draws its own from the kernel."""
    content, drawn = _blank_card()
    _lay(path, content.replace(drawn, stream.encode()))


def blank_ledger(path: Path) -> None:
    """Lay down a controller's fresh store."""
    _lay(path, _blank_ledger())


def _lay(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@cache
def _blank_card() -> tuple[bytes, bytes]:
    """A fresh card, and the name of its outbox, which stands in it once and is as long as any."""
    with tempfile.TemporaryDirectory(prefix="bramble-blank-") as folder:
        store = AgentStore(_paper(Path(folder)))
        stream = store.outbox.stream.encode()
        store.close()
        content = Path(folder, FILE).read_bytes()
    assert content.count(stream) == 1, "a card names its outbox once"
    return content, stream


@cache
def _blank_ledger() -> bytes:
    with tempfile.TemporaryDirectory(prefix="bramble-blank-") as folder:
        ControllerStore(_paper(Path(folder))).close()
        return Path(folder, FILE).read_bytes()


def _paper(folder: Path) -> Path:
    """A file of small pages with nothing on them: a fleet that lives for a minute has little to write on each."""
    path = folder / FILE
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("VACUUM")
    connection.close()
    return path
