"""Histories that share a beginning: the same as each by itself, and nothing that one does is there for the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sim.forks import ForkError, Forks
from sim.history import BEGINNINGS, LEAN, SHORT, Plan, beginning_of, history
from sim.themes import RARE, THEMES, theme_of

SEEDS = (1 + 2 * BEGINNINGS, 1 + 3 * BEGINNINGS, 1 + 4 * BEGINNINGS)
"""Three that share a beginning."""


@pytest.fixture
def forks() -> Iterator[Forks]:
    forks = Forks(SHORT)
    yield forks
    forks.close()


def test_a_forked_history_is_the_same_byte_for_byte(forks: Forks) -> None:
    """Whatever was lived through from that beginning before."""
    alone = {seed: history(seed, SHORT) for seed in SEEDS}
    assert {beginning_of(seed, SHORT) for seed in SEEDS} == {1}
    assert {seed: forks.course(seed) for seed in (*SEEDS, SEEDS[0])} == alone
    assert len({course.digest for course in alone.values()}) == len(SEEDS)


def test_histories_share_a_beginning_of_their_theme_or_none() -> None:
    """What is rare begins by itself, and so does every history that begins with an empty fleet."""
    for seed in range(10 * BEGINNINGS):
        shared = beginning_of(seed, SHORT)
        assert theme_of(shared) is theme_of(seed)
        assert shared == seed or (shared < BEGINNINGS and theme_of(seed) in THEMES)
        assert beginning_of(seed, LEAN) == beginning_of(seed, Plan()) == seed
    assert any(theme_of(seed) in RARE for seed in range(BEGINNINGS))


def test_what_a_process_of_a_history_says_last_is_told(forks: Forks) -> None:
    """A fault of the simulator itself ends the run with its own words and the seed."""
    forks.course(SEEDS[0])
    del forks._known[1].fleet.world.chances
    with pytest.raises(ForkError, match=r"seed 145: (?s:.*)Error"):
        forks.course(SEEDS[1])


def test_nothing_strikes_before_a_history_goes_on() -> None:
    """A short history that begins at rest is told from where faults and deeds come."""
    course = history(SEEDS[0], SHORT)
    first = next(
        line for line in course.trace if line[11:].startswith(("fate", "operator   orders", "operator   calls"))
    )
    assert 0.0 < course.begun_s <= float(first[:10])
