"""A schedule comes at its local time, whatever a zone does with its clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.cron import LONGEST_CHARS, WORDS, next_after, validate

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    UTC,
    *map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata")),
]


def after(expression: str, moment: str, zone: ZoneInfo = BERLIN) -> str:
    """The next time as people of the zone read it."""
    at = next_after(expression, datetime.fromisoformat(moment).timestamp(), zone)
    return datetime.fromtimestamp(at, zone).isoformat()


NEXT = [
    ("30 4 * * *", "2026-05-01T12:00+02:00", "2026-05-02T04:30:00+02:00"),
    ("30 4 * * *", "2026-05-02T04:29:59+02:00", "2026-05-02T04:30:00+02:00"),
    ("30 4 * * *", "2026-05-02T04:30:00+02:00", "2026-05-03T04:30:00+02:00"),
    ("*/15 * * * *", "2026-05-01T12:01+02:00", "2026-05-01T12:15:00+02:00"),
    ("0 9 * * MON-FRI", "2026-05-01T12:00+02:00", "2026-05-04T09:00:00+02:00"),
    ("0 0 29 2 *", "2026-05-01T12:00+02:00", "2028-02-29T00:00:00+01:00"),
    ("0 12 1 * 5", "2026-05-01T13:00+02:00", "2026-05-08T12:00:00+02:00"),  # the first of a month, and each Friday
    ("0 0 L * *", "2026-05-01T12:00+02:00", "2026-05-31T00:00:00+02:00"),
    ("@weekly", "2026-05-01T12:00+02:00", "2026-05-03T00:00:00+02:00"),
    # 29 March 2026, 02:00 becomes 03:00.
    ("30 2 * * *", "2026-03-29T01:00+01:00", "2026-03-29T03:00:00+02:00"),
    ("30 2 * * *", "2026-03-29T03:00+02:00", "2026-03-30T02:30:00+02:00"),
    ("30 * * * *", "2026-03-29T01:45+01:00", "2026-03-29T03:30:00+02:00"),
    # 25 October 2026, 03:00 becomes 02:00.
    ("30 2 * * *", "2026-10-25T01:00+02:00", "2026-10-25T02:30:00+02:00"),
    ("30 2 * * *", "2026-10-25T02:30+02:00", "2026-10-26T02:30:00+01:00"),
    ("30 2 * * *", "2026-10-25T02:10+01:00", "2026-10-26T02:30:00+01:00"),
    ("30 * * * *", "2026-10-25T02:30+02:00", "2026-10-25T02:30:00+01:00"),
]


@pytest.mark.parametrize(("expression", "moment", "says"), NEXT)
def test_the_next_time_is_local_time(expression: str, moment: str, says: str) -> None:
    """Fields, words, and both nights on which Berlin turns its clocks."""
    assert after(expression, moment) == says


REFUSED = [
    ("", "write five fields"),
    ("* * * *", "write five fields"),
    ("* * * * * *", "write five fields"),
    ("@fortnightly", "write five fields"),
    ("61 * * * *", "its minute cannot be read"),
    ("0 25 * * *", "its hour cannot be read"),
    ("0 0 0 * *", "its day-of-month cannot be read"),
    ("0 0 * 13 *", "its month cannot be read"),
    ("0 0 * * XYZ", "its day-of-week cannot be read"),
    ("0 0 30 2 *", "its day-of-month cannot be read"),
    ("*/0 * * * *", "its minute cannot be read"),
    ("²  * * * *", "its minute cannot be read"),
    ("0,1" * LONGEST_CHARS + " * * * *", "at most 200 characters"),
]


@pytest.mark.parametrize(("expression", "says"), REFUSED)
def test_what_is_no_schedule_says_why(expression: str, says: str) -> None:
    """One sentence with the field that is wrong."""
    assert says in validate(expression)


@pytest.mark.parametrize("expression", [*WORDS, *(expression for expression, _, _ in NEXT)])
def test_a_schedule_has_no_fault(expression: str) -> None:
    """What the other tests use is valid."""
    assert validate(expression) == ""


EXPRESSIONS = st.builds(
    "{} {} {} {} {}".format,
    st.one_of(
        st.just("*"),
        st.just("*/7"),
        st.integers(0, 59),
        st.builds("{},{}".format, st.integers(0, 59), st.integers(0, 59)),
    ),
    st.one_of(st.just("*"), st.just("*/5"), st.integers(0, 23), st.just("1-3")),
    st.one_of(st.just("*"), st.integers(1, 28), st.just("L")),
    st.one_of(st.just("*"), st.integers(1, 12), st.just("3,10")),
    st.one_of(st.just("*"), st.integers(0, 7), st.just("MON-WED")),
)
MOMENTS = st.floats(0, 4e9, allow_nan=False)


@given(EXPRESSIONS, MOMENTS, st.sampled_from(ZONES))
def test_time_goes_forward_and_nothing_is_left_out(expression: str, moment: float, zone: ZoneInfo) -> None:
    """The next time is later, a whole minute, and stays the next until it comes."""
    assert validate(expression) == ""
    at = next_after(expression, moment, zone)
    assert at > moment
    assert at % 60 == 0
    assert next_after(expression, (moment + at) / 2, zone) == at


@given(
    st.integers(0, 59),
    st.integers(0, 23),
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),
    st.sampled_from(ZONES),
)
def test_a_daily_schedule_comes_once_a_day(minute: int, hour: int, day: datetime, zone: ZoneInfo) -> None:
    """Each local day has exactly one, also where it has 23, 24½ or 25 hours."""
    start = day.replace(hour=0, minute=0, second=0, microsecond=0)
    before = (start - timedelta(days=1)).replace(hour=23, minute=59, tzinfo=zone).timestamp()
    days = []
    for _ in range(4):
        before = next_after(f"{minute} {hour} * * *", before, zone)
        days.append(datetime.fromtimestamp(before, zone).date())
    assert days == [(start + timedelta(days=n)).date() for n in range(4)]


@given(st.text(alphabet="0123456789*/,-LW#MONFRI @dailyß²", max_size=30))
def test_no_text_makes_it_raise(expression: str) -> None:
    """A sentence or nothing; and what has none comes one day."""
    if not validate(expression):
        assert next_after(expression, 0.0, UTC) > 0
