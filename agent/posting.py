"""Publications on their way to the broker: each waits for room, and is done with when the broker has it or takes it never.

Part of the mail, and used by the loop's thread alone. A fall of the link forgets what is under way: the node, which has it on its
disk until it is told otherwise, says it again on the next connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from agent.decide.effects import Publish
from link.inputs import Busy, Published
from protocol.envelope import Packet
from protocol.refusal import Refusal

ID_PROPERTY = "id"
"""The user property by which a receiver knows the same publication again."""


class Posting:
    """What is to be said on topics of others, in order."""

    def __init__(self, publish: Callable[[Packet], Published | Busy | Refusal]) -> None:
        self._publish = publish
        self._waiting: deque[Publish] = deque()
        self._under_way: dict[int, str] = {}
        self._settled: list[str] = []

    @property
    def is_waiting(self) -> bool:
        """Whether something finds no room now."""
        return bool(self._waiting)

    @property
    def is_under_way(self) -> bool:
        """Whether the broker has yet to say that it has something."""
        return bool(self._under_way)

    def take(self, effect: Publish) -> None:
        """Have it said."""
        self._waiting.append(effect)

    def send(self) -> None:
        """Say what waits, as far as there is room."""
        while self._waiting:
            one = self._waiting[0]
            properties = ((ID_PROPERTY, one.id),)
            taken = self._publish(Packet(one.topic, one.payload.encode(), properties, qos=1, retain=one.retain))
            if isinstance(taken, Busy):
                return
            self._waiting.popleft()
            if isinstance(taken, Published):
                self._under_way[taken.token] = one.id
            else:
                self._settled.append(one.id)

    def sent(self, tokens: tuple[int, ...]) -> None:
        """The broker has these, or refused them."""
        self._settled += [self._under_way.pop(token) for token in tokens if token in self._under_way]

    def link_down(self) -> None:
        """Forget what is under way."""
        self._waiting.clear()
        self._under_way.clear()

    @property
    def has_settled(self) -> bool:
        """Whether something is done with that nobody asked for."""
        return bool(self._settled)

    def settled(self) -> tuple[str, ...]:
        """What is done with since the last asking."""
        settled, self._settled = tuple(self._settled), []
        return settled
