"""An agent whose disk takes nothing any more: it goes on, says so, and loses nothing that it had promised."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.ballast import Ballast
from agent.decide.node import Node
from agent.decide.now import Now
from agent.store import Identity, Store, Written
from protocol.observed import NodeStatus
from tests.fakes.agent import Rig, task

DISK_BYTES = 8 * 1024 * 1024
BALLAST_BYTES = 1024 * 1024
WHO, NOW = Identity("pi-1", "home", "boot-1", "1"), Now(1000.0)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of eight megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path) -> Path:
    """Let somebody else take all that is left."""
    hog = disk / "hog"
    with suppress(OSError), hog.open("ab", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return hog


def grown(store: Store, node: Node, most: int = 2000) -> int:
    """Commit more and more, until it cannot be; how often it could."""
    for number in range(most):
        node.ended.put(f"i-{number}-{len(node.ended)}", "done" * 500)
        store.commit(node, NOW, Written())
        if store.fault:
            return number
    return most


@pytest.mark.lab
def test_the_ballast_outlasts_a_full_disk(disk: Path) -> None:
    """With the disk full the store lets go of its ballast and goes on; without any it says why, and nothing is half saved."""
    store = Store(disk / "agent.db", ballast=Ballast(disk / "agent.ballast", BALLAST_BYTES))
    node = store.load(WHO, NOW)
    hog = fill(disk)
    assert (disk / "agent.ballast").exists()
    assert grown(store, node) > 50
    assert not (disk / "agent.ballast").exists()
    assert "full" in store.fault
    saved = len(node.ended) - 1
    again = Store(disk / "agent.db")
    assert len(again.load(WHO, NOW).ended) == saved
    again.close()
    hog.unlink()
    store.commit(node, NOW, Written())
    assert store.fault == ""
    store.take_ballast()
    assert (disk / "agent.ballast").exists()
    store.close()


@pytest.mark.lab
def test_a_store_opens_on_a_full_disk(disk: Path) -> None:
    """An agent that starts on a full disk has its ballast to start with."""
    ballast = Ballast(disk / "agent.ballast", BALLAST_BYTES)
    store = Store(disk / "agent.db", ballast=ballast)
    node = store.load(WHO, NOW)
    node.ended.put("i", "done")
    store.commit(node, NOW, Written())
    store.close()
    fill(disk)
    again = Store(disk / "agent.db", ballast=ballast)
    assert again.load(WHO, NOW).ended.values() == ("done",)
    again.close()


def readonly(rig: Rig, *, on: bool) -> None:
    rig.store._connection.execute(f"PRAGMA query_only = {'ON' if on else 'OFF'}")


def test_nothing_is_said_or_done_that_could_not_be_saved(tmp_path: Path) -> None:
    """What runs goes on, new work waits, the reason is told; and as soon as the store takes it all goes on from there."""
    rig = Rig(tmp_path)
    rig.registry.push("web:a")
    rig.registry.push("web:b")
    rig.run(2)
    rig.assign(1, task("a"))
    rig.run(30)
    assert rig.running() == {"porch.web.1": ["a"]}
    readonly(rig, on=True)
    rig.assign(2, task("b"))
    before = len(rig.effects)
    rig.run(30)
    assert rig.running() == {"porch.web.1": ["a"]}
    assert [effect for effect in rig.effects[before:] if type(effect).__name__ in ("Pull", "Stop", "Note")] == []
    (reason,) = rig.status().reasons
    assert "store cannot be written" in reason
    assert rig.status().observed_generation == 1
    readonly(rig, on=False)
    rig.assign(2, task("b"))
    rig.run(60)
    assert rig.running() == {"porch.web.1": ["b"]}
    assert (rig.status().observed_generation, rig.status().reasons) == (2, ())
    sequences = [status.sequence for status in rig.messages(NodeStatus)]
    assert sequences[-1] == max(sequences)
