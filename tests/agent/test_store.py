"""What was committed is there after a restart, exactly; what is damaged is set aside, and said."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from agent.database import PAGE_BYTES
from agent.decide.effects import Forget, Note
from agent.decide.invocation import Run, State
from agent.decide.marks import Mark, Silence
from agent.decide.node import Deadline, Node, Now
from agent.decide.publication import Publication
from agent.decide.rates import Bucket
from agent.decide.stored import Lineage, Pulled
from agent.decide.task import Task
from agent.decide.trial import Trial
from agent.store import KINDS, MOMENT_EVERY_S, Identity, Store, Written
from link.outbox import OutboxBounds
from protocol.desired import Assignment, Offers
from protocol.observed import Answer, Clock, OfferState, Result, ResultStatus, TaskState
from protocol.topics import ResultTopic
from protocol.trigger import TriggerSpec
from protocol.triggers.memory import Memory
from tests.fakes.agent import DOORBELL, LAMP, function, offer, task

WHO = Identity("pi-1", "home", "boot-1", "1")
NOW = Now(1000.0, "2026-01-01T00:00:00Z")


def filled(node: Node) -> None:
    """Put something into every table."""
    spec = task("a")
    node.counters.put("epoch", 7)
    node.assignments.put("", Assignment("pi-1", 3, 4, (spec,), (DOORBELL,), (LAMP,), (function(),)))
    node.offerings.put("", Offers("pi-1", 3, 2, (offer(spec),)))
    node.tasks.put(
        spec.task,
        Task(
            spec.task, "a", "a x", TaskState.FAILED, 3, 2, "exited", due_mono_s=1040.0, restarts_mono_s=(980.0, 990.0)
        ),
    )
    node.trials.put("t", Trial(offer(spec), "a x", OfferState.SETTLED))
    node.runs.put("i", Run("i", "porch", "greet", "c", {"id": "c"}, "{}", State.DISPATCHED, 1, until_mono_s=1300.0))
    node.ended.put("j", "done")
    node.buckets.put("porch.greet", Bucket(1.5, 990.0))
    node.publications.put("i-0", Publication("i-0", "home/door", "open", retain=True))
    node.timers.put("porch greet 0", Deadline(1010.0))
    node.memories.put(
        "porch greet 0", Memory(TriggerSpec("doorbell", "pressed", when=({"exact": {"id": "1"}},)), 1020.0)
    )
    node.timetables.put("porch greet 1", Mark("@daily", "UTC", Clock.SYNCED, 1_760_000_000.5, 1_760_054_400.0))
    node.marks.put(spec.task, Mark("@daily", "UTC", Clock.SYNCED, 1_760_000_000.5, 1_760_054_400.0, 2))
    node.silences.put("", Silence("boot-1", 990.0))
    node.completed.put("porch.once.1 a x", "")
    node.attested.put("porch.web.1 a x", "sha256:2")
    node.pulled.put("r/web:a", Pulled("r/web:a", "mirror:5000", "sha256:1", ("sha256:2",), "sha256:2", "", "sha256:2"))
    node.lineages.put("porch.web", Lineage("web:b", "web:a"))


def reopened(path: Path, who: Identity = WHO, now: Now = NOW) -> Node:
    store = Store(path)
    node = store.load(who, now)
    store.close()
    return node


def saved(path: Path) -> Node:
    store = Store(path)
    node = store.load(WHO, NOW)
    filled(node)
    store.commit(node, NOW, Written())
    store.close()
    return node


def test_everything_that_survives_is_read_back_as_it_was(tmp_path: Path) -> None:
    """Each table of the node equals what was committed."""
    before, after = saved(tmp_path / "agent.db"), reopened(tmp_path / "agent.db")
    for kind in KINDS:
        assert getattr(after, kind).values() == getattr(before, kind).values() != (), kind


def test_moments_are_moved_to_the_clock_of_a_new_boot(tmp_path: Path) -> None:
    """What was due in 40 s at the last commit is due in 40 s after the boot; within one boot nothing moves."""
    saved(tmp_path / "agent.db")
    node = reopened(tmp_path / "agent.db", replace(WHO, boot="boot-2"), Now(20.0))
    assert node.tasks.values()[0].due_mono_s == 60.0
    assert node.timers.values()[0].due_mono_s == 30.0


def test_the_moment_of_a_commit_is_written_once_a_second(tmp_path: Path) -> None:
    """So deadlines come a second later after a boot, at most; the first commit of another boot always says when it was."""
    saved(tmp_path / "agent.db")
    store = Store(tmp_path / "agent.db")
    node = store.load(WHO, NOW)
    for mono_s in (1000.0 + MOMENT_EVERY_S / 2, 1000.0 + MOMENT_EVERY_S, 1000.0 + 1.5 * MOMENT_EVERY_S):
        node.count("tick")
        store.commit(node, Now(mono_s), Written())
    store.close()
    rebooted = reopened(tmp_path / "agent.db", replace(WHO, boot="boot-2"), Now(20.0))
    assert rebooted.timers.values()[0].due_mono_s == 30.0 - MOMENT_EVERY_S
    assert rebooted.count("tick") == 4


def test_a_second_process_of_a_boot_finds_the_moments_that_the_first_one_moved(tmp_path: Path) -> None:
    """Whatever the first one committed: what it did not touch is not taken for a moment of this boot."""
    saved(tmp_path / "agent.db")
    rebooted, store = replace(WHO, boot="boot-2"), Store(tmp_path / "agent.db")
    node = store.load(rebooted, Now(20.0))
    node.timers.drop(next(iter(node.timers)))
    store.commit(node, Now(21.0), Written())
    store.close()
    assert reopened(tmp_path / "agent.db", rebooted, Now(25.0)).tasks.values()[0].due_mono_s == 60.0


def test_another_name_takes_nothing_over(tmp_path: Path) -> None:
    """A card that comes from another node forgets what that node should run, and keeps its epochs."""
    saved(tmp_path / "agent.db")
    node = reopened(tmp_path / "agent.db", replace(WHO, name="pi-2"))
    assert node.assignment == Assignment("pi-2", 0, 0)
    assert len(node.tasks) == len(node.runs) == len(node.trials) == 0
    assert node.epoch == 7


def test_a_commit_is_all_or_nothing(tmp_path: Path) -> None:
    """Facts and state that do not fit together are never half there."""
    store = Store(tmp_path / "agent.db")
    node = store.load(WHO, NOW)
    node.counters.put("epoch", 1)
    result = Result("i", "pi-1", "porch", "greet", ResultStatus.DONE, 1)
    twice = [Note(1, ResultTopic("home", "pi-1", "i"), result), Note(1, ResultTopic("home", "pi-1", "i"), result)]
    with pytest.raises(sqlite3.IntegrityError):
        store.commit(node, NOW, Written(notes=twice))
    store.close()
    assert reopened(tmp_path / "agent.db").epoch == 0


def test_a_commit_writes_small_pages(tmp_path: Path) -> None:
    """What one event changes costs a card a few kilobytes; a store of before keeps the pages that it has."""
    saved(tmp_path / "new.db")
    older = sqlite3.connect(tmp_path / "older.db")
    older.executescript("PRAGMA page_size = 8192; CREATE TABLE other (one INTEGER)")
    older.close()
    saved(tmp_path / "older.db")
    pages = [
        sqlite3.connect(tmp_path / f"{name}.db").execute("PRAGMA page_size").fetchone() for name in ("new", "older")
    ]
    assert pages == [(PAGE_BYTES,), (8192,)]
    assert reopened(tmp_path / "older.db").epoch == 7


def test_an_acknowledged_fact_goes_and_its_number_stays_taken(tmp_path: Path) -> None:
    """The stream goes on where it was, also when nothing waits any more."""
    store = Store(tmp_path / "agent.db")
    node = store.load(WHO, NOW)
    node.note(ResultTopic("home", "pi-1", "i"), Result("i", "pi-1", "porch", "greet", ResultStatus.DONE, 1))
    notes = [effect for effect in node.effects if isinstance(effect, Note)]
    store.commit(node, NOW, Written(notes=notes))
    store.commit(node, NOW, Written(forgets=[Forget(node.stream, 1)]))
    assert store.outbox.size == 0
    store.close()
    assert reopened(tmp_path / "agent.db").next_sequence() == 2


def test_a_fact_that_is_too_large_is_counted(tmp_path: Path) -> None:
    """It cannot be sent, so it is refused at once and not silently."""
    store = Store(tmp_path / "agent.db", OutboxBounds())
    node = store.load(WHO, NOW)
    huge = Answer("i", ok=True, message="x" * 700_000)
    store.commit(node, NOW, Written(notes=[Note(1, ResultTopic("home", "pi-1", "i"), huge)]))
    assert node.counts[("facts_refused",)] == 1
    assert store.outbox.size == 0
    store.close()


@pytest.mark.parametrize("damage", [b"this is no database at all" * 400, b"\0" * 8192])
def test_a_damaged_file_is_set_aside(tmp_path: Path, damage: bytes) -> None:
    """A fresh store begins under a new stream, the old file is kept, and the notice says so."""
    path = tmp_path / "agent.db"
    stream = saved(path).stream
    path.write_bytes(damage)
    store = Store(path)
    assert "agent.db.damaged-1" in store.notice
    assert (tmp_path / "agent.db.damaged-1").read_bytes() == damage
    assert store.load(WHO, NOW).stream != stream
    store.close()


def test_a_page_that_rotted_is_found(tmp_path: Path) -> None:
    """The check at the start reads the whole file."""
    path = tmp_path / "agent.db"
    saved(path)
    content = bytearray(path.read_bytes())
    content[4096 + 8 : 4096 + 3000] = b"\xff" * 2992
    path.write_bytes(content)
    store = Store(path)
    assert store.notice
    store.close()


def test_a_locked_file_is_not_damaged(tmp_path: Path) -> None:
    """Somebody else's transaction is waited for, and then told; the file is never set aside for it."""
    path = tmp_path / "agent.db"
    Store(path).close()
    path.chmod(0o600)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError):
        Store(path, wait_s=0.05)
    other.close()
    assert not (tmp_path / "agent.db.damaged-1").exists()


def test_a_value_of_another_version_is_dropped(tmp_path: Path) -> None:
    """What this agent cannot read is forgotten, and the rest stays."""
    path = tmp_path / "agent.db"
    saved(path)
    connection = sqlite3.connect(path)
    connection.execute('UPDATE assignments SET value = \'{"node": "pi-1", "novelty": 1}\'')
    connection.commit()
    connection.close()
    node = reopened(path)
    assert node.assignment.generation == 0
    assert node.epoch == 7
