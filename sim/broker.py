"""An MQTT broker and its links in virtual time: the seam of `link.broker.Broker`, without sockets, threads or waiting.

It keeps what ours relies on in the real one: retained messages, wills, takeover, one order per link, QoS 1, windows; and what it
suffers from there: duplicates, a queue that drops the newest, retained state lost with a crash, partitions in which TCP holds
packets back until one side gives up. The same test cases run against it and against a Mosquitto (tests/link/test_seam.py).

Everything random comes from one `random.Random`, and time moves only in `run_until`: same seed, same history. Packets are
delivered by calling the links' `deliver` from there. Not modelled: access rules, byte rates, MQTT itself.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

from link.backoff import MOST_S
from link.inputs import LinkInput
from link.settings import LinkSettings
from protocol.envelope import Packet
from sim.interests import Interests
from sim.link import Session, SimLink


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad the links are. `duplicate` and `overtake` are chances per packet; one that is overtaken is up to `late_s` late."""

    least_s: float = 0.001
    most_s: float = 0.02
    duplicate: float = 0.0
    overtake: float = 0.0
    late_s: float = 1.0
    queue: int = 1000
    """Packets on their way to one client before the newest are dropped: Mosquitto's `max_queued_messages`."""
    will_late_s: float = 0.0
    """How long after its connection a will is published."""


class SimBroker:
    """The broker, the network, and the clock they live by."""

    def __init__(self, chances: random.Random, weather: Weather | None = None, now_s: float = 0.0) -> None:
        """Begin at `now_s` with a running broker and no clients."""
        self.chances = chances
        self.weather = weather or Weather()
        self.now_s = now_s
        self.is_running = True
        self.retained: dict[str, Packet] = {}
        self.dropped = 0
        self.late_s = 0.0  # until when something is under way that was held back
        self.lost: dict[
            tuple[str, str], float
        ] = {}  # since when a client lacks the last word on a topic, for want of room
        self.swallows: dict[str, int] = {}
        self.sessions: dict[str, Session] = {}
        self.partitioned: set[str] = set()
        self.redials = True
        self.interests = Interests()
        self.witness: Callable[[Packet], None] = lambda _: None
        self._knocking: dict[str, Callable[[], None]] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0

    def link(self, settings: LinkSettings, deliver: Callable[[LinkInput], object]) -> SimLink:
        """Make a client's end; what `link.broker.Broker(...)` is in the real world."""
        return SimLink(self, settings, deliver)

    def at(self, when_s: float, act: Callable[[], None]) -> None:
        """Have something done later; of two things at one instant, the first asked for comes first."""
        self._order += 1
        heapq.heappush(self._due, (when_s, self._order, act))

    @property
    def next_s(self) -> float | None:
        """When something happens next, if nobody does anything."""
        return self._due[0][0] if self._due else None

    def run_until(self, now_s: float) -> None:
        """Let time pass, and everything happen that is due."""
        while self._due and self._due[0][0] <= now_s:
            when_s, _, act = heapq.heappop(self._due)
            self.now_s = max(self.now_s, when_s)
            act()
        self.now_s = max(self.now_s, now_s)

    def latency_s(self) -> float:
        """Draw how long a packet takes."""
        return self.chances.uniform(self.weather.least_s, self.weather.most_s)

    def cut(self, client_id: str) -> None:
        """Take a client's network away: nothing goes through, and nobody is told."""
        self.partitioned.add(client_id)
        session = self.sessions.get(client_id)
        if session is not None:
            session.fall_silent()

    def mend(self, client_id: str) -> None:
        """Give the network back; a connection that nobody has given up yet goes on with what TCP held back."""
        self.partitioned.discard(client_id)
        session = self.sessions.get(client_id)
        if session is not None:
            session.resume()
        knock = self._knocking.pop(client_id, None)
        if knock is not None:
            self.at(self.now_s + self.chances.uniform(0.0, MOST_S), knock)

    def knock_once_back(self, client_id: str, knock: Callable[[], None]) -> None:
        """Have a client that cannot reach us knock when its network is back: within the pause that it would have come to."""
        self._knocking[client_id] = knock

    def kill(self, *, lose_retained: bool = True) -> None:
        """End the broker at once: no wills, no goodbyes; retained messages that were not saved are gone."""
        self.is_running = False
        if lose_retained:
            self.retained.clear()
        sessions, self.sessions = self.sessions, {}
        for session in sessions.values():
            session.fall(f"{session.place} closed the connection")

    def start(self) -> None:
        """Be back, with what is retained."""
        self.is_running = True

    def route(self, packet: Packet) -> None:
        """Retain, and send to everybody who subscribed."""
        self.witness(packet)
        if packet.retain and packet.payload:
            self.retained[packet.topic] = packet
        elif packet.retain:
            self.retained.pop(packet.topic, None)
        for client_id, granted in self.interests.of(packet.topic).items():
            session = self.sessions.get(client_id)
            if session is not None:
                session.offer(packet, granted)

    def has_room(self, packet: Packet, on_way: int) -> bool:
        """Whether a client's queue takes another packet."""
        word = next((word for word in self.swallows if f"/{word}" in packet.topic), "")
        if word:
            self.swallows[word] -= 1
            if not self.swallows[word]:
                del self.swallows[word]
        return not word and on_way < self.weather.queue

    def accept(self, session: Session) -> None:
        """Let a client in; an older session of the same name ends, its will first."""
        earlier = self.sessions.get(session.client_id)
        if earlier is not None:
            self.give_up(earlier)
            earlier.fall(f"{session.place} closed the connection")  # Mosquitto 2.0.11 gives no reason for a takeover
        self.sessions[session.client_id] = session
        for key in [key for key in self.lost if key[0] == session.client_id]:
            del self.lost[key]  # it is told anew what is retained

    def give_up(self, session: Session) -> None:
        """End a session at the broker's side: its will is published, once."""
        if self.sessions.get(session.client_id) is session:
            del self.sessions[session.client_id]
            will, late_s = session.will, self.weather.will_late_s
            if will is not None and late_s > 0:
                self.late_s = max(self.late_s, self.now_s + late_s)
                self.at(self.now_s + late_s, lambda: self.route(will) if self.is_running else None)
            elif will is not None:
                self.route(will)
