"""An agent that returns to the release before goes on from the store that the newer one wrote: no fact lost, none said anew."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.older import read_known
from protocol.desired import Assignment
from protocol.observed import SensorEvent
from protocol.shapes import Shape
from tests.fakes.agent import DOORBELL, Rig, function, task


def newer(path: Path, alter: Callable[[Any], Any]) -> None:
    """A newer release had this store: more tables, a higher version, and more in every value."""
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute("CREATE TABLE novelties (key TEXT, value TEXT)")
    connection.execute(f"PRAGMA user_version = {version + 5}")
    for (kind,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE sql LIKE '%place INTEGER PRIMARY KEY%'"
    ).fetchall():
        for key, text in connection.execute(f"SELECT key, value FROM {kind}").fetchall():
            connection.execute(f"UPDATE {kind} SET value = ? WHERE key = ?", (json.dumps(alter(json.loads(text))), key))
    connection.commit()
    connection.close()


def with_more(document: Any) -> Any:
    """Every object within has a key that nobody knows yet; what a sensor's options say more is its kind's business."""
    if isinstance(document, list):
        return [with_more(part) for part in document]
    if isinstance(document, dict) and not all(isinstance(part, str) for part in document.values()):
        more = {name: part if name == "options" else with_more(part) for name, part in document.items()}
        return more | {"novelty.of": {"level": 1}}
    return document


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    for image in ("web:a", "greet:1"):
        rig.registry.push(image)
    rig.run(2)
    rig.assign(1, task("a"), sensors=(DOORBELL,), functions=(function(),))
    rig.run(10)
    assert rig.running() == {"porch.web.1": ["a"]}
    return rig


def test_what_the_newer_one_knows_more_is_left_out(rig: Rig, tmp_path: Path) -> None:
    """Everything else of every value is as it was, also offline: the same container goes on, and the sensor is watched."""
    before = rig.node.assignment, rig.node.tasks.values()
    rig.online = False
    rig.store.close()
    newer(tmp_path / "agent.db", with_more)
    rig.start()
    rig.run(30)
    assert rig.node.assignment == before[0]
    assert [one.container for one in rig.node.tasks.values()] == [one.container for one in before[1]]
    assert rig.running() == {"porch.web.1": ["a"]}


def test_no_fact_is_lost_and_none_takes_a_number_twice(rig: Rig, tmp_path: Path) -> None:
    """What the newer one took in goes out under its own numbers, and new facts come after: a copy of the store would break both."""
    rig.acknowledging = False
    rig.cut()
    rig.run(1)
    rig.read("doorbell", on=True)
    rig.run(1)
    waiting, following = rig.store.outbox.size, rig.store.outbox.next_sequence
    assert waiting
    stream = rig.node.stream
    rig.store.close()
    newer(tmp_path / "agent.db", with_more)
    rig.start()
    assert (rig.store.outbox.size, rig.store.outbox.next_sequence, rig.node.stream) == (waiting, following, stream)
    rig.acknowledging = True
    rig.mend()
    rig.run(5)
    rig.read("doorbell", on=True)
    rig.run(30)
    marks: dict[int, set[str]] = {}
    for said in rig.said:
        if said.mark is not None and said.mark.stream == stream:
            marks.setdefault(said.mark.sequence, set()).add(repr(said.message))
    assert all(len(contents) == 1 for contents in marks.values())
    assert [event for event in rig.messages(SensorEvent) if event.sequence < following]
    assert rig.store.outbox.size == 0


def test_only_unknown_keys_are_left_out() -> None:
    """What is wrong in another way is not read: a value that means something else must not be taken for this."""
    read = Shape(Assignment).read
    assert read_known(read, {"node": "pi", "epoch": 1, "generation": 2, "more": 1}) == Assignment("pi", 1, 2)
    assert "epoch" in read_known(read, {"node": "pi", "more": 1})
    assert "boolean" in read_known(
        read,
        {
            "node": "pi",
            "epoch": 1,
            "generation": 2,
            "tasks": [
                {
                    "task": "t",
                    "stack": "s",
                    "service": "w",
                    "revision": "r",
                    "container": {"image": "i", "init": 1, "x": 2},
                }
            ],
        },
    )
