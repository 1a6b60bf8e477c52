"""Between the threads that read pins and the agent's inbox: so many readings of each sensor may wait, and no more.

A pin that chatters ten thousand times a second must not fill the memory, nor keep the loop from everything else. Beyond the bound
the oldest reading of that sensor goes, counted: what a sensor shows now is always among those that stay. Each sensor has a basin of
its own, so a broken one drowns no other.

`deque` does each of its steps whole, and each count has one writer, so there is no lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sensors.stage import Faulted, Reading

WAITING_MOST = 1000
"""Readings of one sensor that wait for the loop: a tenth of a second of ten thousand edges a second, and some 150 kB."""


@dataclass(frozen=True, slots=True)
class Flooded:
    """So many readings of a sensor were let go, because more came than the loop could take in."""

    sensor: str
    readings: int


class Basin:
    """What waits of one sensor. It stands in the inbox itself, once, while there is something to be taken from it."""

    def __init__(self, sensor: str, most: int) -> None:
        self._sensor = sensor
        self._waiting: deque[Reading] = deque(maxlen=most)
        self._put = self._taken = self._dropped = 0
        self._is_told = False

    def put(self, reading: Reading) -> bool:
        """Have a reading wait, in the pin library's thread; whether the loop has to be told."""
        self._waiting.append(reading)
        self._put += 1
        if self._is_told:
            return False  # and no word of it is written: the loop may be taking it back at this moment
        self._is_told = True
        return True

    def drain(self) -> tuple[Reading | Flooded, ...]:
        """Take everything, in the loop's thread: first what was let go, then the readings in order."""
        self._is_told = False  # first: a reading that comes from here on tells the loop once more
        came = self._put
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        self._taken += len(waiting)
        dropped = came - self._taken - len(self._waiting)
        gone, self._dropped = dropped - self._dropped, max(dropped, self._dropped)
        return (*((Flooded(self._sensor, gone),) if gone > 0 else ()), *waiting)


class Sluice:
    """Delivers readings by way of their basins; what says that a sensor cannot be read goes straight."""

    def __init__(self, deliver: Callable[[object], object], most: int = WAITING_MOST) -> None:
        self._deliver, self._most = deliver, most
        self._basins: dict[str, Basin] = {}

    def put(self, seen: Reading | Faulted) -> None:
        """Take one in, from any thread."""
        if isinstance(seen, Faulted):
            self._deliver(seen)
            return
        basin = self._basins.get(seen.sensor)
        if basin is None:
            basin = self._basins.setdefault(seen.sensor, Basin(seen.sensor, self._most))
        if basin.put(seen):
            self._deliver(basin)
