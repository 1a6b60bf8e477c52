"""Live through histories until one breaks a promise; prints its seed and its sentence as JSON. Run in a copy of the house.

A crash of the planted code is a find, too: somebody would have seen it. So is a history that does not end.
"""

from __future__ import annotations

import json
import logging
import signal
import sys

from sim.history import history

HISTORY_S = 60
"""Of this process' own time. A history takes a second or two; one that takes this long goes round in circles."""


class EndlessError(BaseException):
    """A history that does not end."""


def main(arguments: list[str]) -> None:
    """Hunt from the first seed on, through so many."""
    first, seeds = (int(text) for text in arguments)
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGVTALRM, _late)
    for seed in range(first, first + seeds):
        signal.setitimer(signal.ITIMER_VIRTUAL, HISTORY_S)
        try:
            broken = history(seed).broken
        except Exception as crash:
            broken = f"{type(crash).__name__}: {crash}"
        if broken:
            print(json.dumps({"seed": seed, "broken": broken}))
            return
    print(json.dumps({"seed": None, "broken": ""}))


def _late(_number: int, _frame: object) -> None:
    raise EndlessError(f"it did not end within {HISTORY_S} s")


if __name__ == "__main__":
    main(sys.argv[1:])
