"""How many records of a shelf count, and how many bytes they weigh, in the order in which they came: for bounds (S9).

It follows its shelf by watching it, so it never lags, and it asks nobody else: what counts has a size, what does not has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class Pile(Generic[V]):
    """The keys of the records that count, the oldest first."""

    __slots__ = ("_key_of", "_size_of", "_sizes", "size_bytes")

    def __init__(self, key_of: Callable[[V], str], size_of: Callable[[V], int | None]) -> None:
        """`size_of` is None for a record that does not count."""
        self._key_of, self._size_of = key_of, size_of
        self._sizes: dict[str, int] = {}
        self.size_bytes = 0

    def __len__(self) -> int:
        """How many count."""
        return len(self._sizes)

    def watch(self, before: V | None, after: V | None) -> None:
        """A record of the shelf changed."""
        old = self._size_of(before) if before is not None else None
        new = self._size_of(after) if after is not None else None
        if old == new:
            return
        record = after if after is not None else before
        assert record is not None, "a change has a record before or after it"
        key = self._key_of(record)
        if new is None:
            self._sizes.pop(key, None)
        else:
            self._sizes[key] = new
        self.size_bytes += (new or 0) - (old or 0)

    def oldest(self) -> str:
        """The key of the record that came first."""
        return next(iter(self._sizes))

    def sort(self, rank_of: Callable[[str], int]) -> None:
        """Put them into order again: a store gives them back by their keys."""
        self._sizes = {key: self._sizes[key] for key in sorted(self._sizes, key=lambda key: (rank_of(key), key))}
