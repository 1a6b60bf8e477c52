"""How many instances of a warm function there are, and where: by load, with hysteresis, within bounds, also none."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decide.scaling import CHANGE_EVERY_S, FEWER_AFTER_S, Scaling, needed, spread, wanted
from protocol.function import Scale

SCALE = Scale(min=0, max=4, target=2, zero_after_s=300.0)


def lived(scale: Scale, story: list[tuple[float, int]], has: int = 0) -> list[tuple[float, int]]:
    """The changes of a function's count, if its load is so from these moments on and each is looked at, and what it asks for."""
    scaling, changes, now, looks = Scaling(), [], 0.0, 0
    moments = [*story[1:], (story[-1][0] + 3600.0, story[-1][1])]
    for (at, load), (until, _) in zip(story, moments, strict=True):
        now = at
        while now < until:
            looks += 1
            found = wanted(scale, has, load, scaling, now)
            scaling = found.scaling
            if found.count != has:
                changes.append((now, found.count))
                has = found.count
            if found.look_mono_s is None:
                break
            assert found.look_mono_s > now
            now = found.look_mono_s
    assert looks < 100 * len(story)
    return changes


@pytest.mark.parametrize(
    ("load", "count"), [(0, 0), (1, 1), (2, 1), (3, 2), (8, 4), (800, 4)]
)  # fmt: skip
def test_it_takes_so_many_for_a_load(load: int, count: int) -> None:
    """`target` of it on each, up to `max`."""
    assert needed(SCALE, load) == count


def test_more_are_wanted_at_once_but_not_twice_within_seconds() -> None:
    """The first call starts one; what comes while that one starts is answered by the next look."""
    assert lived(SCALE, [(0.0, 1), (1.0, 8), (20.0, 8)]) == [(0.0, 1), (CHANGE_EVERY_S, 4)]


def test_fewer_are_wanted_when_fewer_would_have_done_for_a_while() -> None:
    """And then as many as were needed at most in that time."""
    story = [(0.0, 8), (10.0, 2), (40.0, 4), (50.0, 1)]
    assert lived(SCALE, story) == [(0.0, 4), (10.0 + FEWER_AFTER_S, 3), (10.0 + 2 * FEWER_AFTER_S + CHANGE_EVERY_S, 1)]


def test_a_burst_begins_the_while_anew() -> None:
    """Load that comes every half minute keeps its instances."""
    story = [(float(at), 8 if at % 60 == 0 else 0) for at in range(0, 600, 30)]
    assert lived(SCALE, [*story, (600.0, 8)]) == [(0.0, 4)]


def test_load_at_the_edge_of_a_step_does_not_go_up_and_down_it() -> None:
    """Three on two instances, or two and a half on average: it stays at two."""
    story = [(10.0 * at, 3 if at % 30 == 0 else 2) for at in range(400)]
    assert lived(SCALE, story)[0] == (0.0, 2)
    assert lived(SCALE, [(0.0, 3), *((100.0 * at, 2) for at in range(1, 20))]) == [(0.0, 2)]


def test_the_last_one_goes_only_after_zero_after() -> None:
    """An idle function keeps one for so long, and begins from nothing with the next call."""
    story = [(0.0, 8), (10.0, 0), (1000.0, 1)]
    assert lived(SCALE, story) == [(0.0, 4), (10.0 + FEWER_AFTER_S, 1), (310.0, 0), (1000.0, 1)]


def test_min_is_kept_without_any_load() -> None:
    """At once, and for ever."""
    assert lived(Scale(min=2, max=4, zero_after_s=10.0), [(0.0, 0)]) == [(0.0, 2)]


def test_a_smaller_max_is_heeded_at_once() -> None:
    """The manifest said so."""
    assert lived(SCALE, [(0.0, 80)], has=9) == [(0.0, 4)]


ROUNDING_S = 1e-9
"""What sums of seconds may differ by."""

Loads = st.lists(st.tuples(st.floats(0.5, 200.0), st.integers(0, 40)), min_size=1, max_size=40)


@given(Loads, st.integers(0, 3), st.integers(3, 9), st.integers(1, 5), st.floats(1.0, 400.0))
def test_any_load_keeps_the_bounds_and_lets_counts_hold_still(
    steps: list[tuple[float, int]], least: int, most: int, target: int, zero_s: float
) -> None:
    """Never beyond min and max, never two changes within seconds, and in the end as many as are needed, with a little to spare."""
    scale, at, story = Scale(min=least, max=most, target=target, zero_after_s=zero_s), 0.0, []
    for pause, load in steps:
        story.append((at, load))
        at += pause
    changes = lived(scale, story)
    assert all(least <= count <= most for _, count in changes)
    assert all(b - a >= CHANGE_EVERY_S - ROUNDING_S for (a, _), (b, _) in pairwise(changes))
    last, load = changes[-1][1] if changes else 0, steps[-1][1]
    assert needed(scale, load) <= last <= max(needed(scale, load * 1.25), 0)


Kept = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 5))
Busy = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 50))


@given(st.integers(0, 30), Kept, Busy, st.integers(1, 4))
def test_they_are_spread_without_moving_what_stays(
    count: int, kept: dict[str, int], busy: dict[str, int], most: int
) -> None:
    """As many as are wanted and fit, none beyond a node's most, and no node loses one while another gains one."""
    after = spread(count, kept, busy, most)
    assert sum(after.values()) == min(count, most * len(busy))
    assert all(0 < held <= most and node in busy for node, held in after.items())
    before = {node: min(most, kept.get(node, 0)) for node in busy}
    changes = {after.get(node, 0) - before[node] for node in busy}
    assert not (max(changes, default=0) > 0 > min(changes, default=0))


def test_the_first_goes_where_work_is_and_the_next_where_least_are() -> None:
    """On a busy node one runs on demand already; then the nodes get one each before any gets two."""
    busy = {"a": 0, "b": 3, "c": 1}
    assert spread(1, {}, busy, 2) == {"b": 1}
    assert spread(2, {"b": 1}, busy, 2) == {"b": 1, "c": 1}
    assert spread(4, {"b": 1, "c": 1}, busy, 2) == {"a": 1, "b": 2, "c": 1}
    assert spread(1, {"a": 1, "b": 2, "c": 1}, busy, 2) == {"b": 1}


def test_of_equal_nodes_the_less_laden_has_more() -> None:
    """More go where fewer of all functions are ready, fewer are kept where most are; work counts before that."""
    idle, laden = {"a": 0, "b": 0, "c": 0}, {"a": 5, "b": 1}
    assert spread(2, {}, idle, 2, laden) == {"b": 1, "c": 1}
    assert spread(2, {"a": 1, "b": 1, "c": 1}, idle, 2, laden) == {"b": 1, "c": 1}
    assert spread(1, {}, {"a": 1, "b": 0}, 2, laden) == {"a": 1}
