"""A conversation from a terminal: one thread, blocking, over in seconds. Commands and tests speak through it, never a daemon.

What to read is named when it opens, because a link subscribes with its connection: `filters`, and always the session's own answers
and the controller's presence. Packets that come while it waits for something else are kept, in order. An order or a call is sent
again with the same id until it is answered, so a lost answer costs time and nothing else.

May fail: the broker is not there, or stays away for half a minute after it was there. Both raise `UnreachableError`: a person waits
at this link, and there is no loop above it that could do something else meanwhile.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from link.broker import Broker
from link.inputs import Arrived, Busy, LinkDown, LinkInput, PublishRefused, Sent
from link.settings import LinkSettings
from protocol.envelope import Packet, Received, pack, unpack
from protocol.observed import Answer
from protocol.operator import OperatorOrder
from protocol.refusal import Refusal
from protocol.topics import AnswerTopic, CallTopic, ControllerPresenceTopic, OrderTopic, Topic

REPEAT_S = 3.0
"""A controller that restarts is back in about this time; an answer on a good link takes milliseconds."""

AWAY_S = 30.0
"""A broker's restart takes a second, a Pi's half a minute; after that it is no blink."""

WINDOW_S = 0.5
"""A full window empties within a round trip."""

CONFIRM_S = 10.0
"""Longest wait for a PUBACK."""

_QOS = 1
_LONGEST_S = 365 * 86_400.0
"""Stands for "for ever": a queue's wait needs a number."""


class UnreachableError(ConnectionError):
    """The broker is not there; the text says why in plain words."""


