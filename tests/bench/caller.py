"""Gives a node calls as a controller does: many under way, the next one for each that has ended, none waited for alone.

A desk that waits for the broker's word after each message spends more than the calls cost, and then its own patience is what is
measured. All that arrived together is acknowledged together, as by a controller's turn.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from lab.broker import Broker
from link.broker import Broker as Link
from link.inputs import Arrived, LinkUp
from link.intake import Intake
from link.settings import LinkSettings
from protocol.desired import Invocation
from protocol.envelope import Packet, Received, pack, unpack
from protocol.observed import Result, ResultStatus
from protocol.topics import AckTopic, InvocationTopic
from tests.bench.desk import FLEET

PATIENCE_S = 20.0


class Caller:
    """One connection, in the place of the controller; a context manager."""

    def __init__(self, broker: Broker, node: str) -> None:
        self._node = node
        self._inbox: SimpleQueue[object] = SimpleQueue()
        self._link = Link(LinkSettings(broker.address, broker.port, "desk"), self._inbox.put, self._inbox.qsize)
        self._intakes: dict[str, Intake] = {}
        self._waiting: deque[Packet] = deque()

    def __enter__(self) -> Self:
        self._link.dial(1, None, None, ((f"bramble/v1/{FLEET}/node/{self._node}/up/#", 1),))
        assert isinstance(self._inbox.get(timeout=PATIENCE_S), LinkUp)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._link.close()

    def rate(self, call: Callable[[int], Invocation], many: int, under_way: int) -> float:
        """Calls a second: each with its result acknowledged, so many under way at a time."""
        begun_mono_s, given, ended = time.monotonic(), 0, 0
        while ended < many:
            while given < min(many, ended + under_way):
                self._say(InvocationTopic(FLEET, self._node, call(given).id), call(given))
                given += 1
            self._flush()
            ended += self._ended()
        return many / (time.monotonic() - begun_mono_s)

    def _ended(self) -> int:
        """How many calls have ended with what arrives next."""
        seen = [self._inbox.get(timeout=PATIENCE_S)]
        seen += [self._inbox.get() for _ in range(self._inbox.qsize())]
        arrived = [unpack(packet) for one in seen if isinstance(one, Arrived) for packet in one.packets]
        received = [one for one in arrived if isinstance(one, Received)]
        news = [one for one in received if self._is_new(one)]
        for stream in {one.mark.stream for one in received if one.mark is not None}:
            self._say(AckTopic(FLEET, self._node), self._intakes[stream].ack(stream))
        results = [one.message for one in news if isinstance(one.message, Result) and one.message.attempt]
        for result in results:
            assert result.status is ResultStatus.DONE, result
        return len(results)

    def _is_new(self, one: Received) -> bool:
        if one.mark is None:
            return False
        stream = one.mark.stream
        self._intakes[stream], is_new = self._intakes.get(stream, Intake()).seen(one.mark)
        return is_new

    def _say(self, topic: InvocationTopic | AckTopic, message: object) -> None:
        packet = pack(topic, message)
        assert isinstance(packet, Packet), packet
        self._waiting.append(packet)

    def _flush(self) -> None:
        """Hand over what the link has room for; each word of the broker's wakes us and makes room."""
        while self._waiting and self._link.free > 0:
            self._link.publish(self._waiting.popleft())
