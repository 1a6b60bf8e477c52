"""What goes out to the broker, and what comes of it: births and wills, states and samples, the outbox's facts.

States, requests and answers go before facts, so that a full window never holds them back. What finds the window full waits until
there is room (`link.outgoing`). A fall of the link forgets it, because the next connect says it anew.
"""

from __future__ import annotations

import logging
from typing import Protocol

from agent.decide.effects import Dial, Effect, Listen, Publish, Say
from agent.decide.node import Node
from agent.decide.now import Now
from agent.posting import Posting
from link.courier import WINDOW, Courier
from link.inputs import Arrived, Busy, LinkDown, LinkUp, Published, PublishRefused, Sent
from link.outbox import Outbox
from link.outgoing import Outgoing, Publisher
from protocol.delivery import subscriptions
from protocol.envelope import Packet, Received, pack, unpack
from protocol.observed import Link, Presence
from protocol.refusal import Refusal
from protocol.topics import ControllerPresenceTopic, PresenceTopic, parse

log = logging.getLogger(__name__)

HELD_S = 0.01
# How long facts give way to what somebody waits for: a function that this node asks for an event, and what it had said. Nobody
# waits for those facts within ten milliseconds, and those of one event then travel and are acknowledged together. The end of a call
# from elsewhere is waited for: it gives way to nothing but what it had said itself.

POISON = "brings the connection down"
UNWANTED = "the broker does not take it"
# Both are labels of a metric, so they hold no sizes and no names; the log has those.


class BrokerSeam(Publisher, Protocol):
    """What the agent asks of its link (`link.broker.Broker`)."""

    def dial(
        self, epoch: int, will: Packet | None, birth: Packet | None, subscriptions: tuple[tuple[str, int], ...]
    ) -> None:
        """Connect anew."""

    def listen(self, topics: tuple[str, ...]) -> None:
        """Have exactly these read besides."""

    @property
    def free(self) -> int:
        """How many packets of QoS 1 may be sent now."""


