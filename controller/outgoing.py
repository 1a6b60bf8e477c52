"""What waits for the link: the newest of each retained topic, and every other packet in its turn.

Two packets of one retained topic are never on their way together: whatever lies between us and the broker (a cluster, a bridge, a
resend after a broken connection) may then not let the older one arrive last and stay. A removal that came after what it removed
would take away the status of a stack that is back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from link.inputs import Busy, Published
from protocol.envelope import Packet
from protocol.refusal import Refusal


class Publisher(Protocol):
    """What is needed of `link.broker.Broker`."""

    def publish(self, packet: Packet) -> Published | Busy | Refusal:
        """Hand over one packet."""


@dataclass(slots=True)
class Outgoing:
    """The packets of one connection; `clear` when it fell, because everything is said again by its own rule.

    What waits behind a packet of its own topic is kept apart, so a turn costs what it sends, however much waits (law 10).
    """

    _waiting: dict[str, Packet] = field(default_factory=dict)
    _behind: dict[str, Packet] = field(default_factory=dict)
    _on_way: dict[int, str] = field(default_factory=dict)
    _numbered: int = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting) + len(self._behind)

    def add(self, packet: Packet) -> None:
        """Have a packet wait, in the place of an older one of its retained topic."""
        self._numbered += 1
        key = packet.topic if packet.retain else f"{self._numbered} {packet.topic}"
        if key in self._on_way.values():  # no more than the link's window
            self._behind[key] = packet
            return
        self._waiting.pop(key, None)
        self._waiting[key] = packet

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._behind.clear()
        self._on_way.clear()

    def arrived(self, tokens: Iterable[int]) -> None:
        """The broker has these, or will not take them: the next of their topics may go."""
        for token in tokens:
            topic = self._on_way.pop(token, "")
            if topic in self._behind:
                self._waiting[topic] = self._behind.pop(topic)

    def send(self, wire: Publisher) -> Iterable[Refusal]:
        """Hand over what may go until the wire is busy; each packet that it will never take is told and dropped."""
        while self._waiting:
            key, packet = next(iter(self._waiting.items()))
            taken = wire.publish(packet)
            if isinstance(taken, Busy):
                return
            del self._waiting[key]
            if isinstance(taken, Refusal):
                yield taken
            elif packet.retain:
                self._on_way[taken.token] = key
