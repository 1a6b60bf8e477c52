"""Who asks for which topics, as a tree of levels: a packet finds its readers without asking everybody (MQTT 5, 4.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Subscriptions = tuple[tuple[str, int], ...]


@dataclass(slots=True)
class _Level:
    """`here` are the clients whose pattern ends at this level, with their QoS, `below` those who ask for it and all below."""

    next: dict[str, _Level] = field(default_factory=dict)
    here: dict[str, int] = field(default_factory=dict)
    below: dict[str, int] = field(default_factory=dict)


class Interests:
    """The subscriptions of all clients that ever connected; a client's later ones are in the place of its earlier ones."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._asked: dict[str, Subscriptions] = {}
        self._root = _Level()
        self._found: dict[str, Mapping[str, int]] = {}

    def ask(self, client_id: str, subscriptions: Subscriptions) -> None:
        """Remember what a client asks for."""
        known = self._asked.get(client_id)
        if known == subscriptions:
            return
        self._asked[client_id] = subscriptions
        self._found.clear()
        if known is None:
            self._plant(client_id, subscriptions)
            return
        self._root = _Level()
        for name, asked in self._asked.items():
            self._plant(name, asked)

    def of(self, topic: str) -> Mapping[str, int]:
        """The clients that ask for a topic, with the best quality of service that they ask for."""
        found = self._found.get(topic)
        if found is None:
            asked = [reader for readers in _readers(self._root, topic.split("/")) for reader in readers.items()]
            best: dict[str, int] = {}
            for name, qos in asked:
                best[name] = max(qos, best.get(name, 0))
            found = self._found[topic] = {name: best[name] for name in self._asked if name in best} if best else best
        return found

    def _plant(self, client_id: str, subscriptions: Subscriptions) -> None:
        for pattern, qos in subscriptions:
            *levels, last = pattern.split("/")
            level = self._root
            for name in (*levels, *(() if last == "#" else (last,))):
                level = level.next.setdefault(name, _Level())
            readers = level.below if last == "#" else level.here
            readers[client_id] = max(qos, readers.get(client_id, 0))


def _readers(level: _Level, names: list[str]) -> Iterator[Mapping[str, int]]:
    """The readers of everything from this level on."""
    yield level.below
    if not names:
        yield level.here
        return
    for step in (names[0], "+"):
        if step in level.next:
            yield from _readers(level.next[step], names[1:])
