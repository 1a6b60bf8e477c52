"""A store from before updates were gradual is read as it was meant."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from controller.decide.fleet import Fleet
from controller.decide.rollouts.slot import NO_BATCH, SlotState
from controller.decide.terms import Terms
from controller.store import Store
from protocol.update import Portion

UPDATE = {
    "parallelism": 2,
    "delay_s": 1.0,
    "monitor_s": 5.0,
    "max_failure_ratio": 0.0,
    "failure_action": "pause",
    "order": "stop-first",
}
ROLLOUT = {"id": "r1", "service": "shop.web", "revision": "b", "previous": "a", "state": "paused", "update": UPDATE}
SLOT = {"task": "t", "service": "shop.web", "node": "pi-1", "revision": "b", "wave": "r1", "state": "granted"}
SERVICE = {"stack": "shop", "name": "web", "container": {"image": "web:1"}, "update": UPDATE, "rollback": UPDATE}
STACK = {"name": "shop", "verdict": "accepted", "stack": {"name": "shop", "services": {"web": SERVICE}}}


def test_an_older_store_with_a_plain_number_still_loads(tmp_path: Path) -> None:
    """The rollout goes on under the budget that it had, and who held a place holds it."""
    path = tmp_path / "controller.db"
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM _sqlite_migrations WHERE name = 'portions'")
        for table, key, value in (("rollouts", "shop.web", ROLLOUT), ("slots", "t", SLOT), ("stacks", "shop", STACK)):
            db.execute(f"INSERT INTO {table} (key, value) VALUES (?, ?)", (key, json.dumps(value)))
    fleet, store = Fleet("default", Terms()), Store(path)
    store.load(fleet)
    store.close()
    assert fleet.rollouts["shop.web"].update.parallelism == Portion(2)
    assert (fleet.slots["t"].state, fleet.slots["t"].batch) == (SlotState.GRANTED, NO_BATCH)
    stack = fleet.stacks["shop"].stack
    assert stack is not None
    service = stack.services["web"]
    assert service.rollback is not None
    assert (service.update.parallelism, service.rollback.parallelism) == (Portion(2), Portion(2))


def test_a_store_of_today_is_left_as_it_is(tmp_path: Path) -> None:
    """Opened twice, nothing is written out a second time."""
    path = tmp_path / "controller.db"
    new = {**ROLLOUT, "update": {**UPDATE, "parallelism": {"count": 0, "share": 0.25}}}
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM _sqlite_migrations WHERE name = 'portions'")
        db.execute("INSERT INTO rollouts (key, value) VALUES ('shop.web', ?)", (json.dumps(new),))
    fleet, store = Fleet("default", Terms()), Store(path)
    store.load(fleet)
    store.close()
    assert fleet.rollouts["shop.web"].update.parallelism == Portion(share=0.25)
