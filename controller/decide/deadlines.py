"""When to look at something again: a heap of moments, so that a turn sees only what is due (law 10).

A deadline is no decision. Whoever is woken looks at the record itself, and sets a new deadline if it was too early: a lease
that was renewed a hundred times has one entry here.
"""

from __future__ import annotations

import heapq

STALE_MOST = 1_000
"""Moments that are no longer set, beyond as many as are: an invocation that ends in a second had an hour to expire in."""


class Deadlines:
    """Keys with the moment at which to look at them again; one moment per key."""

    __slots__ = ("_due", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[float, str, str]] = []
        self._due: dict[tuple[str, str], float] = {}

    def set(self, kind: str, key: str, due_mono_s: float) -> None:
        """Look again at that moment, and not at any other that was set before."""
        if self._due.get((kind, key)) != due_mono_s:
            self._due[kind, key] = due_mono_s
            heapq.heappush(self._heap, (due_mono_s, kind, key))
            if len(self._heap) > 2 * len(self._due) + STALE_MOST:
                self._heap = [(at_mono_s, *named) for named, at_mono_s in self._due.items()]
                heapq.heapify(self._heap)

    def has(self, kind: str, key: str) -> bool:
        """Whether a moment is set."""
        return (kind, key) in self._due

    def drop(self, kind: str, key: str) -> None:
        """Do not look again."""
        self._due.pop((kind, key), None)

    def take_due(self, now_mono_s: float) -> list[tuple[str, str]]:
        """Everything whose moment has come, in order; it is forgotten here."""
        taken: list[tuple[str, str]] = []
        while self._heap and self._heap[0][0] <= now_mono_s:
            due_mono_s, kind, key = heapq.heappop(self._heap)
            if self._due.get((kind, key)) == due_mono_s:
                del self._due[kind, key]
                taken.append((kind, key))
        return taken

    def next_mono_s(self) -> float | None:
        """The earliest moment, or None; it may turn out to be no longer set."""
        return self._heap[0][0] if self._heap else None
