"""Durations and windows are said in one way by everybody."""

from __future__ import annotations

import pytest

from protocol.durations import roughly, said, window


@pytest.mark.parametrize(
    ("seconds", "exactly", "about"),
    [
        (0.05, "0.05 s", "0 s"), (1, "1 s", "1 s"), (90, "1 min 30 s", "90 s"), (150, "2 min 30 s", "2 min"),
        (3600, "1 h", "60 min"), (34_000, "9 h 26 min", "9 h"), (86_400, "1 d", "24 h"), (200_000, "2 d 7 h", "2 d"),
    ],
)  # fmt: skip
def test_a_duration_is_said_in_the_units_that_matter(seconds: float, exactly: str, about: str) -> None:
    """Two of them where it is known; one, of which there are two at least, where it is foretold."""
    assert said(seconds) == exactly
    assert roughly(seconds) == about


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("0 2 * * *", "02:00 for 3 h"), ("30 22 * * *", "22:30 for 3 h"), ("0 22 * * fri", "0 22 * * fri for 3 h"),
        ("*/5 2 * * *", "*/5 2 * * * for 3 h"), ("@daily", "@daily for 3 h"),
    ],
)  # fmt: skip
def test_a_window_is_said_by_its_time_where_it_has_one(schedule: str, words: str) -> None:
    """Any other schedule as it was written."""
    assert window(schedule, 10_800.0) == words
