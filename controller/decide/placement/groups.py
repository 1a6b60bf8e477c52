"""An order of nodes in groups of groups, kept as heaps: the group with the fewest tasks first, in it the node with the least key.

A heap holds what was true when it was put there; an entry that is no longer its member's key is dropped when it comes up.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

Key = tuple[Any, ...]
"""By what a member is ranked; the last of it is the member's name."""

STALE_SPARED = 16
"""Old entries beyond the number of members, before a heap is made anew."""


class Group:
    """Nodes, or smaller groups of them. `count` is the number of tasks in it."""

    __slots__ = ("_groups", "_heap", "_keys", "_parent", "_value", "count")

    def __init__(self, value: str = "", parent: Group | None = None) -> None:
        self._value, self._parent = value, parent
        self.count = 0
        self._groups: dict[str, Group] = {}
        self._keys: dict[str, Key] = {}
        self._heap: list[Key] = []

    def fill(self, keys: Iterable[Key]) -> None:
        """Rank all members at once."""
        self._heap = list(keys)
        heapq.heapify(self._heap)
        self._keys = {key[-1]: key for key in self._heap}

    def ranked(self) -> list[Key]:
        """The keys of all members, the best first."""
        return sorted(self._keys.values())

    def put(self, member: str, key: Key | None) -> None:
        """Rank a member anew; None takes it out."""
        before = self._keys.get(member)
        if key == before:
            return
        heap = self._heap
        if key is None:
            del self._keys[member]
        else:
            self._keys[member] = key
            if heap and heap[0] is before:
                heapq.heapreplace(heap, key)
            else:
                heapq.heappush(heap, key)
                if len(heap) > 2 * len(self._keys) + STALE_SPARED:
                    self._heap = sorted(self._keys.values())
        if self._parent is not None:
            self._tell(self._parent)

    def add(self, tasks: int) -> None:
        """So many tasks came, or went."""
        self.count += tasks
        if self._parent is not None:
            self._tell(self._parent)
            self._parent.add(tasks)

    def best(self) -> Key | None:
        """The key of the best member."""
        heap, keys = self._heap, self._keys
        while heap and keys.get(heap[0][-1]) is not heap[0]:
            heapq.heappop(heap)
        return heap[0] if heap else None

    def first(self) -> str:
        """The best node in all of it, where there is one."""
        best = self.best()
        assert best is not None, "whoever asks has seen that there is a best member"
        name: str = best[-1]
        return self._groups[name].first() if self._groups else name

    def within(self, values: Iterable[str | None]) -> Group:
        """The group of the nodes whose preferred labels have these values; None is one that they lack."""
        group = self
        for value in values:
            name = "" if value is None else f"={value}"
            found = group._groups.get(name)
            if found is None:
                found = group._groups[name] = Group(name, group)
            group = found
        return group

    def _tell(self, parent: Group) -> None:
        best = self.best()
        parent.put(self._value, None if best is None else (self.count, *best, self._value))
