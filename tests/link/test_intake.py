"""The receiver's memory: once, whatever the order and however often."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from link.intake import BEYOND_LIMIT, Intake
from protocol.envelope import FactMark
from protocol.shapes import INT_LIMIT

SEQUENCES = st.integers(1, 40)


def taken(marks: list[FactMark], intake: Intake | None = None) -> tuple[Intake, list[int]]:
    """Feed marks; the intake and the sequences that were new, in order."""
    kept, new = intake or Intake(), []
    for mark in marks:
        kept, is_new = kept.seen(mark)
        if is_new:
            new.append(mark.sequence)
    return kept, new


def mark(sequence: int, base: int = 1) -> FactMark:
    return FactMark("s", sequence, min(base, sequence))


@given(st.lists(SEQUENCES, max_size=100))
def test_each_fact_is_new_exactly_once(sequences: list[int]) -> None:
    """Repeated and reordered at will, every sequence is accepted once."""
    _, new = taken([mark(s) for s in sequences])
    assert sorted(new) == sorted(set(sequences))


@given(st.sets(SEQUENCES), st.randoms())
def test_the_order_makes_no_difference(sequences: set[int], chances: random.Random) -> None:
    """Any order of the same facts ends in the same memory."""
    shuffled = list(sequences)
    chances.shuffle(shuffled)
    assert taken([mark(s) for s in shuffled])[0] == taken([mark(s) for s in sorted(sequences)])[0]


@given(st.lists(st.tuples(SEQUENCES, st.integers(1, 40)), max_size=60))
def test_what_was_seen_stays_seen(pairs: list[tuple[int, int]]) -> None:
    """With bases that jump, no sequence is accepted twice, the watermark never falls, and seeing again changes nothing."""
    intake = Intake()
    new: list[int] = []
    for sequence, base in pairs:
        after, is_new = intake.seen(mark(sequence, base))
        assert after.upto >= intake.upto
        assert after.seen(mark(sequence, base)) == (after, False)
        assert list(after.beyond) == sorted(set(after.beyond))
        assert all(s > after.upto + 1 for s in after.beyond)
        new += [sequence] * is_new
        intake = after
    assert len(new) == len(set(new))


@given(st.lists(SEQUENCES, max_size=60))
def test_an_acknowledgement_covers_exactly_what_was_taken(sequences: list[int]) -> None:
    """The sender may forget those, and only those."""
    intake, new = taken([mark(s) for s in sequences])
    ack = intake.ack("s")
    assert {s for s in range(1, 41) if s <= ack.upto or s in ack.beyond} == set(new)


def test_the_base_jumps_over_what_the_sender_dropped() -> None:
    """A sender that is done with everything below 100 leaves no gap to wait for."""
    intake, new = taken([mark(1), mark(5), mark(100, base=100)])
    assert (intake, new) == (Intake(100), [1, 5, 100])


def test_the_gap_is_bounded_and_closes() -> None:
    """Beyond the limit facts are left for later, unacknowledged; the missing one brings all of them in."""
    far = [mark(s) for s in range(2, BEYOND_LIMIT + 12)]
    intake, new = taken(far)
    assert len(intake.beyond) == len(new) == BEYOND_LIMIT
    assert BEYOND_LIMIT + 5 not in intake.ack("s").beyond
    intake, more = taken([mark(1), *far], intake)
    assert intake == Intake(BEYOND_LIMIT + 11)
    assert sorted(new + more) == list(range(1, BEYOND_LIMIT + 12))


def test_a_mark_that_no_sender_of_ours_makes_changes_nothing() -> None:
    """A base above its sequence, zero, or a number no store can hold."""
    for wrong in (FactMark("s", 1, 2), FactMark("s", 0, 0), FactMark("s", 5, 0), FactMark("s", INT_LIMIT + 1, 1)):
        assert Intake(3).seen(wrong) == (Intake(3), False)
