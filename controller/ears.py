"""What a controller hears of others before it speaks: a link of its own, under another name, that only listens and asks.

The broker lets one client of a name in at a time. Whoever connects as the controller drives the present one off, so only one that
is in charge does that. What comes here is marked `Overheard`, because both links share the one inbox.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from controller.decide import charge
from controller.decide.charge import Claim
from link.broker import Subscriptions
from link.inputs import Arrived, Busy, LinkDown, LinkInput, LinkUp, Published
from protocol.envelope import Packet, Received, pack, unpack
from protocol.operator import ControllerPresence, OperatorOrder, OrderVerb
from protocol.refusal import Refusal
from protocol.topics import AnswerTopic, ControllerPresenceTopic, OrderTopic

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Overheard:
    """Something that the listening link tells."""

    told: LinkInput


class ListeningWire(Protocol):
    """What is needed of `link.broker.Broker`."""

    def dial(self, epoch: int, will: Packet | None, birth: Packet | None, subscriptions: Subscriptions) -> None:
        """Connect anew."""

    def publish(self, packet: Packet) -> Published | Busy | Refusal:
        """Send a packet."""

    def close(self) -> None:
        """Hang up."""


def overhearing(put: Callable[[object], object]) -> Callable[[LinkInput], object]:
    """Where a listening link delivers."""
    return lambda told: put(Overheard(told))


class Ears:
    """The listening link of one controller. Used by the loop's thread alone."""

    def __init__(self, wire: ListeningWire, fleet: str, name: str) -> None:
        """`name` is what answers are addressed to."""
        self._wire = wire
        self._topic = ControllerPresenceTopic(fleet)
        self._answers = AnswerTopic(fleet, name)
        self._question = OrderTopic(fleet, name)
        self._dials = 0
        self._has_to_ask = False

    def listen(self) -> None:
        """Connect."""
        self._dials += 1
        topics = ((str(self._topic), 1), (str(self._answers), 1))
        self._wire.dial(self._dials, None, None, topics)

    def close(self) -> None:
        """Everything was heard."""
        self._wire.close()

    def take(self, claim: Claim, seen: Iterable[object], now_mono_s: float) -> None:
        """Take in what came, and ask where somebody must be asked."""
        for one in seen:
            if isinstance(one, Overheard) and one.told.epoch == self._dials:
                self._told(claim, one.told, now_mono_s)
        self._has_to_ask |= charge.look(claim, now_mono_s)
        if self._has_to_ask:  # what is retained may come before the link is up
            self._has_to_ask = not isinstance(self._ask(), Published)

    def _told(self, claim: Claim, told: LinkInput, now_mono_s: float) -> None:
        match told:
            case LinkUp():
                charge.linked(claim, now_mono_s)
            case LinkDown():
                log.warning("link_down reason=%r", told.reason)
                charge.unlinked(claim)
                self.listen()
            case Arrived():
                for packet in told.packets:
                    self._arrived(claim, packet, now_mono_s)

    def _arrived(self, claim: Claim, packet: Packet, now_mono_s: float) -> None:
        if packet.topic == str(self._answers):
            charge.answered(claim, now_mono_s)
        elif packet.topic == str(self._topic):
            received = unpack(packet)
            said = received.message if isinstance(received, Received) else None
            if isinstance(said, ControllerPresence) or not packet.payload:
                self._has_to_ask |= charge.heard(claim, said, now_mono_s)

    def _ask(self) -> Published | Busy | Refusal:
        """Ask for what is answered in one sentence; whoever answers is alive."""
        question = pack(self._question, OperatorOrder(OrderVerb.INSPECT))
        assert isinstance(question, Packet)
        return self._wire.publish(replace(question, response_topic=str(self._answers)))
