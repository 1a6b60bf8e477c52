"""S5 at every step: a fact that left an outbox is one that the controller has counted in, and nothing is counted that was not said.

A node's facts are known by (stream, sequence). One whose place was taken by a newer one of its key (a hello) has no claim. An
outbox that is full lets go of facts, and counts them: no more are missing than it says (in fleets without room: `sim.straits`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.head import Head
from sim.node import SimNode
from sim.straits import AMPLE
from sim.violation import ViolationError


@dataclass(slots=True)
class _Outbox:
    """What was seen of one outbox: its rows, and by which figures the next look knows that they are others."""

    stream: str = ""
    figures: tuple[int, int] = (0, 0)
    rows: dict[int, str] = field(default_factory=dict)
    dropped: int = 0
    uncounted: int = 0


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
        if node.world.straits is not AMPLE:
            known.dropped = sum(outbox.dropped.values())
        rows = node.outstanding()
        keys = set(rows.values())
        gone = (
            sequence for sequence, key in known.rows.items() if sequence not in rows and (not key or key not in keys)
        )
        self._gone |= {(name, known.stream, sequence) for sequence in gone}
        known.figures, known.rows = figures, rows

    def forget(self, name: str, events: int) -> None:
        """Somebody threw a node's card away, with so many events in its outbox."""
        known = self._outboxes.pop(name, None) or _Outbox()
        self.lost += events + known.dropped
        if known.dropped:  # which of its facts those were, nobody can know any more
            self._gone = {fact for fact in self._gone if fact[0] != name}

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
                self._lack(name, sequence)
        self._gone.clear()

    def _lack(self, name: str, sequence: int) -> None:
        """A fact is not there: its outbox was full, and says so."""
        known = self._outboxes.get(name) or _Outbox()
        known.uncounted += 1
        if known.uncounted > known.dropped:
            said = (
                f"left its outbox, and was never counted in; {known.dropped} of its facts were dropped for want of room"
            )
            raise ViolationError("S5", f"fact {sequence} of {name} {said}")

    @property
    def _dropped(self) -> int:
        return sum(known.dropped for known in self._outboxes.values())

    def handled(self, accepted: int, *, at_rest: bool) -> None:
        """No event is handled that was not accepted, and at rest each is that was."""
        handled = self._head.handled
        is_too_many = handled > accepted + self.copied and not self.is_restored and not self.excused
        if is_too_many or (at_rest and handled < accepted - self.lost - self._dropped):
            raise ViolationError("S5", f"{accepted} events were accepted, {handled} were handled")
