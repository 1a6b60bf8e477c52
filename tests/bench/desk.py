"""The controller's desk for benches of one part: gives assignments, reads what nodes say, acknowledges every fact.

No controller runs, so nothing else is measured; but facts are acknowledged as one would, or the node would say them again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from lab.broker import Broker
from lab.processes import TooLateError
from link.intake import Intake
from link.session import Session
from link.settings import LinkSettings
from protocol.desired import Assignment
from protocol.envelope import Packet, Received, unpack
from protocol.topics import AckTopic, AssignmentTopic, Topic

FLEET = "bench"
PATIENCE_S = 20.0
# Twenty times what a node takes for anything here, on a machine with other work.


class Desk:
    """A session that plays the controller; a context manager."""

    def __init__(self, broker: Broker, *filters: str) -> None:
        settings = LinkSettings(broker.address, broker.port, "desk")
        self._session = Session(settings, FLEET, (f"bramble/v1/{FLEET}/node/+/up/#", *filters))
        self._intakes: dict[str, Intake] = {}

    def __enter__(self) -> Self:
        self._session.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._session.__exit__(kind, error, at)

    def assign(self, assignment: Assignment) -> None:
        """Give a node what it should run."""
        self.say(AssignmentTopic(FLEET, assignment.node), assignment)

    def say(self, topic: Topic, message: Any) -> None:
        """Say anything else."""
        refused = self._session.say(topic, message)
        assert refused is None, refused

    def wait_for(self, is_it: Callable[[Packet, Any], bool], what: str, within_s: float = PATIENCE_S) -> float:
        """Read until a packet (and its message, if it is one of ours) is what we wait for; the monotonic time of its arrival."""
        for packet in self._session.packets(within_s):
            arrived_mono_s = time.monotonic()
            if is_it(packet, self._taken(packet)):
                return arrived_mono_s
        raise TooLateError(f"waited {within_s:g} s in vain: {what}")

    def listen(self, for_s: float, hear: Callable[[Any], object] = lambda _: None) -> None:
        """Read and acknowledge for so long; `hear` is given each message."""
        for packet in self._session.packets(for_s):
            hear(self._taken(packet))

    def _taken(self, packet: Packet) -> Any:
        received = unpack(packet)
        if not isinstance(received, Received):
            return None
        if received.mark is not None:
            stream = received.mark.stream
            self._intakes[stream], _ = self._intakes.get(stream, Intake()).seen(received.mark)
            node = str(received.topic).split("/")[4]
            self._session.say(AckTopic(FLEET, node), self._intakes[stream].ack(stream))
        return received.message
