"""Debounce and hold, as tables and as properties. Times are small whole numbers of nanoseconds: only their order matters."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.desired import SensorSpec
from sensors.edges import Chain, Sensed, fresh, observe, settle
from sensors.levels import Debounce
from sensors.stage import NS_PER_S, Reading

ON, OFF = True, False
LATER = 10_000
EDGES = ("pressed", "released")


def button(debounce: int = 0, hold: int = 0) -> Chain:
    return fresh(
        SensorSpec("bell", "porch", "button", {"pin": 17, "debounce": debounce / NS_PER_S, "hold": hold / NS_PER_S})
    )


def run(state: Chain, readings: list[tuple[int, bool]], until: int = LATER) -> tuple[Chain, list[tuple[str, int]]]:
    """Feed an idle baseline, then the readings, then let time pass."""
    state, _ = observe(state, Reading("bell", OFF, 0))
    said: list[Sensed] = []
    for at, level in readings:
        state, sensed = observe(state, Reading("bell", level, at))
        said += sensed
    state, sensed = settle(state, until)
    return state, [(s.event, s.at_ns) for s in (*said, *sensed)]


@pytest.mark.parametrize(
    ("story", "debounce", "hold", "readings", "expected"),
    [
        ("nothing happens", 30, 0, "", ""),
        ("a press is said at once, with its own time", 30, 0, "+5", "pressed@5"),
        ("without debounce every edge counts", 0, 0, "+5 -6 +7", "pressed@5 released@6 pressed@7"),
        ("bounces of one press are one press", 30, 0, "+5 -6 +8", "pressed@5"),
        ("bounces of press and release", 30, 0, "+5 -6 +8 -90 +91 -92", "pressed@5 released@90"),
        ("a release lost in the window is said at its end", 30, 0, "+5 -6", "pressed@5 released@35"),
        ("the end of the window is outside it", 30, 0, "+5 -35", "pressed@5 released@35"),
        ("a late event opens a window of its own", 30, 0, "+5 -6 +40", "pressed@5 released@35 pressed@65"),
        ("a repeated level is no edge", 30, 0, "+5 +50 +60", "pressed@5"),
        ("an older reading is ignored", 0, 0, "+50 -40", "pressed@50"),
        ("two edges at one moment both count", 0, 0, "+5 -5", "pressed@5 released@5"),
        ("a hold is said once", 30, 100, "+5 -500", "pressed@5 held@105 released@500"),
        ("a short press is not held", 30, 100, "+5 -60", "pressed@5 released@60"),
        ("a release at the very end of the hold comes after it", 0, 100, "+5 -105", "pressed@5 held@105 released@105"),
        ("a hold shorter than the window waits for its end", 30, 10, "+5", "pressed@5 held@35"),
        ("a release inside the window ends a hold of the same length", 30, 30, "+5 -20", "pressed@5 released@35"),
        ("a bounce does not break a hold", 30, 100, "+5 -6 +7", "pressed@5 held@105"),
        ("a hold of nothing is never said", 30, 0, "+5", "pressed@5"),
    ],
)  # fmt: skip
def test_the_rule(story: str, debounce: int, hold: int, readings: str, expected: str) -> None:
    """Each row of the rule holds, to the nanosecond: `+5` is on at 5 ns, `-6` off at 6 ns."""
    read = [(int(word[1:]), word[0] == "+") for word in readings.split()]
    assert " ".join(f"{event}@{at}" for event, at in run(button(debounce, hold), read)[1]) == expected, story


def test_the_first_reading_is_the_baseline() -> None:
    """A button that is down when the agent starts was not pressed now, and is not held; letting go of it counts."""
    state, sensed = observe(button(hold=100), Reading("bell", ON, 7))
    assert (sensed, state.deadline_ns) == ((), None)
    assert settle(state, LATER)[1] == ()
    assert [s.event for s in observe(state, Reading("bell", OFF, 900))[1]] == ["released"]


def test_an_edge_at_the_end_of_the_window_is_said_without_waiting() -> None:
    """The reading itself brings the event; no later tick is needed."""
    state, _ = run(button(debounce=30), [(5, ON)], until=6)
    assert [s.event for s in observe(state, Reading("bell", OFF, 35))[1]] == ["released"]


def test_opening_a_pin_again_starts_afresh() -> None:
    """What was pending before a pin was opened again is forgotten, but counts stay."""
    state, _ = run(button(debounce=30, hold=100), [(5, ON), (6, OFF), (7, ON), (8, OFF)], until=10)
    state, sensed = observe(state, Reading("bell", ON, 50, opening=True))
    assert (sensed, state.deadline_ns, state.suppressed) == ((), None, 2)
    assert settle(state, LATER)[1] == ()


def test_an_edge_that_arrives_after_its_time_was_settled_counts_as_of_then() -> None:
    """A callback that was slow does not make an event before one that was already said."""
    state, _ = run(button(debounce=30), [(5, ON), (6, OFF)], until=40)
    state, _ = observe(state, Reading("bell", ON, 20))
    assert [(s.event, s.at_ns) for s in settle(state, LATER)[1]] == [("pressed", 65)]


def test_a_deadline_stands_only_while_something_is_pending() -> None:
    """A loop need not wake for a quiet window in which nothing was lost."""
    state, _ = run(button(debounce=30), [(5, ON)], until=6)
    assert state.deadline_ns is None
    state, _ = observe(state, Reading("bell", OFF, 7))
    assert state.deadline_ns == 35


def test_motion_and_line_have_no_hold() -> None:
    """Only kinds with a held event say it, whatever hold_s is."""
    for kind, events in (("motion", ["motion", "no-motion"]), ("line", ["line", "no-line"])):
        state = fresh(SensorSpec("eye", "porch", kind, {"pin": 4, "hold": 1e-9}))
        assert [event for event, _ in run(state, [(5, ON), (50, OFF)])[1]] == events


times = st.integers(min_value=0, max_value=60)
readings_in_order = st.lists(st.tuples(times, st.booleans()), max_size=25).map(
    lambda rs: sorted(rs, key=lambda r: r[0])
)
durations = st.integers(min_value=0, max_value=20)


def oracle(debounce: int, hold: int, readings: list[tuple[int, bool]]) -> list[tuple[str, int]]:
    """The rule told once more, one nanosecond after the other."""
    level = reported = OFF
    quiet_until, pressed_at, said = 0, None, []
    for t in range(100):
        for new in [level, *[new for at, new in readings if at == t]]:
            level = new
            if level != reported and t >= quiet_until:
                reported, quiet_until = level, t + debounce
                pressed_at = t if level else None
                said.append(("pressed" if level else "released", t))
            elif hold and pressed_at is not None and t == pressed_at + max(hold, debounce):
                pressed_at = None
                said.append(("held", t))
    return said


@given(durations, durations, readings_in_order)
def test_it_does_what_the_rule_says(debounce: int, hold: int, readings: list[tuple[int, bool]]) -> None:
    """For any readings in order, the events are those of the rule told one nanosecond after the other."""
    assert run(button(debounce, hold), readings)[1] == oracle(debounce, hold, readings)


@given(durations, durations, st.lists(st.tuples(times, st.booleans()), max_size=25))
def test_events_alternate_are_spaced_and_end_with_the_truth(
    debounce: int, hold: int, readings: list[tuple[int, bool]]
) -> None:
    """Also for readings out of order: on and off take turns, keep their distance, and agree with the last level once quiet."""
    state, said = run(button(debounce, hold), readings)
    edges = [(event, at) for event, at in said if event in EDGES]
    assert [event for event, _ in edges] == [EDGES[i % 2] for i in range(len(edges))]
    assert all(later - earlier >= debounce for (_, earlier), (_, later) in pairwise(edges))
    debounced = next(stage for stage in state.stages if isinstance(stage, Debounce))
    assert debounced.level == debounced.said == bool(len(edges) % 2)
    if debounce:
        assert len(edges) <= (60 + debounce) // debounce + 1


@given(durations, readings_in_order)
def test_every_edge_is_reported_or_counted(debounce: int, readings: list[tuple[int, bool]]) -> None:
    """Once quiet, edges = reported + suppressed: nothing disappears without a trace."""
    levels = [OFF, *[level for _, level in readings]]
    edges = sum(a != b for a, b in pairwise(levels))
    state, said = run(button(debounce), readings)
    assert edges == len(said) + state.suppressed


@given(durations, durations, readings_in_order, st.data())
def test_when_the_loop_settles_makes_no_difference(
    debounce: int, hold: int, readings: list[tuple[int, bool]], data: st.DataObject
) -> None:
    """The same readings give the same events, however often the loop looks at the clock in between."""
    state, _ = observe(button(debounce, hold), Reading("bell", OFF, 0))
    said: list[Sensed] = []
    last = 0
    for at, level in readings:
        for now in sorted(data.draw(st.lists(st.integers(last, at), max_size=3))):
            state, sensed = settle(state, now)
            said += sensed
        state, sensed = observe(state, Reading("bell", level, at))
        said += sensed
        last = at
    state, sensed = settle(state, LATER)
    assert [(s.event, s.at_ns) for s in (*said, *sensed)] == run(button(debounce, hold), readings)[1]


@given(durations, durations, readings_in_order)
def test_settling_twice_says_nothing_new(debounce: int, hold: int, readings: list[tuple[int, bool]]) -> None:
    """A tick that is repeated, or goes back, changes nothing."""
    state, _ = run(button(debounce, hold), readings)
    assert settle(state, LATER) == (state, ())
    assert settle(replace(state, settled_ns=LATER), 0) == (state, ())
