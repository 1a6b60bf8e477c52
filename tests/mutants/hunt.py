"""Live through histories until one breaks a promise; prints its seed, its place in the order and its sentence. Run in a copy.

One seed in `LONG_EVERY` is a long history, the others are short. Asked for themes, it lives through `THEMED` seeds of those first,
in turns, and through the others only if none of them breaks; of that order it lives through the part that it is told. A theme that
is rare has its seeds far beyond the others: how many histories it takes is what counts. A crash of the planted code is a find, too:
somebody would have seen it. So is a history that does not end.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, count, islice

from sim.history import Plan, history
from sim.quick import hurry
from sim.themes import theme_of

HISTORY_S = 20
"""Of this process' own time. A history takes a second or two, at most six; one that takes this long goes round in circles."""

MEETING = Plan(nodes=3, seconds=45.0, fault_every_s=5.0, work_every_s=5.0, reconnects=0.3)
"""A minute in which much happens."""

LONG_EVERY = 19
"""One seed in so many is a long history: most bugs need a meeting, not an hour. It divides nothing that themes go by."""

THEMED = 200
"""So many seeds of its own themes a bug is hunted with before all others."""

LONG = "long"
"""What a plant that only shows itself in minutes names in the place of a theme, or before one."""


class EndlessError(BaseException):
    """A history that does not end."""


def main(arguments: list[str]) -> None:
    """Hunt through the seeds from the first on, so many, in their order from one place to another."""
    first, seeds, themes, begin, end = arguments
    order = ordered(range(int(first), int(first) + int(seeds)), themes)
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGVTALRM, _late)
    hurry()
    for place, seed in enumerate(order[: int(end)]):
        if place >= int(begin) and (broken := lived(seed)):
            print(json.dumps({"seed": seed, "place": place, "broken": broken}))
            return
    print(json.dumps({"seed": None, "place": int(end), "broken": ""}))


def ordered(seeds: Sequence[int], themes: str) -> list[int]:
    """The seeds of the themes first, in turns; then those that were asked for."""
    named = [_about(theme, seeds[0]) for theme in themes.split(", ") if theme]
    first = list(islice(chain.from_iterable(zip(*named, strict=False)), THEMED))
    return list(dict.fromkeys([*first, *seeds]))


def _about(theme: str, least: int) -> Iterator[int]:
    """All seeds of a theme that are short, or all long ones, or the long ones of a theme."""
    length, _, name = theme.rpartition(" ") if theme != LONG else (LONG, "", "")
    return (seed for seed in count(least) if is_long(seed) == (length == LONG) and name in ("", theme_of(seed).name))


def is_long(seed: int) -> bool:
    """Whether the history of a seed takes minutes."""
    return seed % LONG_EVERY == 0


def lived(seed: int) -> str:
    """Which promise the history of a seed breaks; empty if none."""
    signal.setitimer(signal.ITIMER_VIRTUAL, HISTORY_S)
    try:
        return history(seed, Plan() if is_long(seed) else MEETING).broken
    except EndlessError:
        return f"endless: it did not end within {HISTORY_S} s"
    except Exception as crash:
        return f"{type(crash).__name__}: {crash}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _late(_number: int, _frame: object) -> None:
    raise EndlessError


if __name__ == "__main__":
    main(sys.argv[1:])
