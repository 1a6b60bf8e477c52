"""The filters of what is measured, each as a table and together as properties."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.edges import Chain, observe, settle
from sensors.numbers import Deadband, Median, Pace, Threshold
from sensors.stage import Reading, Stage

LATER = 10_000
NAMED = Threshold("above", "below")


def told(stages: tuple[Stage, ...], readings: str, begin: float = 20.0) -> tuple[Chain, str]:
    """What is said of `value@time …` after a baseline."""
    chain, said = observe(Chain("room", (*stages,)), Reading("room", begin, 0, opening=True))
    for word in readings.split():
        value, _, at = word.partition("@")
        chain, more = observe(chain, Reading("room", float(value), int(at)))
        said += more
    chain, more = settle(chain, LATER)
    return chain, " ".join(f"{s.event}={s.value:g}@{s.at_ns}" for s in (*said, *more))


@pytest.mark.parametrize(
    ("story", "stage", "readings", "expected", "suppressed"),
    [
        ("one wrong reading is taken out", Median(3), "20@1 85@2 20@3", "20@1 20@2 20@3", 0),
        ("a step is followed one reading late", Median(3), "30@1 30@2", "25@1 30@2", 0),
        ("the first goes at once, the newest when the time is over", Pace(50), "1@5 2@10 3@20", "1@5 3@55", 1),
        ("after a rest the next goes at once", Pace(50), "1@5 2@80", "1@5 2@80", 0),
        ("what waited opens a time of its own", Pace(50), "1@5 2@10 3@60", "1@5 2@55 3@105", 0),
        ("what hardly differs is swallowed", Deadband(0.5), "20.4@1 20.5@2 20.1@3 20@4", "20.5@2 20@4", 2),
        ("drift adds up against the last that was said", Deadband(1), "20.6@1 21.2@2 21.8@3 22.4@4", "21.2@2 22.4@4", 2),
    ],
)  # fmt: skip
def test_filters(story: str, stage: Stage, readings: str, expected: str, suppressed: int) -> None:
    """Each row of the rule holds, and what was swallowed is counted."""
    chain, words = told((stage, NAMED), readings)
    assert (words.replace("changed=", ""), chain.suppressed) == (expected, suppressed), story


@pytest.mark.parametrize(
    ("story", "readings", "expected"),
    [
        ("it goes over at the threshold", "29@1 30@2", "above=30@2"),
        ("it is under only below the hysteresis", "31@1 29@2 28@3 27.9@4", "above=31@1 below=27.9@4"),
        ("noise around the threshold is one crossing", "30@1 29.5@2 30.2@3 29@4", "above=30@1"),
        ("it may cross again", "30@1 20@2 30@3", "above=30@1 below=20@2 above=30@3"),
    ],
)
def test_thresholds(story: str, readings: str, expected: str) -> None:
    """At 30 with a hysteresis of 2, beside the change of every value."""
    _, words = told((Threshold("above", "below", 30.0, 2.0),), readings)
    assert " ".join(word for word in words.split() if not word.startswith("changed")) == expected, story
    assert words.count("changed") == len(readings.split())


def test_what_was_over_at_the_opening_did_not_go_over_now() -> None:
    """A room that is hot when the agent starts is no event; that it cools down is one."""
    _, words = told((Threshold("above", "below", 30.0),), "35@1 20@2", begin=33.0)
    assert words == "changed=35@1 changed=20@2 below=20@2"


values = st.floats(min_value=-50, max_value=50, allow_nan=False).map(lambda value: round(value, 1))
series = st.lists(st.tuples(values, st.integers(1, 30)), max_size=20)


@given(series, st.integers(1, 60), st.floats(0, 5))
def test_the_last_value_is_known_within_the_deadband(steps: list[tuple[float, int]], every_ns: int, by: float) -> None:
    """Whatever is swallowed on the way, what was said last is as near to the truth as the deadband allows, and never early."""
    at, readings = 0, []
    for value, pause in steps:
        at += pause
        readings.append(f"{value}@{at}")
    _, words = told((Pace(every_ns), Deadband(by), NAMED), " ".join(readings))
    said = [(float(word.split("=")[1].split("@")[0]), int(word.split("@")[1])) for word in words.split()]
    assert all(later[1] - earlier[1] >= every_ns for earlier, later in pairwise(said))
    truth, known = (steps[-1][0] if steps else 20.0), (said[-1][0] if said else 20.0)
    assert abs(truth - known) < by or truth == known
