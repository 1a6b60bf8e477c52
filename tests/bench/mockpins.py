"""The mock pins of an agent in this process, for programs that are the agent and its finger at once.

They are driven from a thread beside the agent, as the pin library's own thread calls back for real ones. Whoever started the
program tells it by SIGUSR1 when to begin.
"""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

from gpiozero.pins import mock

LOOK_S = 0.05

asked = threading.Event()
"""Set once it is to begin."""

_made: list[_Seen] = []


class _Seen(mock.MockFactory):
    """The mock factory, and where to find it."""

    def __init__(self) -> None:
        super().__init__()
        _made.append(self)


def install() -> None:
    """Have the agent make its pins where they are found, and listen for the signal; from the main thread, before the agent."""
    mock.MockFactory = _Seen
    signal.signal(signal.SIGUSR1, lambda *_: asked.set())


def pin(number: int) -> Any:
    """A pin, once the agent has made its pins."""
    while not _made:
        time.sleep(LOOK_S)
    return _made[0].pin(number)


def watched(number: int) -> Any:
    """A pin, once the agent watches it."""
    while not pin(number).when_changed:
        time.sleep(LOOK_S)
    return pin(number)