class Session:
    """One end of a conversation; a context manager."""

    def __init__(
        self,
        settings: LinkSettings,
        fleet: str,
        filters: tuple[str, ...] = (),
        *,
        make: Callable[..., Broker] = Broker,
        away_s: float = AWAY_S,
    ) -> None:
        """Prepare; nothing is sent before the session is entered."""
        self.fleet = fleet
        self._answers = AnswerTopic(fleet, uuid4().hex)
        self._presence = ControllerPresenceTopic(fleet)
        self._wanted = tuple((text, _QOS) for text in (str(self._answers), str(self._presence), *filters))
        self._inbox: SimpleQueue[LinkInput] = SimpleQueue()
        self._link = make(settings, self._inbox.put, self._inbox.qsize)
        self._kept: deque[Packet] = deque()
        self._replies: deque[Packet] = deque()
        self._away_s = away_s
        self._epoch = 0

    def __enter__(self) -> Self:
        self._dial()
        item = self._inbox.get()  # a dial always ends in one LinkUp or one LinkDown
        if isinstance(item, LinkDown):
            self._link.close()
            raise UnreachableError(item.reason)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._link.close()

    def publish(self, packet: Packet, within_s: float = CONFIRM_S) -> Refusal | None:
        """Publish and wait for the broker's PUBACK; refused when it is too large or forbidden."""
        deadline_mono_s = time.monotonic() + within_s
        while time.monotonic() < deadline_mono_s:
            handed = self._link.publish(packet)
            if isinstance(handed, Refusal):
                return handed
            if isinstance(handed, Busy):
                self._turn(min(deadline_mono_s, time.monotonic() + WINDOW_S))
                continue
            confirmed = self._confirmed(handed.token, deadline_mono_s) if packet.qos else True
            if confirmed:
                return confirmed if isinstance(confirmed, Refusal) else None
        raise UnreachableError(f"a message was not confirmed within {within_s:g} s")

    def say(self, topic: Topic, message: Any) -> Refusal | None:
        """Pack and publish one message."""
        packet = pack(topic, message)
        return packet if isinstance(packet, Refusal) else self.publish(packet)

    def packets(self, within_s: float | None = None) -> Iterator[Packet]:
        """Yield what arrives, until the time is over (None: for ever). Answers to orders are not among it."""
        deadline_mono_s = time.monotonic() + (_LONGEST_S if within_s is None else within_s)
        while True:
            while self._kept:
                yield self._kept.popleft()
            if time.monotonic() >= deadline_mono_s:
                return
            self._turn(deadline_mono_s)

    def pause(self, within_s: float) -> None:
        """Let time pass, and keep what arrives meanwhile."""
        deadline_mono_s = time.monotonic() + within_s
        while time.monotonic() < deadline_mono_s:
            self._turn(deadline_mono_s)

    def retained(self, topic: Topic, within_s: float) -> Any:
        """Return the newest message of one state topic, or None if it has none; others stay for `packets`."""
        deadline_mono_s = time.monotonic() + within_s
        while True:
            found = [packet for packet in self._kept if packet.topic == str(topic)]
            read = unpack(found[-1]) if found else None
            if isinstance(read, Received):
                return read.message
            if time.monotonic() >= deadline_mono_s:
                return None
            self._turn(deadline_mono_s)

    def ask(self, order: OperatorOrder, within_s: float) -> Answer | Refusal | None:
        """Give an order and wait for its answer; None if none came in time."""
        name = uuid4().hex
        return self._answered(name, pack(OrderTopic(self.fleet, name), order), within_s)

    def call(self, function: str, body: bytes, within_s: float) -> Answer | Refusal | None:
        """Call a function directly and wait for its end; None if it did not come in time."""
        name = uuid4().hex
        return self._answered(name, pack(CallTopic(self.fleet, function, name), body), within_s)

    def _answered(self, name: str, packet: Packet | Refusal, within_s: float) -> Answer | Refusal | None:
        if isinstance(packet, Refusal):
            return packet
        asked = replace(packet, response_topic=str(self._answers), correlation=name.encode())
        deadline_mono_s = time.monotonic() + within_s
        while time.monotonic() < deadline_mono_s:
            refused = self.publish(asked)
            if refused is not None:
                return refused
            answer = self._answer(name, min(deadline_mono_s, time.monotonic() + REPEAT_S))
            if answer is not None:
                return answer
        return None

    def _answer(self, name: str, deadline_mono_s: float) -> Answer | Refusal | None:
        while True:
            while self._replies:
                packet = self._replies.popleft()
                read = unpack(packet)
                if packet.correlation == name.encode() or (isinstance(read, Received) and read.message.id == name):
                    return read.message if isinstance(read, Received) else read
            if time.monotonic() >= deadline_mono_s:
                return None
            self._turn(deadline_mono_s)

    def _confirmed(self, token: int, deadline_mono_s: float) -> bool | Refusal:
        """Wait for one PUBACK; False when the link fell or the time is over."""
        epoch = self._epoch
        while time.monotonic() < deadline_mono_s and epoch == self._epoch:
            item = self._turn(deadline_mono_s)
            if isinstance(item, Sent) and token in item.tokens:
                return True
            if isinstance(item, PublishRefused) and item.token == token:
                return Refusal(item.reason, item.topic)
        return False

    def _turn(self, deadline_mono_s: float) -> LinkInput | None:
        """Take in one input; None when the time is over."""
        try:
            item = self._inbox.get(timeout=max(0.0, deadline_mono_s - time.monotonic()))
        except Empty:
            return None
        self._note(item)
        return item

    def _note(self, item: LinkInput) -> None:
        if isinstance(item, Arrived):
            for packet in item.packets:
                (self._replies if packet.topic == str(self._answers) else self._kept).append(packet)
        elif isinstance(item, LinkDown) and item.epoch == self._epoch:
            self._come_back(item.reason)

    def _come_back(self, reason: str) -> None:
        """Dial until the broker is there again, or has been away for too long; the link itself pauses between two dials."""
        give_up_mono_s = time.monotonic() + self._away_s
        while time.monotonic() < give_up_mono_s:
            self._dial()
            item = self._inbox.get()  # a dial ends in one LinkUp or one LinkDown, before anything else arrives
            if not isinstance(item, LinkDown):
                return
            reason = item.reason
        raise UnreachableError(reason)

    def _dial(self) -> None:
        self._epoch += 1
        self._link.dial(self._epoch, None, None, self._wanted)
