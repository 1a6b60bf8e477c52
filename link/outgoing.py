"""What waits for the link: the newest of each retained topic, and every other packet in its turn; none waits twice.

Two packets of one retained topic are never on their way together: whatever lies between us and the broker (a cluster, a bridge, a
resend after a broken connection) may then not let the older one arrive last and stay. A removal that came after what it removed
would take away the status of a stack that is back.

A link that is slower than a storm loses samples, the oldest first: each is whole, and the next one says it again (S9).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from link.inputs import Busy, Published
from protocol.envelope import Packet
from protocol.refusal import Refusal

SAMPLES_MOST = 2_000
"""An acknowledgement for each of 200 nodes, ten times a second: a link that has not taken that is behind by more than a second. And
twice the requests of a node whose stack has as many tasks as one may have."""

Key = str | Packet
"""A retained topic, or the packet itself."""

Publish = Callable[[Packet], Published | Busy | Refusal]


class Publisher(Protocol):
    """What is needed of `link.broker.Broker`."""

    def publish(self, packet: Packet) -> Published | Busy | Refusal:
        """Hand over one packet."""


@dataclass(slots=True)
class Outgoing:
    """The packets of one connection; `clear` when it fell, because everything is said again by its own rule.

    What waits behind a packet of its own topic is kept apart, so a turn costs what it sends, however much waits (law 10).
    """

    _waiting: dict[Key, Packet] = field(default_factory=dict)
    _behind: dict[Key, Packet] = field(default_factory=dict)
    _on_way: dict[int, Key] = field(default_factory=dict)
    _samples: dict[Key, None] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting) + len(self._behind)

    @property
    def is_held_up(self) -> bool:
        """Whether something found no room, and nothing may tell when there is some."""
        return bool(self._waiting)

    def add(self, packet: Packet, *, is_fact: bool = False) -> bool:
        """Have a packet wait, in the place of an older one of its retained topic; False if a sample was lost for it."""
        key: Key = packet.topic if packet.retain else packet
        if key in self._waiting and not packet.retain:
            return True
        if key in self._on_way.values():  # no more than the link's window
            self._behind[key] = packet
            return True
        self._waiting.pop(key, None)
        self._waiting[key] = packet
        if not (packet.retain or is_fact):
            self._samples[key] = None
        return not self._has_lost()

    def _has_lost(self) -> bool:
        if len(self._samples) <= SAMPLES_MOST:
            return False
        oldest = next(iter(self._samples))
        del self._samples[oldest], self._waiting[oldest]
        return True

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._behind.clear()
        self._on_way.clear()
        self._samples.clear()

    def arrived(self, tokens: Iterable[int]) -> None:
        """The broker has these, or will not take them: the next of their topics may go."""
        for token in tokens:
            key = self._on_way.pop(token, "")
            if key in self._behind:
                self._waiting[key] = self._behind.pop(key)

    def send(self, publish: Publish) -> list[Refusal]:
        """Hand over what may go until the link is busy; what it will never take is dropped, and told."""
        refused = []
        while self._waiting:
            key, packet = next(iter(self._waiting.items()))
            taken = publish(packet)
            if isinstance(taken, Busy):
                break
            del self._waiting[key]
            self._samples.pop(key, None)
            if isinstance(taken, Refusal):
                refused.append(taken)
            elif packet.retain:
                self._on_way[taken.token] = key
        return refused
