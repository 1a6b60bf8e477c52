"""Frozen values by key, which know what changed since they were last saved: a turn costs what changed, not what exists.

The order is the order of arrival; a value that is put again keeps its place. Putting an equal value changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Generic, TypeVar

V = TypeVar("V")


class Table(Generic[V]):
    """An indexed set of frozen values; `changed` holds the keys that the store has not seen yet, in the order of their change.

    `version` counts the changes, so that what follows from a table need not be worked out again while it stands.
    """

    __slots__ = ("_values", "changed", "version")

    def __init__(self, values: dict[str, V] | None = None) -> None:
        """Begin with what was loaded; nothing of it counts as changed."""
        self._values: dict[str, V] = dict(values or {})
        self.changed: dict[str, None] = {}
        self.version = 0

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> V | None:
        """The value of `key`, or None."""
        return self._values.get(key)

    def values(self) -> tuple[V, ...]:
        """All values, in order of arrival."""
        return tuple(self._values.values())

    def items(self) -> tuple[tuple[str, V], ...]:
        """All keys with their values, in order of arrival."""
        return tuple(self._values.items())

    def put(self, key: str, value: V) -> None:
        """Set one value."""
        known = self._values.get(key)
        if known is value and known is not None:
            return
        if key not in self._values or known != value:
            self._values[key] = value
            self.changed[key] = None
            self.version += 1

    def drop(self, key: str) -> V | None:
        """Remove one value and return it, if it is there."""
        if key not in self._values:
            return None
        self.changed[key] = None
        self.version += 1
        return self._values.pop(key)

    def keep_newest(self, most: int) -> None:
        """Drop the oldest beyond `most`."""
        for key in tuple(islice(self._values, max(0, len(self._values) - most))):
            self.drop(key)
