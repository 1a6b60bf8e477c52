"""Timestamps and durations of conditions in CEL: what the specification says of them, in every zone, and at their ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.cel import program as cel
from protocol.cel.times import (
    DURATION_MOST_S,
    FIELDS,
    Duration,
    Timestamp,
    field,
    read_duration,
    read_timestamp,
    read_zone,
)
from protocol.cel.values import FailedError
from protocol.refusal import Refusal


def answer(text: str, **attributes: str) -> bool | str:
    asked = cel.program(text)
    return f"!{asked}" if isinstance(asked, Refusal) else asked.answer(cel.event_of(attributes, {}))


AT = "timestamp('2009-02-13T23:31:30.123456789Z')"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("getFullYear()", 2009),
        ("getMonth()", 1),
        ("getDate()", 13),
        ("getDayOfMonth()", 12),
        ("getDayOfWeek()", 5),
        ("getDayOfYear()", 43),
        ("getHours()", 23),
        ("getMinutes()", 31),
        ("getSeconds()", 30),
        ("getMilliseconds()", 123),
        ("getDate('Australia/Sydney')", 14),
        ("getDayOfMonth('America/Chicago')", 12),
        ("getDayOfMonth('+11:00')", 13),
        ("getDayOfWeek('UTC')", 5),
        ("getDayOfYear('America/Chicago')", 43),
        ("getFullYear('-09:30')", 2009),
        ("getHours('02:00')", 1),
        ("getHours('+02:00')", 1),
        ("getMinutes('Asia/Kathmandu')", 16),
        ("getMonth('UTC')", 1),
        ("getSeconds('-00:00')", 30),
        ("getMilliseconds('Europe/Berlin')", 123),
    ],
)
def test_a_timestamp_has_the_fields_that_the_specification_says(text: str, value: int) -> None:
    """The examples of its conformance tests; a zone that comes from the event means the same."""
    assert answer(f"{AT}.{text} == {value}") is True
    if "'" in text:
        name, zone = text.removesuffix("')").split("('")
        assert answer(f"{AT}.{name}(event.node) == {value}", node=zone) is True


@pytest.mark.parametrize(
    "text",
    [
        "duration('10000s').getHours() == 2",
        "duration('3730s').getMinutes() == 62",
        "duration('-3730s').getMinutes() == -62",
        "duration('3730s').getSeconds() == 3730",
        "duration('123.321456789s').getMilliseconds() == 321",
        "duration('-1.5s').getMilliseconds() == -500",
        "duration('1h2m3.5s4ms5us6ns') == duration('3723504005006ns')",
        "duration('1µs') == duration('1μs') && duration('.5s') == duration('500ms') && duration('1.s') == duration('+1s')",
        "duration('0') == duration('0s') && duration('0.9999999999s') < duration('1s')",
        "string(duration('1000000s')) == '1000000s' && string(duration('-90m')) == '-5400s'",
        "string(duration('0.25s')) == '0.25s' && string(duration('-1ns')) == '-0.000000001s'",
        "duration(duration('1s')) == duration('1s')",
        "duration(string(duration('1h'))) == duration('1h')",
        "int(timestamp('2009-02-13T23:31:30.9Z')) == 1234567890 && int(timestamp('1969-12-31T23:59:59.5Z')) == -1",
        "string(timestamp('2009-02-13T23:31:30Z')) == '2009-02-13T23:31:30Z'",
        "string(timestamp('2020-01-01T02:00:00+02:00')) == '2020-01-01T00:00:00Z'",
        "string(timestamp('9999-12-31T23:59:59.999999999Z')) == '9999-12-31T23:59:59.999999999Z'",
        "string(timestamp('0001-01-01T00:00:00.5Z')) == '0001-01-01T00:00:00.5Z'",
        "timestamp(timestamp('2020-01-01T00:00:00Z')) == timestamp('2020-01-01T00:00:00Z')",
        "timestamp('0001-01-01T00:00:01.000000001Z') + duration('-999999999ns') == timestamp('0001-01-01T00:00:00.000000002Z')",
        "duration('120s') + timestamp('2009-02-13T23:01:00Z') == timestamp('2009-02-13T23:03:00Z')",
        "timestamp('2009-02-13T23:31:00Z') - timestamp('2009-02-13T23:29:00Z') == duration('120s')",
        "timestamp('2009-02-13T23:31:00Z') - duration('1m') == timestamp('2009-02-13T23:30:00Z')",
        "duration('900s') - duration('42s') == duration('858s')",
        "timestamp('2020-01-01T00:00:00.123456789Z') > timestamp('2020-01-01T00:00:00.123456788Z')",
        "timestamp('2020-01-01T00:00:00Z') != duration('1s')",
        "duration('315576000000s') - duration('-0s') == duration('315576000000s')",
        "timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z') == duration('315537897599s')",
    ],
)
def test_times_are_reckoned_with_as_the_specification_has_it(text: str) -> None:
    """To the nanosecond; conversions are read back."""
    assert answer(text) is True


TOO_FAR, TOO_LONG = "a timestamp comes beyond the years 1 to 9999", f"a duration comes beyond {DURATION_MOST_S} s"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("timestamp('0001-01-01T00:00:00Z') + duration('-1ns') < timestamp(event.time)", TOO_FAR),
        ("timestamp('0001-01-01T00:00:00Z') - duration('1s') < timestamp(event.time)", TOO_FAR),
        ("timestamp('9999-12-31T23:59:59.999999999Z') + duration('1ns') > timestamp(event.time)", TOO_FAR),
        ("duration('200000000000s') + duration('200000000000s') > duration('1s')", TOO_LONG),
        ("duration('-200000000000s') - duration('200000000000s') < duration('1s')", TOO_LONG),
        ("timestamp('9999-12-31T23:59:59Z').getHours('+02:00') == 1", f"{TOO_FAR} in its zone"),
        ("timestamp('0001-01-01T00:00:00Z').getHours('America/New_York') == 1", f"{TOO_FAR} in its zone"),
        ("timestamp('0001-01-01T00:00:00+00:01') < timestamp(event.time)", f"!column 11: {TOO_FAR}"),
        ("duration('315576000000.000000001s') > duration('1s')", f"!column 10: {TOO_LONG}"),
        ("duration('-320000000000s') < duration('1s')", f"!column 10: {TOO_LONG}"),
    ],
)
def test_what_leaves_its_range_has_no_value(text: str, why: str) -> None:
    """Neither wraps around nor stops at the end; what is written out is refused."""
    assert answer(text, time="2020-01-01T00:00:00Z") == why


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2020-01-01", "2020-01-01T00:00Z", "2020-01-01T00:00:00", "2020-01-01 00:00:00Z", "2020-01-01t00:00:00z",
        "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2020-13-01T00:00:00Z", "2020-02-30T00:00:00Z", "2020-01-01T24:00:00Z",
        "2020-01-01T00:00:60Z", "2020-01-01T00:00:00+24:00", "2020-01-01T00:00:00+00:60", "2020-01-01T00:00:00.Z",
        "2020-01-01T00:00:00.0000000001Z", "2020-01-01T00:00:00Z ", "２020-01-01T00:00:00Z", "-2020-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_what_is_no_timestamp_is_none(text: str) -> None:
    """RFC 3339 as CEL has it, and nothing near it."""
    with pytest.raises(FailedError, match=r"is no timestamp"):
        read_timestamp(text)


@pytest.mark.parametrize(
    "text", ["", "-", "s", "1", "1 s", "1x", "1d", "--1s", "1h 30m", ".s", "1e3s", "1S", "٣s", "1s" * 51]
)
def test_what_is_no_duration_is_none(text: str) -> None:
    """Each number has its unit."""
    with pytest.raises(FailedError, match=r"is no duration"):
        read_duration(text)


@pytest.mark.parametrize(
    "name",
    ["", "Local", "Europe", "Europe/", "/etc/passwd", "../etc/passwd", "Europe/../UTC", "tzdata.zi", "leapseconds", "+24:00",
     "+1:00", "02:60", "a\0b", "x" * 5000, "Europe/Berlin ", "\ud800"],
)  # fmt: skip
def test_what_is_no_zone_is_none(name: str) -> None:
    """Whatever a device says, no file is read but those of the zone database."""
    with pytest.raises(FailedError, match=r"there is no time zone .* write one like Europe/Berlin, UTC or \+02:00"):
        read_zone(name)


def test_zones_that_an_event_names_are_dear() -> None:
    """Each is a file; one that is written out is read once."""
    items = ", ".join(["1"] * 25)
    asked = "[{}].all(x, timestamp(event.time).getHours({}) == 1)"
    said = {"time": "2020-01-01T00:00:00Z", "node": "Europe/Berlin"}
    assert answer(asked.format(items, "event.node"), **said) == "it costs too much; ask for less of a long list or text"
    assert answer(asked.format(items, "'Europe/Berlin'"), **said) is True


_ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "+05:45",
    "-02:30",
]


def _zone(name: str) -> timezone | ZoneInfo:
    if name[0] not in "+-":
        return ZoneInfo(name)
    length = timedelta(hours=int(name[1:3]), minutes=int(name[4:]))
    return timezone(-length if name[0] == "-" else length)


@given(
    at=st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)),
    name=st.sampled_from(_ZONES),
    ns=st.integers(0, 999),
)
@settings(max_examples=400, deadline=None)
def test_a_timestamp_is_what_python_reads(at: datetime, name: str, ns: int) -> None:
    """Written in any zone, and asked in any; with the nanoseconds that Python does not have."""
    local = at.astimezone(_zone(name))
    offset = local.utcoffset() or timedelta()
    if not offset.total_seconds() % 60:  # those of before railways have no way to be written
        text = f"{local:%H:%M:%S.%f}{ns:03}{'-' if offset < timedelta() else '+'}{abs(offset) // timedelta(hours=1):02}"
        text = f"{local.date().isoformat()}T{text}:{abs(offset) // timedelta(minutes=1) % 60:02}"
        moment = read_timestamp(text)
        assert (moment.ns - ns) // 1000 == (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        assert read_timestamp(str(moment)) == moment
        zone = read_zone(name)
        assert [field(one, moment, zone) for one in FIELDS] == [
            local.year, local.month - 1, local.day, local.day - 1, (local.weekday() + 1) % 7, local.timetuple().tm_yday - 1,
            local.hour, local.minute, local.second,
        ]  # fmt: skip


@given(ns=st.integers(-DURATION_MOST_S * 10**9, DURATION_MOST_S * 10**9))
@settings(max_examples=200, deadline=None)
def test_a_duration_is_read_as_it_is_written(ns: int) -> None:
    """In seconds, to the nanosecond."""
    assert read_duration(str(Duration(ns))) == Duration(ns)


@given(text=st.text(max_size=40) | st.from_regex(r"[-+0-9.:TZhmsnu]{0,45}", fullmatch=True), node=st.text(max_size=20))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_time_or_is_none(text: str, node: str) -> None:
    """Nothing but the one error leaves the readers, whatever an event says."""
    for read, kind in ((read_timestamp, Timestamp), (read_duration, Duration)):
        try:
            assert isinstance(read(text), kind)
        except FailedError:
            continue
    for asked in ("timestamp(event.time).getHours(event.node) == 1", "duration(event.time) > duration(event.node)"):
        assert isinstance(answer(asked, time=text, node=node), bool | str)
        assert isinstance(answer(asked, time="9999-12-31T23:59:59Z", node=text), bool | str)
