"""Stores that are not what their owner left: a card that is damaged and begins anew, a controller restored from an older copy.

Containers outlive both. What no store could know any more is forgiven: see `Invariants.forget` and `Invariants.restored`.
"""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

from sim.blank import blank_card
from sim.fleet import SimFleet
from sim.mishaps import sicken
from sim.node import SimNode

EVENT = "/up/event/"
ILL = 0.6
"""Share of the lost cards whose node has a container that is ill, and whose illness nobody remembers."""


def lose_card(fleet: SimFleet, chances: random.Random) -> str:
    """An agent finds its store damaged, and begins a fresh one; the engine has everything that it had."""
    node = fleet.nodes[chances.choice(sorted(fleet.nodes))]
    ill = sicken(fleet, node, chances) if chances.random() < ILL else ""
    throw_away(fleet, node, f"{chances.getrandbits(64):016x}")
    return f"{node.name} loses its card" + (f", while {ill} is ill" if ill else "")


def throw_away(fleet: SimFleet, node: SimNode, stream: str) -> None:
    """Lay down a blank card in the place of a node's."""
    if node.process.is_alive:
        node.kill()
    fleet.invariants.forget(node.name, events_on(node.path))
    node.taken.clear()
    node.troubles += 1
    erase(node.path)
    blank_card(node.path, stream)


def restore_controller(fleet: SimFleet, chances: random.Random) -> str:
    """After a while the controller has the store that it has now."""
    path, seconds = fleet.head.path, chances.uniform(3.0, 60.0)
    old = path.with_name("restored.db")
    erase(old)
    keep(path, old)
    fleet.world.after(seconds, lambda: _restore(fleet, old.read_bytes()))
    return f"the controller will be restored to now in {seconds:.0f} s"


def _restore(fleet: SimFleet, content: bytes) -> None:
    if fleet.is_healed:
        return
    fleet.head.kill()
    fleet.invariants.restored()
    erase(fleet.head.path)
    fleet.head.path.write_bytes(content)


def keep(path: Path, copy: Path) -> None:
    """Copy a store as it is now, whoever has it open."""
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()


def events_on(path: Path) -> int:
    """How many events wait in a store's outbox."""
    with sqlite3.connect(path) as card:
        (count,) = card.execute("SELECT count(*) FROM outbox WHERE topic LIKE ?", (f"%{EVENT}%",)).fetchone()
    card.close()
    return int(count)


def erase(path: Path) -> None:
    """Remove a store with all that belongs to it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