class Mail:
    """Everything this agent says. Used by the loop's thread alone."""

    def __init__(self, broker: BrokerSeam, outbox: Outbox) -> None:
        self._broker, self._outbox = broker, outbox
        self._courier = Courier()
        self.posting = Posting(self._publish)
        self._outgoing = Outgoing()
        self._unwanted: list[tuple[int, str]] = []
        self._sent_version = -1
        self._has_fallen = False
        self._held_mono_s: float | None = None

    def told(self, seen: object, now: Now) -> list[tuple[int, str]]:
        """Follow the link; returns the facts that have proved to bring it down."""
        match seen:
            case LinkUp():
                self._stir()
                self._courier.link_up()
                log.info("link_up epoch=%d", seen.epoch)
            case Arrived():
                if any(_is_controllers_birth(packet) for packet in seen.packets):
                    log.info("controller_came")
                    self._stir()
                    self._courier.again()
            case LinkDown():
                log.info("link_down epoch=%d reason=%r", seen.epoch, seen.reason)
                self._stir()
                self._has_fallen = True
                self._outgoing.clear()
                self.posting.link_down()
                return [(sequence, POISON) for sequence in self._courier.link_down(now.mono_s)]
            case Sent():
                if self._has_fallen:
                    self._stir()
                self._arrived(seen.tokens)
            case PublishRefused():
                log.warning("publish_refused topic=%s reason=%r", seen.topic, seen.reason)
                self._stir()
                self._arrived((seen.token,))
        return []

    def _arrived(self, tokens: tuple[int, ...]) -> None:
        self._courier.sent(tokens)
        self.posting.sent(tokens)
        self._outgoing.arrived(tokens)

    def unwanted(self) -> list[tuple[int, str]]:
        """The facts that no broker of this kind takes, since the last asking: set aside, they hold up no other."""
        unwanted, self._unwanted = self._unwanted, []
        return unwanted

    def next_mono_s(self, soon_mono_s: float) -> float:
        """When to send again, if nothing is heard: soon, if something found no room or is to be set aside."""
        if self._outgoing.is_held_up or self._unwanted or self.posting.is_waiting:
            return soon_mono_s
        if self._held_mono_s is not None:
            return self._held_mono_s + HELD_S
        return self._courier.next_mono_s if self._outbox.size else float("inf")

    def act(self, effect: Effect, node: Node) -> bool:
        """Dial or say; false for effects of another kind."""
        match effect:
            case Dial():
                self._dial(effect.epoch, node)
            case Listen():
                self._broker.listen(effect.topics)
            case Say():
                self._say(effect, node)
            case Publish():
                self.posting.take(effect)
            case _:
                return False
        return True

    def send(self, now: Now, *, is_asking: bool = False) -> None:
        """Send what waits, as far as there is room; facts last of all, and not while a function is being asked."""
        self._outgoing.send(self._publish)
        self.posting.send()
        if self._outbox.size == 0:
            self._has_fallen = False  # no row of then is left that would have to travel alone
            self._held_mono_s = None
        elif not self._gives_way(now, is_asking=is_asking):
            self._send_facts(now)

    def _gives_way(self, now: Now, *, is_asking: bool) -> bool:
        """Whether facts wait for what is nearer; a full window of them does not."""
        is_near = (is_asking or self.posting.is_under_way) and self._outbox.size < WINDOW
        if not is_near or (self._held_mono_s is not None and now.mono_s >= self._held_mono_s + HELD_S):
            self._held_mono_s = None
        elif self._held_mono_s is None and self._is_due(now):
            self._held_mono_s = now.mono_s
        return self._held_mono_s is not None

    def _is_due(self, now: Now) -> bool:
        """Whether the outbox is another than the one that was sent, or something in it is to be sent again."""
        return self._sent_version != self._outbox.version or now.mono_s >= self._courier.next_mono_s

    def _send_facts(self, now: Now) -> None:
        free = self._broker.free
        if free <= 0 or not self._is_due(now):
            return
        head = self._outbox.outstanding(WINDOW)
        base = min((row.sequence for row in head), default=0)
        due = self._courier.due(head, free, now.mono_s)
        self._sent_version = self._outbox.version if len(due) < free else -1
        for row in due:
            taken = self._publish(self._outbox.packet(row, base))
            if isinstance(taken, Busy):
                self._stir()
                return
            if isinstance(taken, Refusal):
                self._unwanted.append((row.sequence, UNWANTED))
            else:
                self._courier.handed(row.sequence, taken.token, now.mono_s)

    def _stir(self) -> None:
        """Look at the outbox again, although nothing in it is another."""
        self._sent_version = -1

    def _dial(self, epoch: int, node: Node) -> None:
        topic = PresenceTopic(node.fleet, node.name)
        will, birth = (
            pack(topic, Presence(state, epoch, node.boot, node.version, node.instance))
            for state in (Link.OFFLINE, Link.ONLINE)
        )
        assert isinstance(will, Packet)
        assert isinstance(birth, Packet)
        self._broker.dial(epoch, will, birth, subscriptions(node.fleet, node.name))

    def _say(self, say: Say, node: Node) -> None:
        packet = pack(say.topic, say.message)
        if isinstance(packet, Refusal):
            log.error("message_refused topic=%s reason=%r", say.topic, packet.reason)
            return
        if not packet.qos:
            self._publish(packet)  # a link that is too slow for these is better off without
        elif not self._outgoing.add(packet):
            node.tally("samples_dropped")

    def _publish(self, packet: Packet) -> Published | Busy | Refusal:
        taken = self._broker.publish(packet)
        if isinstance(taken, Refusal):
            log.error("message_refused topic=%s reason=%r", packet.topic, taken.reason)
        return taken


def _is_controllers_birth(packet: Packet) -> bool:
    """Whether the controller says right now that it came; the retained birth of one that was there all along is no news."""
    if packet.retain or not isinstance(parse(packet.topic), ControllerPresenceTopic):
        return False
    received = unpack(packet)
    return isinstance(received, Received) and received.message.state == Link.ONLINE
