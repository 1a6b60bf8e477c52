"""Timestamps and durations of CEL: read, written, reckoned with, and taken apart in a time zone. Pure; no clock is read.

Both count nanoseconds, as CEL does, in its ranges: the years 1 to 9999 in UTC, and ten thousand years either way. What leaves them
has no value. Zones are those of the machine's database, which a condition reads as it reads a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from protocol.cel.values import FailedError

_SECOND_NS = 1_000_000_000
_MILLISECOND_NS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DURATION_MOST_S = 315_576_000_000
"""Ten thousand years of 365.25 days, as google.protobuf.Duration has it."""

_UNITS_NS = {
    "h": 3600 * _SECOND_NS, "m": 60 * _SECOND_NS, "s": _SECOND_NS, "ms": _MILLISECOND_NS, "us": 1_000, "µs": 1_000, "μs": 1_000,
    "ns": 1,
}  # fmt: skip

TEXT_CHARS = 100
"""A duration with each unit in full has fewer; a longer text is none."""

_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_PART = r"(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(h|ms|m|s|us|µs|μs|ns)"
_DURATION = re.compile(f"[+-]?(?:0|(?:{_PART})+)")
_OFFSET = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(?:/[A-Za-z0-9_+-]{1,30}){0,2}")


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A moment, in nanoseconds since 1970 in UTC."""

    ns: int

    def __str__(self) -> str:
        """As RFC 3339 has it, in UTC."""
        return f"{_local(self, UTC).replace(tzinfo=None).isoformat()}{_fraction(self.ns)}Z"


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time, in nanoseconds."""

    ns: int

    def __str__(self) -> str:
        """In seconds."""
        return f"{'-' * (self.ns < 0)}{abs(self.ns) // _SECOND_NS}{_fraction(abs(self.ns))}s"


def _fraction(ns: int) -> str:
    return f".{ns % _SECOND_NS:09}".rstrip("0").rstrip(".")


_LEAST_NS = -62_135_596_800 * _SECOND_NS
_MOST_NS = 253_402_300_800 * _SECOND_NS - 1


def timestamp(ns: int) -> Timestamp:
    """A moment of the years 1 to 9999; raises `FailedError`."""
    if not _LEAST_NS <= ns <= _MOST_NS:
        raise FailedError("a timestamp comes beyond the years 1 to 9999")
    return Timestamp(ns)


def duration(ns: int) -> Duration:
    """A length of time of ten thousand years at most; raises `FailedError`."""
    if abs(ns) > DURATION_MOST_S * _SECOND_NS:
        raise FailedError(f"a duration comes beyond {DURATION_MOST_S} s")
    return Duration(ns)


def read_timestamp(text: str) -> Timestamp:
    """What RFC 3339 writes; raises `FailedError`."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise FailedError(f"{text[:40]!r} is no timestamp; write one like 2026-11-22T18:30:00Z")
    *parts, fraction, sign, hours, minutes = found.groups()
    try:
        moment = datetime(*map(int, parts), tzinfo=UTC)  # type: ignore[arg-type,misc]
        offset = _offset(sign, hours, minutes) if sign else timedelta()
    except ValueError:
        raise FailedError(f"{text[:40]!r} is no timestamp: there is no such day or time") from None
    return timestamp(_ns(moment - _EPOCH) - _ns(offset) + int((fraction or "").ljust(9, "0")))


def _ns(length: timedelta) -> int:
    return (length.days * 86_400 + length.seconds) * _SECOND_NS


def _offset(sign: str, hours: str, minutes: str) -> timedelta:
    """East of Greenwich; raises `ValueError`."""
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError(hours, minutes)
    length = timedelta(hours=int(hours), minutes=int(minutes))
    return -length if sign == "-" else length


def read_duration(text: str) -> Duration:
    """What CEL writes: numbers, each with its unit; raises `FailedError`. What is less than a nanosecond is left out."""
    if len(text) > TEXT_CHARS or not _DURATION.fullmatch(text):
        raise FailedError(f"{text[:40]!r} is no duration; write one like 1h30m or 0.5s, in h, m, s, ms, us, ns")
    ns = sum(_part_ns(*part) for part in re.findall(_PART, text))
    return duration(-ns if text.startswith("-") else ns)


def _part_ns(whole: str, fraction: str, small: str, unit: str) -> int:
    after = fraction or small
    return int(whole or "0") * _UNITS_NS[unit] + int(after or "0") * _UNITS_NS[unit] // int("1" + "0" * len(after))


def read_zone(name: str) -> tzinfo:
    """A name of the zone database, or an offset like +02:00; raises `FailedError`."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - for the conditions that ask in a zone

    fixed = _OFFSET.fullmatch(name)
    try:
        if fixed is not None:
            return timezone(_offset(*fixed.groups()))
        if name == "UTC":
            return UTC
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # each of them, for a name that is of no zone
        pass
    raise FailedError(f"there is no time zone {name[:40]!r} here; write one like Europe/Berlin, UTC or +02:00")


def _local(moment: Timestamp, zone: tzinfo) -> datetime:
    try:
        return (_EPOCH + timedelta(seconds=moment.ns // _SECOND_NS)).astimezone(zone)
    except (OverflowError, ValueError):  # in its last hours, where it is later than here
        raise FailedError("a timestamp comes beyond the years 1 to 9999 in its zone") from None


FIELDS: Mapping[str, Callable[[datetime], int]] = {
    "getFullYear": lambda at: at.year,
    "getMonth": lambda at: at.month - 1,
    "getDate": lambda at: at.day,
    "getDayOfMonth": lambda at: at.day - 1,
    "getDayOfWeek": lambda at: at.isoweekday() % 7,
    "getDayOfYear": lambda at: at.timetuple().tm_yday - 1,
    "getHours": lambda at: at.hour,
    "getMinutes": lambda at: at.minute,
    "getSeconds": lambda at: at.second,
}
"""What is asked of a timestamp in a zone. Months and days count from 0, but for the date; Sunday is 0."""

LENGTHS_NS: Mapping[str, int] = {"getHours": _UNITS_NS["h"], "getMinutes": _UNITS_NS["m"], "getSeconds": _SECOND_NS}
"""In what a duration is counted, as a whole."""


OF_DURATIONS = (*LENGTHS_NS, "getMilliseconds")
OF_TIMESTAMPS = (*FIELDS, "getMilliseconds")


def field(name: str, moment: Timestamp, zone: tzinfo = UTC) -> int:
    """One of what is asked `OF_TIMESTAMPS`; raises `FailedError`."""
    return FIELDS[name](_local(moment, zone)) if name in FIELDS else moment.ns % _SECOND_NS // _MILLISECOND_NS


def length(name: str, of: Duration) -> int:
    """One of what is asked `OF_DURATIONS`, towards zero: the whole of it, but milliseconds are those beyond its seconds."""
    unit_ns = LENGTHS_NS.get(name)
    count = abs(of.ns) // unit_ns if unit_ns else abs(of.ns) % _SECOND_NS // _MILLISECOND_NS
    return -count if of.ns < 0 else count


def seconds(moment: Timestamp) -> int:
    """Since 1970."""
    return moment.ns // _SECOND_NS
