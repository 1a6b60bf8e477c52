"""Which facts of a stream are new (signatures; the body follows). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.desired import Ack
from protocol.envelope import FactMark


@dataclass(frozen=True, slots=True)
class Intake:
    """What the receiver has of one stream: all up to `upto`, and those in `beyond` (sorted)."""

    upto: int = 0
    beyond: tuple[int, ...] = ()

    def seen(self, mark: FactMark) -> tuple[Intake, bool]:
        """Count a fact in; False when it was counted before."""
        raise NotImplementedError

    def ack(self, stream: str) -> Ack:
        """What to tell the sender after the commit."""
        raise NotImplementedError
