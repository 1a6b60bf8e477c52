"""What the nodes say of their work with functions, and the sums of it, kept as they change (law 10).

Samples: nothing here is durable, and what a node said is forgotten when it goes away. A node is believed only about functions
that it hosts (S10).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from protocol.load import FunctionLoad


class Loads:
    """By node and function (`stack.function`)."""

    __slots__ = ("_busy", "_instances", "_of")

    def __init__(self) -> None:
        self._of: dict[str, dict[str, FunctionLoad]] = {}
        self._busy: Counter[str] = Counter()
        self._instances: Counter[str] = Counter()

    def put(self, node: str, said: Iterable[FunctionLoad]) -> set[str]:
        """Take in what a node says now, in place of what it said before; the functions that anything changed for."""
        before, after = self._of.pop(node, {}), {one.function: one for one in said}
        if after:
            self._of[node] = after
        touched = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        for key in touched:
            old, new = before.get(key), after.get(key)
            self._add(self._busy, key, (new.busy if new else 0) - (old.busy if old else 0))
            self._add(self._instances, key, (new.instances if new else 0) - (old.instances if old else 0))
        return touched

    def of(self, node: str, function: str) -> FunctionLoad:
        """What a node has to do with a function; nothing, if it did not say so."""
        return self._of.get(node, {}).get(function) or FunctionLoad(function)

    def busy(self, function: str) -> int:
        """All invocations of a function that nodes have taken and not ended."""
        return self._busy[function]

    def instances(self, function: str) -> int:
        """All instances of a warm function that are ready."""
        return self._instances[function]

    @staticmethod
    def _add(sums: Counter[str], key: str, more: int) -> None:
        sums[key] += more
        if not sums[key]:
            del sums[key]
