"""The job of `tests.bench.warm` and `tests.bench.nodered`: an event on a topic, a function, an action on another topic, QoS 1.

Ours: an agent with the topic as a sensor, whose trigger calls a warm function in a container, whose `then:` publishes what it said.
The client outside sends an event and waits for its action. Facts are acknowledged by a desk in a process of its own.
"""

from __future__ import annotations

import json
import multiprocessing as mp
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from lab.broker import Broker
from lab.host import Host
from lab.processes import Process, TooLateError
from link.broker import Broker as Link
from link.inputs import Arrived, LinkUp, Published
from link.settings import LinkSettings
from protocol.calling import Action
from protocol.container import Container
from protocol.desired import Assignment, SensorSpec
from protocol.envelope import Packet
from protocol.function import FunctionSpec, Mode, Scale, Transport
from protocol.trigger import TriggerSpec
from tests.bench.desk import FLEET, Desk
from tests.bench.node import PACKAGES, PYTHON, unit_environment
from tests.fakes.warm_box import mounts

PAUSE_S = 0.02
# What one event leaves to be done (acknowledgements, their commits) is over when the next one comes.
START_S, PATIENCE_S = 60.0, 10.0
ROOM_S = 0.0005
# With fewer places in the link's window than events under way, one may have to wait until the broker has answered.
UNDER_WAY = 32
NODE, IMAGE = "bench", "bench/python:1"
EVENT, ACTION = "bench/{}/event", "bench/{}/action"
HANDLER = """
import json
def handle(event, context):
    said = json.loads(event.body)
    said = said if "n" in said else json.loads(said.get("value") or "{}")
    return {"n": said.get("n"), "on": True}
"""
# The same file for both sides: the bridge hands it the payload, the agent the event's data, whose value is the payload.


class Client:
    """Sends an event and waits for its action."""

    def __init__(self, broker: Broker) -> None:
        self._inbox: SimpleQueue[object] = SimpleQueue()
        self._link = Link(LinkSettings(broker.address, broker.port, "client"), self._inbox.put, self._inbox.qsize)
        self._number = 0

    def __enter__(self) -> Self:
        self._link.dial(1, None, None, ((ACTION.format("+"), 1),))
        assert isinstance(self._inbox.get(timeout=PATIENCE_S), LinkUp)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._link.close()

    def until_answered(self, side: str) -> None:
        """Send until one is answered: from now on the side is there."""
        until_mono_s = time.monotonic() + START_S
        while time.monotonic() < until_mono_s:
            with suppress(Empty):
                self.took_ms(side, patience_s=1.0)
                return
        raise TooLateError(f"{side}: no event was answered within {START_S:g} s")

    def took_ms(self, side: str, patience_s: float = PATIENCE_S, pause_s: float = PAUSE_S) -> float:
        """One event after a pause, until its action is there."""
        time.sleep(pause_s)
        begun_s = time.perf_counter()
        number = self._send(side)
        while number not in self._answered(patience_s):
            pass
        return (time.perf_counter() - begun_s) * 1000

    def rate(self, side: str, many: int, under_way: int) -> float:
        """Actions a second, with so many events under way at a time."""
        begun_s = time.perf_counter()
        waiting, ended = {self._send(side) for _ in range(under_way)}, 0
        while ended < many:
            answered = waiting & self._answered(PATIENCE_S)
            ended += len(answered)
            waiting = waiting - answered | {self._send(side) for _ in answered}
        return ended / (time.perf_counter() - begun_s)

    def _send(self, side: str) -> int:
        self._number += 1
        packet = Packet(EVENT.format(side), json.dumps({"n": self._number}).encode(), qos=1)
        while not isinstance(self._link.publish(packet), Published):
            time.sleep(ROOM_S)
        return self._number

    def _answered(self, patience_s: float) -> set[int]:
        """The numbers of the actions that came next."""
        seen = self._inbox.get(timeout=patience_s)
        packets = seen.packets if isinstance(seen, Arrived) else ()
        return {json.loads(packet.payload).get("n") for packet in packets}


def start_agent(broker: Broker, host: Host, state: Path) -> Process:
    """The agent on the host, as its unit starts it."""
    extra = {
        **unit_environment(),
        **PACKAGES,
        "BRAMBLE_NODE": NODE,
        "BRAMBLE_FLEET": FLEET,
        "BRAMBLE_BROKER_HOST": broker.address,
        "BRAMBLE_BROKER_PORT": str(broker.port),
        "BRAMBLE_STATE_DIR": str(state),
        "GPIOZERO_PIN_FACTORY": "mock",
    }
    return host.spawn(
        "agent", [*PYTHON, "-m", "agent", "--log-level", "WARNING"], extra | {"BRAMBLE_DOCKER_HOST": host.engine.url}
    )


def assign(broker: Broker, transport: Transport) -> None:
    """Give the agent its sensor and its function."""
    sensor = SensorSpec("ping", "porch", "mqtt", {"topic": EVENT.format("ours"), "shows": "event"})
    network = "none" if transport is Transport.SOCKET else ""
    container = Container(IMAGE, environment={"PATH": "/usr/bin:/bin"}, mounts=mounts(), network_mode=network)
    function = FunctionSpec(
        "greet",
        "porch",
        f"over-{transport}",
        container,
        triggers=(TriggerSpec("ping", "received"),),
        mode=Mode.WARM,
        transport=transport,
        concurrency=UNDER_WAY,
        scale=Scale(target=1000, min_per_node=1),
        then=(Action(publish=ACTION.format("ours")),),
        handler=HANDLER,
    )
    with Desk(broker) as desk:
        desk.assign(Assignment(NODE, 1, 1, sensors=(sensor,), functions=(function,)))


@contextmanager
def controller(broker: Broker) -> Iterator[None]:
    """Somebody who acknowledges facts, in a process of his own."""
    process = mp.Process(target=_acknowledge, args=(broker,), daemon=True)
    process.start()
    yield
    process.kill()
    process.join()


def _acknowledge(broker: Broker) -> None:
    with Desk(broker) as desk:
        desk.listen(3600.0)
