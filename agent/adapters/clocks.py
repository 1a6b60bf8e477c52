"""The clocks of a node, read for each turn: the only place of the agent that does.

What a turn needs is read anew each time; who has set the wall clock is looked up once a second, for it costs a look at a file
and is another once in a boot. Nothing here fails: a clock that nobody has set is a guess, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from agent.adapters.host import Host
from agent.decide.now import Now
from protocol.observed import Clock

LOOK_EVERY_S = 1.0


class Clocks:
    """Of one host; `zone` tells the one that holds where the clock on the wall means anything."""

    def __init__(self, host: Host, zone: Callable[[], tzinfo] = lambda: UTC) -> None:
        """Read nothing yet."""
        self._host, self._zone = host, zone
        self._quality = Clock.GUESS
        self._due_mono_s = float("-inf")

    def now(self) -> Now:
        """Read them all."""
        mono_s, epoch_s = time.monotonic(), time.time()  # noqa: TID251 - see above
        if mono_s >= self._due_mono_s:
            self._due_mono_s = mono_s + LOOK_EVERY_S
            self._quality = self._host.clock(epoch_s)
        wall = datetime.fromtimestamp(epoch_s, UTC)
        told = wall.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Now(mono_s, told, self._quality, self._zone())

    def mono_s(self) -> float:
        """The monotonic clock alone."""
        return time.monotonic()
