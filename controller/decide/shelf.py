"""A mapping of frozen records that knows what changed and finds records by more than their key.

The fleet is made of shelves, and each is one table of the store: what a turn has touched is what it writes (law 10). Putting an
equal value changes nothing, so a turn without news writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

V = TypeVar("V")

_NONE: frozenset[str] = frozenset()


class Shelf(Generic[V]):
    """Records of one kind by key. Each index maps a property of the record to the keys that have it."""

    __slots__ = ("_changed", "_indexed", "_indexes", "_records", "_watchers", "record")

    def __init__(self, record: type[V], **index_of: Callable[[V], Hashable]) -> None:
        self.record = record
        self._records: dict[str, V] = {}
        self._indexes: dict[str, defaultdict[Hashable, set[str]]] = {name: defaultdict(set) for name in index_of}
        self._indexed = [(index_of[name], self._indexes[name]) for name in index_of]
        self._changed: set[str] = set()
        self._watchers: list[Callable[[V | None, V | None], None]] = []

    def watch(self, watcher: Callable[[V | None, V | None], None]) -> None:
        """Tell somebody of every change, as the record before and after; for what follows from a shelf and must never lag."""
        self._watchers.append(watcher)

    def put(self, key: str, value: V) -> bool:
        """Keep a record, and say whether that changed anything."""
        before = self._records.get(key)
        if before is None:
            self._add(key, value)
        elif before == value:
            return False
        else:
            self._move(key, before, value)
        self._records[key] = value
        self._changed.add(key)
        return True

    def add(self, records: dict[str, V]) -> None:
        """Keep records that nobody has put here before."""
        self._records.update(records)
        self._changed.update(records)
        for index_of, index in self._indexed:
            for key, value in records.items():
                index[index_of(value)].add(key)
        for watcher in self._watchers:
            for value in records.values():
                watcher(None, value)

    def drop(self, key: str) -> V | None:
        """Take a record away, and give it back."""
        before = self._records.pop(key, None)
        if before is not None:
            self._remove(key, before)
            self._changed.add(key)
        return before

    def load(self, key: str, value: V) -> None:
        """Keep a record that the store has already."""
        self._add(key, value)
        self._records[key] = value

    def of(self, index: str, value: Hashable) -> AbstractSet[str]:
        """The keys of all records with this property; a live view, so copy it before changing the shelf."""
        return self._indexes[index].get(value, _NONE)

    @property
    def is_changed(self) -> bool:
        """Whether anything differs from the store."""
        return bool(self._changed)

    def take_changed(self) -> list[tuple[str, V | None]]:
        """What differs from the store, in the order of keys; None is a record that went away. Forgets that it changed."""
        taken = [(key, self._records.get(key)) for key in sorted(self._changed)]
        self._changed.clear()
        return taken

    def get(self, key: str) -> V | None:
        """The record, or None."""
        return self._records.get(key)

    def __getitem__(self, key: str) -> V:
        return self._records[key]

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def _add(self, key: str, value: V) -> None:
        for index_of, index in self._indexed:
            index[index_of(value)].add(key)
        for watcher in self._watchers:
            watcher(None, value)

    def _remove(self, key: str, value: V) -> None:
        for index_of, index in self._indexed:
            _discard(index, index_of(value), key)
        for watcher in self._watchers:
            watcher(value, None)

    def _move(self, key: str, before: V, after: V) -> None:
        for index_of, index in self._indexed:
            old, new = index_of(before), index_of(after)
            if old != new:
                _discard(index, old, key)
                index[new].add(key)
        for watcher in self._watchers:
            watcher(before, after)


def _discard(index: dict[Hashable, set[str]], value: Hashable, key: str) -> None:
    keys = index[value]
    keys.discard(key)
    if not keys:
        del index[value]
