"""The link to an MQTT broker, as its owner sees it: dial, publish, and an inbox that fills.

A new paho client for every connection, in a network thread of its own (`link.connection`), under an epoch that the owner
persisted first. There is no automatic reconnection: after `LinkDown` the owner dials again with the next epoch, and the
pause before it is counted here (`link.backoff`). Between the two threads there is no lock: packets go through a deque,
counters have one writer each, and a socket pair wakes.

What may fail comes back as a value: `Busy` when the window is full or the link is down, a `Refusal` for a packet that no
broker would take. A packet that was taken is not safe: only the receiver's own acknowledgement says so (law 3).
"""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Callable

from link.backoff import after
from link.connection import Connection, Dial
from link.frames import refusal_of, too_large
from link.inputs import Busy, LinkInput, Published
from link.settings import LinkSettings
from protocol.envelope import Packet
from protocol.refusal import Refusal

SAMPLES = 100
# QoS 0 packets not yet written to the socket. A link too slow for them is better off without: the next sample says it again.

GOODBYE_S = 2.0
# How long hanging up may take: the thread is somewhere in a turn of at most a second.

Subscriptions = tuple[tuple[str, int], ...]


class Broker:
    """One end of a link. All its methods belong to the owner's thread; inputs arrive through `deliver`, from another one."""

    def __init__(
        self,
        settings: LinkSettings,
        deliver: Callable[[LinkInput], object],
        backlog: Callable[[], int],
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`deliver` puts an input into the owner's inbox (`inbox.put`), `backlog` counts what waits there (`inbox.qsize`)."""
        self._settings = settings
        self._deliver = deliver
        self._backlog = backlog
        self._chance = chance
        self._connection: Connection | None = None
        self._pause_s = 0.0
        self._token = 0
        self._handed = 0
        self._handed_samples = 0
        self._asleep, self._waker = socket.socketpair()
        for end in (self._asleep, self._waker):
            end.setblocking(False)

    def dial(self, epoch: int, will: Packet | None, birth: Packet | None, subscriptions: Subscriptions) -> None:
        """Connect anew, after a pause that grows with failures; ends in one `LinkUp`, and in one `LinkDown`."""
        earlier = self._connection
        self.close()
        if earlier is not None:
            self._pause_s = after(self._settings.pace, self._pause_s, earlier.lived_s, self._chance())
        dial = Dial(epoch, will, birth, subscriptions, self._pause_s)
        self._handed = self._handed_samples = 0
        self._connection = Connection(self._settings, dial, self._deliver, self._backlog, self._asleep)
        self._connection.start()

    def listen(self, topics: tuple[str, ...]) -> None:
        """Have exactly these topics read on this connection, besides what it was dialled with. A refusal comes as an input."""
        link = self._connection
        if link is not None and link.is_up:
            link.wanted = topics
            self._wake()

    @property
    def free(self) -> int:
        """How many QoS 1 packets may be published now."""
        link = self._connection
        return link.inflight - (self._handed - link.settled) if link is not None and link.is_up else 0

    def publish(self, packet: Packet) -> Published | Busy | Refusal:
        """Hand a packet to the network thread."""
        link = self._connection
        if link is None or not link.is_up:
            return Busy("the link is down")
        refused = refusal_of(packet) or too_large(packet, link.largest_bytes)
        if refused:
            return Refusal(refused, packet.topic)
        if packet.qos and self.free <= 0:
            return Busy(f"{link.inflight} packets are on their way")
        if not packet.qos and self._handed_samples - link.settled_samples >= SAMPLES:
            return Busy(f"{SAMPLES} samples are not written yet")
        self._handed += bool(packet.qos)
        self._handed_samples += not packet.qos
        self._token += 1
        link.outgoing.append((self._token, packet))
        if len(link.outgoing) == 1:  # whoever was woken for the one before takes all that are there
            self._wake()
        return Published(self._token)

    def is_alive(self, now_mono_s: float) -> bool:
        """Whether the network thread still turns, or there is none to turn; for the watchdog."""
        return self._connection is None or self._connection.is_alive(now_mono_s)

    def close(self) -> None:
        """Hang up: the broker publishes our will at once. Nothing is delivered afterwards; a later dial is allowed."""
        if self._connection is None:
            return
        self._connection.is_hung_up = True
        self._wake()
        self._connection.join(GOODBYE_S)
        self._connection = None

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # then enough bytes wait there to wake anybody
            self._waker.send(b"\0")
