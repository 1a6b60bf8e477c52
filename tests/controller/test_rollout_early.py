"""Whoever asks before its batch has begun, or while its rollout is paused, need not ask again."""

from __future__ import annotations

from protocol.operator import OrderVerb
from tests.controller.gradual import SERVICE, Bed


def test_the_next_batch_begins_without_another_asking() -> None:
    """All have asked at the beginning; when the canary is well, the others are granted in that very turn."""
    bed = Bed(3, "{canary: {count: 1}}", parallelism="2")
    assert bed.ask() == ["pi-1"]
    bed.end("pi-1")
    assert bed.begin() == ["pi-2", "pi-3"]


def test_a_promoted_batch_begins_with_the_word() -> None:
    """The operator confirms, and whoever asked meanwhile begins."""
    bed = Bed(3, "{canary: {count: 1, promote: confirm}}", parallelism="1")
    assert bed.ask() == ["pi-1"]
    bed.end("pi-1")
    assert bed.ask() == []
    assert bed.desk.order(OrderVerb.ROLLOUT_CONFIRM, SERVICE)
    assert bed.begin() == ["pi-2"]


def test_a_rollout_that_goes_on_serves_whoever_asked_during_the_pause() -> None:
    """In the order of asking, and within the budget."""
    bed = Bed(3, parallelism="1")
    bed.desk.order(OrderVerb.ROLLOUT_PAUSE, SERVICE)
    assert bed.ask() == []
    assert bed.desk.order(OrderVerb.ROLLOUT_RESUME, SERVICE, key="o2")
    assert bed.begin() == ["pi-1"]


def test_an_old_asking_begins_nothing() -> None:
    """A node takes a grant for an answer for half a minute only."""
    bed = Bed(3, "{canary: {count: 1}}", parallelism="2")
    assert bed.ask() == ["pi-1"]
    bed.desk.turn(16.0)
    bed.end("pi-1")
    assert bed.begin() == []
    assert bed.ask() == ["pi-2", "pi-3"]


def test_those_of_a_later_batch_are_kept_on() -> None:
    """One batch after the other, all of one asking."""
    extra = "{batches: [{name: one, count: 1}, {name: two, count: 1}]}"
    bed = Bed(3, extra, parallelism="2")
    assert bed.ask() == ["pi-1"]
    bed.end("pi-1")
    assert bed.begin() == ["pi-2"]
    bed.end("pi-2")
    assert bed.begin() == ["pi-3"]
