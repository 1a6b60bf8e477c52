"""A client's end of a simulated link, and the session between it and `sim.broker.SimBroker`.

`SimLink` has the methods of `link.broker.Broker`. A session has two ends that learn of trouble at different times, as in
TCP: the broker gives a silent client up after one and a half keepalives and publishes its will, the client notices after two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from link.backoff import after
from link.connection import HELD_BACK_S
from link.frames import refusal_of, too_large
from link.inputs import Arrived, Busy, LinkDown, LinkInput, LinkUp, Published, Sent
from link.settings import LinkSettings
from protocol.envelope import Packet
from protocol.refusal import Refusal
from sim.interests import Subscriptions

if TYPE_CHECKING:
    from sim.broker import SimBroker

WILL_SHARE = 1.5  # of the keepalive, until the broker gives a silent client up (MQTT 5, 3.1.2.10)
NOTICE_SHARE = 2.0  # of the keepalive, until a client gives a silent broker up: a ping, and as long again


class Session:
    """One connection. `fall` ends it for the client, `SimBroker.give_up` for the broker."""

    def __init__(self, link: SimLink, epoch: int, will: Packet | None, subscriptions: Subscriptions) -> None:
        """Prepare a connection that is not up."""
        self.epoch = epoch
        self.will = will
        self.is_up = False
        self.is_over = False
        self.up_s = 0.0
        self.inflight = 0
        self.client_id, self.place = link.settings.client_id, link.settings.place
        self._link = link
        self._broker = link.broker
        self._subscriptions = subscriptions
        link.broker.interests.ask(self.client_id, subscriptions)
        self._is_silent = False
        self._silences = 0
        self._held: list[Callable[[], None]] = []
        self._in_order_s = {"up": 0.0, "down": 0.0}
        self._on_way = 0
        self._unread: deque[Packet] = deque()

    def knock(self, birth: Packet | None) -> None:
        """Reach the broker, or not."""
        broker = self._broker
        if self.is_over:
            return
        if self.client_id in broker.partitioned and not broker.redials:
            broker.knock_once_back(self.client_id, lambda: self.knock(birth))
        elif self.client_id in broker.partitioned:
            patience_s = self._link.settings.connect_timeout_s
            self._link.knocks_s = broker.now_s + patience_s
            broker.at(self._link.knocks_s, lambda: self.fall(f"no answer from {self.place} within {patience_s:g} s"))
        elif broker.is_running:
            self._come_up(birth)
        else:
            self.fall(f"connection refused by {self.place}")

    def listen(self, topics: tuple[str, ...]) -> None:
        """Ask for topics besides; what is retained of them comes."""
        self._carry("up", lambda: self._besides(topics))

    def _besides(self, topics: tuple[str, ...]) -> None:
        broker, asked = self._broker, (*self._subscriptions, *((topic, 1) for topic in topics))
        broker.interests.ask(self.client_id, asked)
        for topic in topics:
            if topic in broker.retained:
                self.offer(broker.retained[topic], 1, retained=True)

    def fall(self, reason: str) -> None:
        """The client learns that the connection is over."""
        if not self.is_over:
            self.end()
            self._link.deliver(LinkDown(self.epoch, reason))

    def end(self) -> None:
        """Nothing is delivered to the client any more."""
        if self.is_up:
            self._link.lived_s = self._broker.now_s - self.up_s
        self.is_over, self.is_up = True, False
        self._held.clear()

    def hang_up(self) -> None:
        """The client says goodbye; without a network the broker finds out by itself."""
        self.end()
        if not self._is_silent:
            self._broker.give_up(self)

    def fall_silent(self) -> None:
        """The network is gone: each side gives up after its own patience."""
        if self._is_silent:
            return
        self._is_silent = True
        self._silences += 1
        silence, now_s, keepalive_s = self._silences, self._broker.now_s, self._link.settings.keepalive_s
        self._broker.at(now_s + keepalive_s * WILL_SHARE, lambda: self._lose_patience_at_broker(silence))
        self._link.knocks_s = now_s + keepalive_s * NOTICE_SHARE
        self._broker.at(self._link.knocks_s, lambda: self._lose_patience_at_client(silence))

    def resume(self) -> None:
        """The network is back before anybody gave up: what TCP held goes on."""
        self._is_silent, self._link.knocks_s = False, 0.0
        held, self._held = self._held, []
        for act in held:
            act()

    def offer(self, packet: Packet, granted: int, *, retained: bool = False) -> None:
        """Queue a packet for this client, which asked for it, dropping the newest when the queue is full."""
        weather, chances = self._broker.weather, self._broker.chances
        qos = min(packet.qos, granted)
        is_other = qos != packet.qos or retained != packet.retain  # what was not kept for us arrives as live
        lowered = replace(packet, qos=qos, retain=retained) if is_other else packet
        for _ in range(2 if lowered.qos and chances.random() < weather.duplicate else 1):
            if not self._broker.has_room(lowered, self._on_way):
                self._broker.dropped += 1
                if packet.retain:
                    self._broker.lost[self.client_id, packet.topic] = self._broker.now_s
                continue
            if self._broker.lost and packet.retain:
                self._broker.lost.pop((self.client_id, packet.topic), None)
            self._on_way += 1
            self._carry("down", lambda: self._arrive(lowered))

    def send(self, packet: Packet, token: int) -> None:
        """Bring a client's packet to the broker."""
        self.inflight += bool(packet.qos)
        self._carry("up", lambda: self._receive(packet, token))

    def _come_up(self, birth: Packet | None) -> None:
        broker = self._broker
        broker.accept(self)
        self.is_up, self.up_s = True, broker.now_s
        self._link.deliver(LinkUp(self.epoch))
        if birth is not None:
            self._carry("up", lambda: broker.route(birth))
        for packet in list(broker.retained.values()):
            granted = broker.interests.of(packet.topic).get(self.client_id)
            if granted is not None:
                self.offer(packet, granted, retained=True)

    def _lose_patience_at_broker(self, silence: int) -> None:
        if self._is_silent and silence == self._silences:
            self._broker.give_up(self)

    def _lose_patience_at_client(self, silence: int) -> None:
        if self._is_silent and silence == self._silences:
            self.fall(f"no answer from {self.place} for {self._link.settings.keepalive_s * NOTICE_SHARE:g} s")

    def _carry(self, way: str, act: Callable[[], None]) -> None:
        """Bring something to the other side, in order unless the weather lets it be overtaken."""
        broker = self._broker
        when_s = max(self._in_order_s[way], broker.now_s + broker.latency_s())
        if broker.chances.random() < broker.weather.overtake:
            when_s += broker.chances.uniform(0, broker.weather.late_s)
            broker.late_s = max(broker.late_s, when_s)
        else:
            self._in_order_s[way] = when_s
        broker.at(when_s, lambda: self._pass(act))

    def _pass(self, act: Callable[[], None]) -> None:
        if self.is_over or self._broker.sessions.get(self.client_id) is not self:
            return
        if self._is_silent:
            self._held.append(act)
        else:
            act()

    def _receive(self, packet: Packet, token: int) -> None:
        if packet.qos:
            self._carry("down", lambda: self._confirm(token))
        self._broker.route(packet)

    def _confirm(self, token: int) -> None:
        self.inflight -= 1
        self._link.deliver(Sent(self.epoch, (token,)))

    def _arrive(self, packet: Packet) -> None:
        self._unread.append(packet)
        if len(self._unread) == 1:
            self._read()

    def _read(self) -> None:
        """Hand over what has come; a client whose owner has a full inbox reads nothing, and looks again soon."""
        while self._unread and self._link.waiting() < self._link.settings.backlog:
            self._on_way -= 1
            self._link.deliver(Arrived(self.epoch, (self._unread.popleft(),)))
        if self._unread:
            self._broker.at(self._broker.now_s + HELD_BACK_S, lambda: self._pass(self._read))


