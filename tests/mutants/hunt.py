"""Live through histories until one breaks a promise; prints its seed and its sentence as JSON. Run in a copy of the house.

The first `SHORT_SEEDS` seeds are short histories, the rest long ones. Asked for a theme, it lives through the seeds of that theme
first, and through the others only if none of them breaks; of that order it lives through the part that it is told. A crash of the
planted code is a find, too: somebody would have seen it. So is a history that does not end.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Sequence

from sim.history import Plan, history
from sim.quick import hurry
from sim.themes import theme_of

HISTORY_S = 60
"""Of this process' own time. A history takes a second or two; one that takes this long goes round in circles."""

MEETING = Plan(nodes=3, seconds=45.0, fault_every_s=5.0, work_every_s=5.0, reconnects=0.3)
"""A minute in which much happens."""

SHORT_SEEDS = 950
"""Seeds up to this one are short histories: most bugs need a meeting, not an hour."""


LONG = "long"
"""What a plant names in the place of a theme that only shows itself in minutes."""


class EndlessError(BaseException):
    """A history that does not end."""


def main(arguments: list[str]) -> None:
    """Hunt through the seeds from the first on, so many, in their order from one place to another, but for those to pass over."""
    first, seeds, theme, begin, end, *passed = arguments
    order = ordered(range(int(first), int(first) + int(seeds)), theme)
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGVTALRM, _late)
    hurry()
    for seed in order[int(begin) : int(end)]:
        if str(seed) not in passed and (broken := lived(seed)):
            print(json.dumps({"seed": seed, "broken": broken}))
            return
    print(json.dumps({"seed": None, "broken": ""}))


def ordered(seeds: Sequence[int], theme: str) -> list[int]:
    """The seeds of a theme first, or the long histories."""
    if theme == LONG:
        return sorted(seeds, key=lambda seed: (seed <= SHORT_SEEDS, seed))
    return sorted(seeds, key=lambda seed: (theme not in ("", theme_of(seed).name), seed))


def lived(seed: int) -> str:
    """Which promise the history of a seed breaks; empty if none."""
    signal.setitimer(signal.ITIMER_VIRTUAL, HISTORY_S)
    try:
        return history(seed, MEETING if seed <= SHORT_SEEDS else Plan()).broken
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
