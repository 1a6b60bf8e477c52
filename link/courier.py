"""Which facts to send now: a window of rows on their way, between the outbox and the link.

Pure: no clock, no store, no broker. The loop asks `due(outbox.outstanding(WINDOW), broker.free, now)`, publishes what it
gets and says `handed`; it passes on `LinkUp`, `LinkDown`, `Sent` (and the token of a `PublishRefused`: that row comes again
later, for rules can be mended). An acknowledged row is simply no longer among the outstanding.
Everything here may be forgotten at any time: then rows are sent once more, and the receiver knows them.

Poison: a row that brings the connection down. After a fall, rows that the broker had not confirmed are *suspects*, and travel
alone, one at a time. A row that was alone on its way when the link fell within `POISON_S` of its sending, `POISON_STRIKES`
times, is poison. A link that falls by itself does not condemn a row: it falls later, or with others on their way.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from link.outbox import Row

WINDOW = 64
# Facts sent and not yet acknowledged by the receiver. At 250 ms round trip over LTE this is 250 events a second.

RESEND_S = 15.0
# A receiver commits within a second, and the link's own losses show as `LinkDown`: what stays unacknowledged this long was
# dropped by a broker's full queue, or came when nobody listened. Where later rows are acknowledged meanwhile, that is certain at
# once, and the row is sent again without waiting, once: a receiver that has no use for it is not to be told without end.

POISON_S = 5.0
# A broker that dislikes a packet closes at once; five seconds leave room for a slow link.
POISON_STRIKES = 3


@dataclass(slots=True)
class _Trip:
    """One row on its way."""

    sent_mono_s: float
    token: int
    is_repeat: bool = False
    is_with_broker: bool = False
    is_overtaken: bool = False


@dataclass(slots=True)
class Courier:
    """The rows on their way over one link."""

    _trips: dict[int, _Trip] = field(default_factory=dict)
    _suspects: dict[int, int] = field(default_factory=dict)
    _is_up: bool = False

    def link_up(self) -> None:
        """A new connection: everything outstanding is due again."""
        self._trips.clear()
        self._is_up = True

    def link_down(self, now_mono_s: float) -> tuple[int, ...]:
        """The connection fell; the rows that have now proved to be poison, for `outbox.refuse`."""
        unsure = [sequence for sequence, trip in self._trips.items() if not trip.is_with_broker]
        for sequence in unsure:
            self._suspects.setdefault(sequence, 0)
        poison: tuple[int, ...] = ()
        if len(unsure) == 1 and now_mono_s - self._trips[unsure[0]].sent_mono_s <= POISON_S:
            self._suspects[unsure[0]] += 1
            poison = tuple(s for s in unsure if self._suspects[s] >= POISON_STRIKES)
        for sequence in poison:
            del self._suspects[sequence]
        self._trips.clear()
        self._is_up = False
        return poison

    def again(self) -> None:
        """The receiver has only now come to listen: everything outstanding is due again."""
        self._trips.clear()

    def due(self, head: Sequence[Row], free: int, now_mono_s: float) -> tuple[Row, ...]:
        """The rows of the outbox's head to send now; rows that are no longer in the head are forgotten."""
        if not self._is_up:
            return ()
        present = {row.sequence for row in head}
        self._arrive(present)
        self._suspects = {sequence: strikes for sequence, strikes in self._suspects.items() if sequence in present}
        waiting = [row for row in head[:WINDOW] if self._is_due(row.sequence, now_mono_s)]
        if self._suspects:
            return tuple(self._one_at_a_time(waiting))
        return tuple(waiting[: max(0, free)])

    @property
    def next_mono_s(self) -> float:
        """When a row on its way is due again, if nobody acknowledges it."""
        return min((trip.sent_mono_s + RESEND_S for trip in self._trips.values()), default=float("inf"))

    def handed(self, sequence: int, token: int, now_mono_s: float) -> None:
        """The row was published under this token."""
        self._trips[sequence] = _Trip(now_mono_s, token, is_repeat=sequence in self._trips)

    def sent(self, tokens: Sequence[int]) -> None:
        """The broker has these; they are no suspects any more."""
        said = set(tokens)
        for sequence, trip in self._trips.items():
            if trip.token in said:
                trip.is_with_broker = True
                self._suspects.pop(sequence, None)

    def _arrive(self, present: AbstractSet[int]) -> None:
        """Forget the trips that came to their end, and note which others they have overtaken: a connection keeps its order."""
        newest = max((trip.token for sequence, trip in self._trips.items() if sequence not in present), default=0)
        self._trips = {sequence: trip for sequence, trip in self._trips.items() if sequence in present}
        for trip in self._trips.values():
            trip.is_overtaken = trip.is_overtaken or trip.token < newest

    def _is_due(self, sequence: int, now_mono_s: float) -> bool:
        trip = self._trips.get(sequence)
        if trip is None or now_mono_s >= trip.sent_mono_s + RESEND_S:
            return True
        return trip.is_overtaken and not trip.is_repeat

    def _one_at_a_time(self, waiting: list[Row]) -> list[Row]:
        """A suspect travels alone: nothing while another row is on its way to the broker."""
        if any(not trip.is_with_broker for trip in self._trips.values()):
            return []
        suspects = [row for row in waiting if row.sequence in self._suspects]
        return suspects[:1]
