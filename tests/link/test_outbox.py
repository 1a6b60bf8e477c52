"""Facts wait, in order and within bounds, until their receiver has them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from link.courier import WINDOW
from link.intake import BEYOND_LIMIT, Intake
from link.outbox import REFUSED_ROWS, TOO_MANY, TOO_OLD, Outbox, OutboxBounds, Row, row_of
from protocol.desired import Ack
from protocol.envelope import FactMark, Packet, Received, pack, unpack
from protocol.observed import SensorEvent
from protocol.topics import EventTopic


def outbox(rows: int = 1000, size_bytes: int = 10**6, age_s: float = 3600) -> Outbox:
    return Outbox(sqlite3.connect(":memory:"), OutboxBounds(rows, size_bytes, age_s))


def row(sequence: int, **changed: object) -> Row:
    return Row(**{"sequence": sequence, "topic": "x/1", "payload": b"p", **changed})  # type: ignore[arg-type]


def sequences(box: Outbox, limit: int = WINDOW) -> list[int]:
    return [found.sequence for found in box.outstanding(limit)]


def test_an_event_comes_back_as_it_was_with_its_place_in_the_stream() -> None:
    """Packed, kept, sent and read: the same event, marked with stream, sequence and base."""
    box = outbox()
    event = SensorEvent(
        box.stream, 1, "pi-1", "door", "opened", "2026-01-01T00:00:00Z", "boot", 7, value={"ü": [1, None]}
    )
    packet = pack(EventTopic("f", "pi-1", "door"), event)
    assert isinstance(packet, Packet)
    box.add([row_of(1, packet)])
    (kept,) = box.outstanding(1)
    received = unpack(box.packet(kept))
    assert isinstance(received, Received)
    assert received.message == event
    assert received.mark == FactMark(box.stream, 1, 1)


def test_stream_sequence_and_drops_outlive_the_process(tmp_path: Path) -> None:
    """A second opening finds the same stream, the next sequence, the rows and the counts."""
    with sqlite3.connect(tmp_path / "a.db") as connection:
        box = Outbox(connection, OutboxBounds(rows=2))
        box.add([row(n) for n in (1, 2, 3)])
        box.acknowledge(Ack(box.stream, 3))
    again = Outbox(sqlite3.connect(tmp_path / "a.db"))
    assert (again.stream, again.next_sequence, again.size, dict(again.dropped)) == (box.stream, 4, 0, {TOO_MANY: 1})
    assert Outbox(sqlite3.connect(tmp_path / "b.db")).stream != box.stream


def test_the_transaction_is_the_owner_s() -> None:
    """What is rolled back was never accepted."""
    connection = sqlite3.connect(":memory:")
    Outbox(connection)
    connection.commit()
    Outbox(connection).add([row(1)])
    connection.rollback()
    assert Outbox(connection).size == 0


def test_the_urgent_go_first_and_the_lowest_is_always_among_them() -> None:
    """Order is (priority, sequence); the base row is never starved by a stream of urgent ones."""
    box = outbox()
    box.add([row(1, priority=9), *(row(n, priority=1) for n in range(2, 100))])
    head = sequences(box)
    assert head == [*range(2, 2 + WINDOW - 1), 1]
    assert sequences(box, 1000) == [*range(2, 100), 1]


def test_an_acknowledgement_frees_what_it_covers_and_moves_the_base() -> None:
    """Up to the watermark, and those named beyond it; another stream's changes nothing."""
    box = outbox()
    assert box.base == 1
    box.add([row(n) for n in range(1, 8)])
    assert box.acknowledge(Ack("other", 7)) == 0
    assert box.acknowledge(Ack(box.stream, 2, (4, 6))) == 4
    assert (sequences(box), box.base, box.size) == ([3, 5, 7], 3, 3)
    assert box.acknowledge(Ack(box.stream, 7)) == 3
    assert (box.base, box.next_sequence, box.size, box.size_bytes) == (8, 8, 0, 0)


def test_what_lies_beyond_a_gap_is_forgotten_at_once() -> None:
    """However much of it an acknowledgement names, again and again until the gap is closed, it costs the store two statements."""
    said: list[str] = []
    connection = sqlite3.connect(":memory:")
    box = Outbox(connection, OutboxBounds(2000, 10**6, 3600))
    box.add([row(n) for n in range(1, BEYOND_LIMIT + 2)])
    connection.set_trace_callback(said.append)
    beyond = tuple(range(2, BEYOND_LIMIT + 2))
    assert [box.acknowledge(Ack(box.stream, 0, beyond)) for _ in range(2)] == [BEYOND_LIMIT, 0]
    assert len([one for one in said if one.startswith("DELETE")]) == 4


