"""A stand-in for the controller, at a real broker: it answers what a test tells it to, in a thread of its own.

It decides nothing; it is there so that the command line meets a real wire. The real controller is met in test_real_controller.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from link.backoff import Pace
from link.session import Session
from link.settings import LinkSettings
from protocol.envelope import Packet, Received, pack, unpack
from protocol.observed import Answer
from protocol.operator import ControllerPresence, OperatorOrder, OrderVerb, StackStatus
from protocol.topics import (
    AnswerTopic,
    CallTopic,
    ControllerPresenceTopic,
    ManifestTopic,
    OrderTopic,
    StackStatusTopic,
    Topic,
    filter_of,
)

TURN_S = 0.1
"""How soon it notices that the test is over."""


class StandIn:
    """A controller of one fleet; a context manager. `deaf_to` orders are heard and not answered, as if the answer was lost."""

    def __init__(
        self,
        port: int,
        answers: dict[OrderVerb, Any],
        *,
        judged: Callable[[str, str], tuple[StackStatus, ...]] = lambda _stack, _digest: (),
        fleet: str = "default",
        deaf_to: int = 0,
        retained: tuple[tuple[Topic, Any], ...] = (),
    ) -> None:
        filters = tuple(filter_of(topic, fleet) for topic in (OrderTopic, CallTopic, ManifestTopic))
        settings = LinkSettings("127.0.0.1", port, "stand-in", pace=Pace(0.1, 0.2))
        self._session = Session(settings, fleet, filters)
        self._answers, self._judged, self._deaf_to = answers, judged, deaf_to
        self._retained = retained
        self._is_over, self._is_there = Event(), Event()
        self._thread = Thread(target=self._serve)
        self.fleet = fleet
        self.heard: list[tuple[str, OperatorOrder]] = []
        self.called: list[tuple[str, bytes]] = []
        self.manifests: list[tuple[str, bytes]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_there.wait(10.0)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join(10.0)

    def _serve(self) -> None:
        with self._session as session:
            session.say(ControllerPresenceTopic(self.fleet), ControllerPresence("online", 1))
            for topic, message in self._retained:
                session.say(topic, message)
            self._is_there.set()
            while not self._is_over.is_set():
                for packet in session.packets(TURN_S):
                    self._take(packet)

    def _take(self, packet: Packet) -> None:
        received = unpack(packet)
        if not isinstance(received, Received):
            return
        match received.topic:
            case OrderTopic(id=name):
                self.heard.append((name, received.message))
                if len(self.heard) > self._deaf_to:
                    self._answer(packet, name, self._answers[received.message.verb])
            case CallTopic(function=function, id=name):
                self.called.append((function, received.message))
                self._answer(
                    packet, name, Answer(name, ok=True, result={"status": "done", "node": "pi-1", "output": "hi"})
                )
            case ManifestTopic(stack=stack):
                self.manifests.append((stack, received.message))
                for status in self._judged(stack, hashlib.sha256(received.message).hexdigest()[:12]):
                    self._session.say(StackStatusTopic(self.fleet, stack), status)

    def _answer(self, packet: Packet, name: str, result: Any) -> None:
        answer = result if isinstance(result, Answer) else Answer(name, ok=True, result=result)
        said = pack(AnswerTopic(self.fleet, name), answer)
        assert isinstance(said, Packet)
        self._session.publish(replace(said, topic=packet.response_topic, correlation=packet.correlation))
