"""Histories of one series: one fleet lives through them, and each is the same whoever asks for it."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from sim.cards import lose_card
from sim.fleet import SimFleet
from sim.history import LEAN, SHORT, Course, Plan, courses, history, series_of
from sim.steps import Recording, Replay
from sim.themes import RARE_EVERY
from sim.violation import ViolationError

USUAL = range(16, 24)
RARE = range((RARE_EVERY - 1) * SHORT.series, RARE_EVERY * SHORT.series)
"""The seeds of two series."""


def fleets(course: Course) -> int:
    """How many histories of its fleet a course ends."""
    return sum("heals everything" in line for line in course.trace)


def test_a_history_is_the_same_alone_and_among_others() -> None:
    """Byte for byte, whether all of its series were asked for, some, or it alone."""
    whole = list(courses(USUAL, SHORT))
    assert [course.seed for course in whole] == list(USUAL)
    assert history(USUAL[5], SHORT) == whole[5]
    assert list(courses(USUAL[2:4], SHORT)) == whole[2:4]
    assert len({course.digest for course in whole}) == len(whole)


def test_each_goes_on_from_where_the_one_before_came_to_rest() -> None:
    """Time, trace and faults go on, and what each had of them is told apart."""
    whole = list(courses(USUAL, SHORT))
    assert [fleets(course) for course in whole] == list(range(1, 1 + len(whole)))
    for before, after in pairwise(whole):
        assert after.trace[: len(before.trace)] == before.trace
        assert after.begun_s == pytest.approx(sum(course.seconds for course in whole[: whole.index(after)]))
    struck = [sum(" fate " in line and "heals" not in line for line in course.trace) for course in whole]
    assert struck == [sum(course.faults for course in whole[: number + 1]) for number in range(len(whole))]


def test_what_is_rare_has_a_fleet_for_each() -> None:
    """Copied cards and second controllers leave a fleet of which less can be asked."""
    assert [fleets(course) for course in courses(RARE[:3], SHORT)] == [1, 1, 1]


def test_a_long_history_is_a_series_of_its_own() -> None:
    """Its fleet has its own number."""
    assert [series_of(seed, Plan()) for seed in (1, 7, 8)] == [1, 7, 8]
    assert [series_of(seed, LEAN) for seed in (1, 7, 8)] == [1, 7, 8]
    assert [series_of(seed, SHORT) for seed in (1, 7, 8)] == [0, 0, 1]


def test_who_has_lost_what_only_he_knew_is_asked_for_no_more() -> None:
    """The next history of the series has another fleet."""
    first, second = courses(USUAL[:2], replace(SHORT, faults={lose_card: 1}, fault_every_s=0.5))
    assert first.faults
    assert [fleets(first), fleets(second)] == [1, 1]


def breaks(_fleet: SimFleet, _chances: random.Random) -> str:
    raise ViolationError("S0", "it was meant to")


def test_a_broken_promise_is_told_once_and_the_next_has_another_fleet() -> None:
    """Nothing of what was broken is there for the next."""
    first, second = courses(USUAL[:2], replace(SHORT, faults={breaks: 1}, fault_every_s=0.1))
    assert first.broken == second.broken == "S0: it was meant to"
    assert sum("S0" in line for line in second.trace) == 1


def test_a_replay_leaves_out_what_came_in_histories_before() -> None:
    """Their steps are recorded, too, and may be left out like its own."""
    before, recording = Recording(), Recording()
    history(USUAL[1], SHORT, before)
    recorded = history(USUAL[2], SHORT, recording)
    everything = frozenset(range(len(recording.moments)))
    assert recorded == history(USUAL[2], SHORT, Replay(recording, everything))
    own = frozenset(range(len(before.moments), len(recording.moments)))
    alone = history(USUAL[2], SHORT, Replay(recording, own))
    assert alone.faults == recorded.faults
    assert len(alone.trace) < len(recorded.trace)


def test_nothing_strikes_before_a_history_goes_on() -> None:
    """A short history that begins at rest is told from where faults and deeds come."""
    course = history(USUAL[0], SHORT)
    first = next(
        line for line in course.trace if line[11:].startswith(("fate", "operator   orders", "operator   calls"))
    )
    assert 0.0 < course.begun_s <= float(first[:10])
