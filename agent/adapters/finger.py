"""A finger for mock pins: a named pipe in which each line touches one. For labs and demonstrations, where nobody can press one.

`press 17` closes pin 17 to ground for a moment, as a button does; `high 17` and `low 17` put it to a level. It works while the
network is away, like a real finger, and never on real pins: the board refuses those. A line that is none of these is logged.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agent.decide.inputs import Touched

PRESS_S = 0.2
# A short human press; longer than any debounce in use, shorter than a hold.

log = logging.getLogger(__name__)


def watch(path: Path, deliver: Callable[[Touched], object]) -> None:
    """Make the pipe and follow it in a daemon thread."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    threading.Thread(target=_follow, args=(path, deliver), name="finger", daemon=True).start()


def _follow(path: Path, deliver: Callable[[Touched], object]) -> None:
    while True:
        with path.open() as pipe:  # blocks until somebody opens the other end
            for line in pipe:
                _touch(line.split(), deliver)


def _touch(words: list[str], deliver: Callable[[Touched], object]) -> None:
    match words:
        case ["press", pin] if pin.isdigit():
            deliver(Touched(int(pin), level=False))
            time.sleep(PRESS_S)
            deliver(Touched(int(pin), level=True))
        case ["high" | "low" as level, pin] if pin.isdigit():
            deliver(Touched(int(pin), level=level == "high"))
        case _:
            log.warning("finger_unknown line=%r", " ".join(words)[:80])
