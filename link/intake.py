"""The receiver's side: which facts of a stream are new, and what to tell the sender once they are committed.

Pure. At-least-once delivery repeats and reorders; this makes it once. `seen` counts a fact in when it was not counted before;
the caller commits the new `Intake` in the same transaction as the fact's effects, and sends `ack` after the commit.

`base` in a mark says that the sender is done with everything below it, so the watermark jumps over what was dropped there
and `beyond` stays short. A fact that would make it longer than `BEYOND_LIMIT` is not taken and not acknowledged: the sender
says it again, and always keeps its lowest fact on the way, so the gap closes first.

A hostile mark (a huge `base`) makes its own stream deaf, and no other: a stream belongs to one node, so keep intakes by
(node, stream) with the node taken from the topic, where the broker's access rules prove it (S10).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass

from protocol.desired import Ack
from protocol.envelope import FactMark
from protocol.shapes import INT_LIMIT

BEYOND_LIMIT = 1024
# Sixteen windows of a sender (`link.courier.WINDOW`). It bounds a row of the receiver's store and an acknowledgement to 20 KB.


@dataclass(frozen=True, slots=True)
class Intake:
    """What the receiver has of one stream: all up to `upto`, and those in `beyond` (sorted)."""

    upto: int = 0
    beyond: tuple[int, ...] = ()

    def seen(self, mark: FactMark) -> tuple[Intake, bool]:
        """Count a fact in; False when it was counted before, or cannot be counted now."""
        if not 0 < mark.base <= mark.sequence <= INT_LIMIT:
            return self, False
        moved = self if mark.base - 1 <= self.upto else _closed(mark.base - 1, self.beyond)
        if mark.sequence == moved.upto + 1:
            return _closed(mark.sequence, moved.beyond), True
        if mark.sequence <= moved.upto or _has(moved.beyond, mark.sequence) or len(moved.beyond) >= BEYOND_LIMIT:
            return moved, False
        beyond = list(moved.beyond)
        insort(beyond, mark.sequence)
        return Intake(moved.upto, tuple(beyond)), True

    def ack(self, stream: str) -> Ack:
        """What to tell the sender after the commit."""
        return Ack(stream, self.upto, self.beyond)


def _has(beyond: tuple[int, ...], sequence: int) -> bool:
    at = bisect_left(beyond, sequence)
    return at < len(beyond) and beyond[at] == sequence


def _closed(upto: int, beyond: tuple[int, ...]) -> Intake:
    """Move the watermark to `upto`, and on over everything in `beyond` that follows without a gap."""
    left = bisect_left(beyond, upto + 1)
    while left < len(beyond) and beyond[left] == upto + 1:
        upto, left = upto + 1, left + 1
    return Intake(upto, beyond[left:])
