"""Which facts to send now (signatures; the body follows). Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Sequence

from link.outbox import Row

WINDOW = 64
# Facts sent and not yet acknowledged by the receiver.


class Courier:
    """The loop asks `due(outbox.outstanding(WINDOW), broker.free, now)`, publishes those, and says what became of them."""

    def link_up(self) -> None:
        """A new connection: everything outstanding is due again."""

    def link_down(self, now_mono_s: float) -> tuple[int, ...]:
        """The connection fell; the sequences of rows that have now brought it down three times, to be refused."""
        raise NotImplementedError

    def due(self, head: Sequence[Row], free: int, now_mono_s: float) -> tuple[Row, ...]:
        """The rows of the outbox's head to send now; rows that are no longer in the head are forgotten."""
        raise NotImplementedError

    def handed(self, sequence: int, token: int, now_mono_s: float) -> None:
        """The row was published under this token."""

    def sent(self, tokens: Sequence[int]) -> None:
        """The broker has these."""
