"""S5 at every step: a fact that left an outbox is one that the controller has counted in, and nothing is counted that was not said.

A node's facts are known by (stream, sequence). One whose place was taken by a newer one of its key (a hello) has no claim. Nothing
in a simulated fleet fills an outbox or brings a link down, so a fact that was dropped is a fact that was lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.head import Head
from sim.node import SimNode
from sim.violation import ViolationError


@dataclass(slots=True)
class _Outbox:
    """What was seen of one outbox: its rows, and by which figures the next look knows that they are others."""

    stream: str = ""
    figures: tuple[int, int] = (0, 0)
    rows: dict[int, str] = field(default_factory=dict)


class Facts:
    """The checks. `lost` events went with a card that somebody threw away: they may have been handled or not.

    `excused` are nodes that were let go: what they said was counted in, and is forgotten with them; who comes back says it again.
    `copied` events were in the outbox of a card that was copied: both say them, each on a stream of its own. A node that was
    `cloned` is asked for what it does, as if it had lost its card.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._outboxes: dict[str, _Outbox] = {}
        self._gone: set[tuple[str, str, int]] = set()
        self.lost = self.copied = 0
        self.is_restored = False
        self.excused, self.cloned = set[str](), set[str]()

    def look(self, name: str, node: SimNode) -> None:
        """Take in what a node's outbox holds now."""
        if node.store is None:
            return
        outbox, known = node.store.outbox, self._outboxes.setdefault(name, _Outbox())
        figures = (outbox.size, outbox.next_sequence)
        if outbox.stream != known.stream:
            known.stream, known.rows = outbox.stream, {}
        elif figures == known.figures:
            return
        rows = node.outstanding()
        keys = set(rows.values())
        gone = (
            sequence for sequence, key in known.rows.items() if sequence not in rows and (not key or key not in keys)
        )
        self._gone |= {(name, known.stream, sequence) for sequence in gone}
        known.figures, known.rows = figures, rows

    def forget(self, name: str, events: int) -> None:
        """Somebody threw a node's card away, with so many events in its outbox."""
        self._outboxes.pop(name, None)
        self.lost += events

    def restored(self) -> None:
        """The controller has an older store: what it was told since is told to nobody any more."""
        self.is_restored = True
        self._gone.clear()

    def check(self) -> None:
        """Whatever has left an outbox has been counted in; by another controller, while this one is not in charge."""
        fleet = self._head.fleet
        if fleet is None or not fleet.is_up or self.is_restored:
            return
        for name, stream, sequence in sorted(self._gone):
            intake = fleet.intakes.get(f"{name}/{stream}")
            if intake is None and name in self.excused:
                continue
            if intake is None or (sequence > intake.upto and sequence not in intake.beyond):
                raise ViolationError("S5", f"fact {sequence} of {name} left its outbox, and was never counted in")
        self._gone.clear()

    def handled(self, accepted: int, *, at_rest: bool) -> None:
        """No event is handled that was not accepted, and at rest each is that was."""
        handled = self._head.handled
        is_too_many = handled > accepted + self.copied and not self.is_restored and not self.excused
        if is_too_many or (at_rest and handled < accepted - self.lost):
            raise ViolationError("S5", f"{accepted} events were accepted, {handled} were handled")
