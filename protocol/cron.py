"""When a cron schedule comes next: the five fields of crontab(5) and its words (`@daily`), in a zone's local time.

As Debian's cron has it: a time that a clock change skips comes right after the change, one that comes twice is taken once, and a
schedule whose hour or minute begins with `*` goes on by real time. Also `L` (last day), `LW` (last working day), `5L`, `MON#2`.
Fields of seconds are refused: a Pi starts no container per second. Pure: the instant and the zone are arguments. cronsim counts.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from cronsim import CronSim, CronSimError

WORDS = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}  # fmt: skip

FIELDS = 5

LONGEST_CHARS = 200
"""Every minute of an hour, listed, has 169."""

_ANY_DAY = datetime(2024, 1, 1, tzinfo=UTC)
"""Where the check begins to look; it looks for fifty years."""


def validate(expression: str) -> str:
    """Nothing, or one sentence that says what is wrong with a schedule."""
    shown = f"{expression[:60]!r} is no schedule"
    if len(expression) > LONGEST_CHARS:
        return f"{shown}; at most {LONGEST_CHARS} characters"
    if len(_fields(expression).split()) != FIELDS:
        return (
            f"{shown}; write five fields like `30 4 * * 1-5` (minute, hour, day, month, day of the week), or {_words()}"
        )
    try:
        next(CronSim(_fields(expression), _ANY_DAY))
    except CronSimError as error:
        return f"{shown}; its {str(error).removeprefix('Bad ')} cannot be read"
    except StopIteration:
        return f"{shown}; that day never comes"
    return ""


def next_after(expression: str, after_epoch_s: float, zone: tzinfo) -> float:
    """The first time that a valid schedule comes after an instant; both are seconds since 1970."""
    times = CronSim(_fields(expression), datetime.fromtimestamp(after_epoch_s, zone))
    return next(at for at in (time.timestamp() for time in times) if at > after_epoch_s)
    # While an hour comes for the second time, the first answers lie in its first coming.


def _fields(expression: str) -> str:
    return WORDS.get(expression.strip(), expression)


def _words() -> str:
    return ", ".join(WORDS)
