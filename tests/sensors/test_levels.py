"""Delays and clicks, as tables and as properties; debounce, words and holds are in test_edges.py."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.desired import SensorSpec
from sensors.edges import Chain, fresh, observe, settle
from sensors.stage import NS_PER_S, Reading

LATER = 10_000


def chain(**options_ns: int) -> Chain:
    options = {key: ns / NS_PER_S for key, ns in options_ns.items()}
    return fresh(SensorSpec("bell", "porch", "button", {"pin": 17, **options}))


def told(chain: Chain, readings: list[tuple[int, bool]], begin: bool = False) -> tuple[Chain, str]:
    """Everything that is said of readings after a baseline: `pressed@5 released@9`."""
    chain, said = observe(chain, Reading("bell", begin, 0, opening=True))
    for at, level in readings:
        chain, more = observe(chain, Reading("bell", level, at))
        said += more
    chain, more = settle(chain, LATER)
    words = [f"{s.event}@{s.at_ns}" + (f"={s.value}" if "click" in s.event else "") for s in (*said, *more)]
    return chain, " ".join(words)


def read(text: str) -> list[tuple[int, bool]]:
    return [(int(word[1:]), word[0] == "+") for word in text.split()]


@pytest.mark.parametrize(
    ("story", "options", "readings", "expected", "suppressed"),
    [
        ("a level counts when it has stood", {"settle": 30}, "+5", "pressed@35", 0),
        ("one that did not stand is swallowed", {"settle": 30}, "+5 -20", "", 2),
        ("at the very end it has stood", {"settle": 30}, "+5 -35", "pressed@35 released@65", 0),
        ("chatter waits for its last edge", {"settle": 30}, "+5 -6 +20", "pressed@50", 2),
        ("a delay of one level leaves the other alone", {"delayed_on": 30}, "+5 -40", "pressed@35 released@40", 0),
        ("an off that came back is swallowed", {"delayed_off": 30}, "+5 -40 +50 -60", "pressed@5 released@90", 2),
        (
            "a delay said overrides the settling",
            {"settle": 30, "delayed_off": 5},
            "+5 -40",
            "pressed@35 released@45",
            0,
        ),
        ("a debounce follows the delay", {"delayed_on": 10, "debounce": 50}, "+5 -20", "pressed@15 released@65", 0),
    ],
)
def test_delays(story: str, options: dict[str, int], readings: str, expected: str, suppressed: int) -> None:
    """Each row of the rule holds, to the nanosecond, and what was swallowed is counted."""
    done, words = told(chain(**options), read(readings))
    assert (words, done.suppressed) == (expected, suppressed), story


@pytest.mark.parametrize(
    ("story", "readings", "expected"),
    [
        ("one press is a click when the gap is over", "+5 -9", "pressed@5 released@9 click@109=1"),
        ("two are a double click", "+5 -9 +50 -60", "pressed@5 released@9 pressed@50 released@60 double-click@160=2"),
        (
            "three are a multi-click, and say that they were three",
            "+1 -2 +3 -4 +5 -6",
            "pressed@1 released@2 pressed@3 released@4 pressed@5 released@6 multi-click@106=3",
        ),
        (
            "a press at the end of the gap begins anew",
            "+5 -9 +109 -110",
            "pressed@5 released@9 click@109=1 pressed@109 released@110 click@210=1",
        ),
        ("a press that was held is no click", "+5 -900", "pressed@5 held@505 released@900"),
        (
            "a hold ends the count of those before it",
            "+5 -9 +50 -900",
            "pressed@5 released@9 pressed@50 held@550 released@900",
        ),
    ],
)
def test_clicks(story: str, readings: str, expected: str) -> None:
    """With a gap of 100 and a hold of 500: clicks come beside the edges, when nobody presses again."""
    assert told(chain(clicks=100, hold=500), read(readings))[1] == expected, story


def test_letting_go_of_what_was_down_at_the_opening_is_no_click() -> None:
    """Nobody saw that press begin."""
    assert told(chain(clicks=100, hold=500), read("-9"), begin=True)[1] == "released@9"


times = st.lists(st.integers(min_value=1, max_value=200), max_size=20, unique=True).map(sorted)


@given(times, st.integers(0, 30), st.integers(0, 30))
def test_every_level_that_stood_is_said_and_no_other(at: list[int], on_ns: int, off_ns: int) -> None:
    """Told once more: between any two said edges a level stood for its delay; edges in = edges said + swallowed."""
    readings = [(moment, place % 2 == 0) for place, moment in enumerate(at)]
    done, words = told(chain(delayed_on=on_ns, delayed_off=off_ns), readings)
    said = [(word.split("@")[0] == "pressed", int(word.split("@")[1])) for word in words.split()]
    assert [level for level, _ in said] == [place % 2 == 0 for place in range(len(said))]
    stood = [level for (moment, level), (until, _) in pairwise([*readings, (LATER, False)])
             if until - moment >= (on_ns if level else off_ns)]  # fmt: skip
    expected = [level for place, level in enumerate(stood) if level != (stood[place - 1] if place else False)]
    assert [level for level, _ in said] == expected
    assert len(readings) == len(said) + done.suppressed


@given(times, st.integers(1, 30))
def test_clicks_add_up_to_short_presses(at: list[int], gap_ns: int) -> None:
    """Every press that was let go is in exactly one click, however many of them there are."""
    readings = [(moment, place % 2 == 0) for place, moment in enumerate(at[: len(at) // 2 * 2])]
    words = told(chain(clicks=gap_ns), readings)[1].split()
    presses = sum(word.startswith("released") for word in words)
    assert sum(int(word.split("=")[1]) for word in words if "click" in word) == presses
