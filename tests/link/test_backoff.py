"""Pauses between dials."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from link.backoff import Pace, after, pause_s

PACE = Pace()
CHANCES = st.floats(0, 1, exclude_max=True)


@given(st.lists(CHANCES, max_size=30))
def test_a_pause_is_never_shorter_than_the_least_nor_longer_than_the_most(chances: list[float]) -> None:
    """Whatever chance says, 1 to 60 s."""
    last_s = 0.0
    for chance in chances:
        last_s = pause_s(PACE, last_s, chance)
        assert PACE.least_s <= last_s <= PACE.most_s


def test_pauses_grow_to_the_most_and_differ_between_nodes() -> None:
    """Ten failures with middling luck reach a minute's range; two nodes with other luck wait for other times."""
    lucky = unlucky = 0.0
    for _ in range(10):
        lucky, unlucky = pause_s(PACE, lucky, 0.5), pause_s(PACE, unlucky, 0.9)
    assert lucky > 30
    assert unlucky == PACE.most_s
    assert pause_s(PACE, 10, 0.2) != pause_s(PACE, 10, 0.21)


def test_a_connection_that_lived_makes_the_next_failure_a_first_one() -> None:
    """After half a minute of life the pause starts small again; after less it goes on growing."""
    assert after(PACE, 50.0, lived_s=30.0, chance=0.9) < 3.0
    assert after(PACE, 50.0, lived_s=29.9, chance=0.9) > 30.0