class SimLink:
    """A client's end of a link: the same methods as `link.broker.Broker`, deliveries from `SimBroker.run_until`.

    `waiting` counts what its owner has not taken yet.
    """

    def __init__(self, broker: SimBroker, settings: LinkSettings, deliver: Callable[[LinkInput], object]) -> None:
        """Make an end that is not connected."""
        self.broker = broker
        self.settings = settings
        self.deliver = deliver
        self.lived_s: float | None = None
        self.knocks_s = 0.0
        self.waiting: Callable[[], int] = lambda: 0
        self._session: Session | None = None
        self._pause_s = 0.0
        self._token = 0

    def dial(self, epoch: int, will: Packet | None, birth: Packet | None, subscriptions: Subscriptions) -> None:
        """Connect anew, after a pause that grows with failures."""
        self.close()
        if self.lived_s is not None:
            self._pause_s = after(self.settings.pace, self._pause_s, self.lived_s, self.broker.chances.random())
        self.lived_s = 0.0
        session = self._session = Session(self, epoch, will, subscriptions)
        self.knocks_s = self.broker.now_s + self._pause_s + self.broker.latency_s()
        self.broker.at(self.knocks_s, lambda: session.knock(birth))

    def listen(self, topics: tuple[str, ...]) -> None:
        """Have these topics read besides."""
        session = self._session
        if session is not None and session.is_up:
            session.listen(topics)

    @property
    def free(self) -> int:
        """How many QoS 1 packets may be published now."""
        session = self._session
        return self.settings.inflight - session.inflight if session is not None and session.is_up else 0

    def publish(self, packet: Packet) -> Published | Busy | Refusal:
        """Send a packet."""
        session = self._session
        if session is None or not session.is_up:
            return Busy("the link is down")
        refused = refusal_of(packet) or too_large(packet, self.settings.send_bytes)
        if refused:
            return Refusal(refused, packet.topic)
        if packet.qos and self.free <= 0:
            return Busy(f"{self.settings.inflight} packets are on their way")
        self._token += 1
        session.send(packet, self._token)
        return Published(self._token)

    def is_alive(self, now_mono_s: float) -> bool:
        """A simulated thread never hangs."""
        del now_mono_s
        return True

    def close(self) -> None:
        """Hang up; the will is published."""
        session, self._session = self._session, None
        if session is not None and not session.is_over:
            session.hang_up()
