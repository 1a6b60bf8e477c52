"""An operator's eyes: what the broker shows, kept as the newest of each state and the whole list of each fact.

It believes only what arrived on MQTT. Waiting always has an end and says what it waited for and what it saw instead.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

from lab.processes import TooLateError
from link.session import Session
from protocol.envelope import Packet, Received, unpack
from protocol.observed import NodeStatus, Presence, Result, SensorEvent
from protocol.operator import OperatorOrder, OrderVerb, StackStatus
from protocol.shapes import JsonValue
from protocol.topics import EventTopic, PresenceTopic, ResultTopic, StackStatusTopic, StatusTopic

T = TypeVar("T")

LOOK_S = 0.2
# Claims that MQTT does not announce (containers on a host) are looked at again this often.

ANSWER_S = 20.0
# An order is answered in milliseconds; a controller that restarts needs a few seconds.


class Watch:
    """Reads everything of one fleet."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.stacks: dict[str, StackStatus] = {}
        self.nodes: dict[str, NodeStatus] = {}
        self.presence: dict[str, Presence] = {}
        self.events: dict[str, list[SensorEvent]] = defaultdict(list)
        self.results: dict[str, list[Result]] = defaultdict(list)

    def until(self, claim: Callable[[], T | None], what: str, within_s: float) -> T:
        """Read until the claim gives something; it is asked after every packet and several times a second."""
        deadline_mono_s = time.monotonic() + within_s
        while True:
            self.read(LOOK_S)
            if found := claim():
                return found
            if time.monotonic() > deadline_mono_s:
                raise TooLateError(f"waited {within_s:g} s in vain for {what}")

    def read(self, within_s: float) -> None:
        """Take in what arrives."""
        for packet in self._session.packets(within_s):
            self._take(packet)

    def order(self, verb: OrderVerb, target: str = "", arguments: dict[str, JsonValue] | None = None) -> JsonValue:
        """Give an order and return the result of its answer."""
        answer = self._session.ask(OperatorOrder(verb, target, arguments or {}), ANSWER_S)
        if answer is None:
            raise TooLateError(f"the controller did not answer {verb} within {ANSWER_S:g} s")
        if not getattr(answer, "ok", False):
            raise RuntimeError(f"{verb} {target}: {answer}")
        return getattr(answer, "result", None)

    def _take(self, packet: Packet) -> None:
        received = unpack(packet)
        if not isinstance(received, Received):
            return
        match received.topic, received.message:
            case StackStatusTopic() as topic, StackStatus() as status:
                self.stacks[topic.stack] = status
            case StatusTopic() as topic, NodeStatus() as node:
                self.nodes[topic.node] = node
            case PresenceTopic() as topic, Presence() as presence:
                self.presence[topic.node] = presence
            case EventTopic() as topic, SensorEvent() as event:
                self.events[topic.node].append(event)
            case ResultTopic() as topic, Result() as result:
                self.results[topic.node].append(result)