def test_a_newer_row_of_the_same_key_supersedes_the_older() -> None:
    """Only the last hello counts, and the older is no loss."""
    box = outbox()
    box.add([row(1, key="hello"), row(2), row(3, key="hello", payload=b"new")])
    assert [(r.sequence, r.payload) for r in box.outstanding(9)] == [(2, b"p"), (3, b"new")]
    assert box.dropped == {}


def test_a_full_outbox_drops_the_least_urgent_oldest_and_counts_it() -> None:
    """By rows and by bytes; a row too large for the whole box goes too."""
    box = outbox(rows=3)
    box.add([row(1, priority=1), row(2), row(3), row(4), row(5)])
    assert (sequences(box), box.dropped) == ([1, 4, 5], {TOO_MANY: 2})
    small = outbox(size_bytes=1000)
    small.add([row(1, payload=b"x" * 400), row(2, payload=b"x" * 400), row(3, payload=b"x" * 5000)])
    assert (sequences(small), small.size_bytes, small.dropped) == ([], 0, {TOO_MANY: 3})


def test_age_is_judged_only_for_rows_that_have_a_date() -> None:
    """A row accepted under a guessed clock stays, however old the clock makes it look."""
    box = outbox(age_s=60)
    box.add([row(1, accepted_at="2026-01-01T00:00:00Z"), row(2), row(3, accepted_at="2026-01-01T00:00:30Z")])
    assert box.expire("2026-01-01T00:01:20Z") == 1
    assert (sequences(box), box.dropped) == ([2, 3], {TOO_OLD: 1})


def test_a_poison_row_is_set_aside_and_counted() -> None:
    """It leaves the way free, and a person can still look at the newest hundred."""
    connection = sqlite3.connect(":memory:")
    box = Outbox(connection)
    box.add([row(n) for n in range(1, 151)])
    for sequence in range(1, 121):
        box.refuse(sequence, "too large")
    box.refuse(7, "too large")
    assert box.dropped == {"too large": 120}
    assert box.base == 121
    kept = connection.execute("SELECT count(*), min(sequence) FROM outbox_refused").fetchone()
    assert kept == (REFUSED_ROWS, 21)


ADDS = st.tuples(st.just("add"), st.integers(0, 9), st.sampled_from(["", "", "", "k"]))
STEPS = st.lists(
    ADDS | st.tuples(st.sampled_from(["send", "ack", "lose"]), st.integers(0, 9), st.just("")), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_outbox_and_intake_together_lose_nothing_and_repeat_nothing(steps: list[tuple[str, int, str]]) -> None:
    """Any mix of adding, sending (again), acknowledging and losing messages ends with every fact handled once."""
    box, intake, handled, superseded = outbox(), Intake(), [], 0
    for what, number, key in steps:
        match what:
            case "add":
                before = box.size
                box.add([row(box.next_sequence, priority=number, key=key)])
                superseded += before + 1 - box.size
            case "send":
                for found in box.outstanding(WINDOW)[number:]:
                    intake, is_new = intake.seen(FactMark(box.stream, found.sequence, box.base))
                    handled += [found.sequence] * is_new
            case "ack":
                box.acknowledge(intake.ack(box.stream))
    while box.size:
        for found in box.outstanding(WINDOW):
            intake, is_new = intake.seen(FactMark(box.stream, found.sequence, box.base))
            handled += [found.sequence] * is_new
        box.acknowledge(intake.ack(box.stream))
    assert len(handled) == len(set(handled))
    assert box.next_sequence - 1 - superseded <= len(handled) <= box.next_sequence - 1
    assert box.dropped == {}


def test_a_copied_outbox_begins_a_stream_of_its_own_on_another_machine(tmp_path: Path) -> None:
    """Both copies go on counting; under one stream the receiver would take the facts of one for the other's."""
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    box = Outbox(connection)
    assert not box.settle_on("board-1")
    box.add([row(1)])
    before = box.stream
    assert not box.settle_on("board-1")
    assert not box.settle_on("")
    assert box.stream == before
    assert box.settle_on("board-2")
    assert box.stream != before
    assert (box.size, box.next_sequence) == (1, 2)
    again = Outbox(connection)
    assert again.stream == box.stream
    assert not again.settle_on("board-2")
