"""The numbers of a service's tasks: the lowest that is free is given next, so an id never means two tasks at once."""

from __future__ import annotations

import heapq
from collections.abc import Iterable


class Numbering:
    """Which numbers may be free; whoever takes one checks, as others place tasks too."""

    __slots__ = ("_free", "_next")

    def __init__(self, taken: Iterable[int]) -> None:
        known = set(taken)
        self._next = max(known, default=0) + 1
        self._free = [number for number in range(1, self._next) if number not in known]

    def take(self) -> int:
        """The lowest number that may be free; it is not given again."""
        if not self._free:
            self._next += 1
            return self._next - 1
        number = heapq.heappop(self._free)
        while self._free and self._free[0] == number:
            heapq.heappop(
                self._free
            )  # a task that moves gives its number back and keeps it; the next move gives it again
        return number

    def give(self, number: int) -> None:
        """A number is free again."""
        if 0 < number < self._next:
            heapq.heappush(self._free, number)
