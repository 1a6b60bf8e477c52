"""A real agent process on a real Mosquitto: a door of zigbee2mqtt and a file on the disk make events."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.broker import STOCK
from lab.broker import Broker as Mosquitto
from link.session import Session
from link.settings import LinkSettings
from protocol.desired import Assignment, SensorSpec
from protocol.envelope import Packet, Received, unpack
from protocol.observed import NodeStatus, SensorEvent
from protocol.topics import AssignmentTopic

ROOT = Path(__file__).parents[2]
PATIENCE_S = 40.0
DOOR = "zigbee2mqtt/door"

pytestmark = pytest.mark.broker


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A conversation with the broker of an agent that has neither engine nor pins."""
    with_name = {"NODE": "pi-1", "BROKER_HOST": "127.0.0.1", "STATE_DIR": str(tmp_path), "DOCKER_HOST": "none"}
    mosquitto = Mosquitto(tmp_path / "broker", settings=dict(STOCK))
    mosquitto.start()
    said = {**with_name, "BROKER_PORT": str(mosquitto.port), "PIN_FACTORY": "mock"}
    environ = {**os.environ, **{f"BRAMBLE_{name}": value for name, value in said.items()}}
    with (tmp_path / "log").open("w") as log:
        agent = subprocess.Popen([sys.executable, "-m", "agent"], env=environ, cwd=ROOT, stderr=log)
    try:
        settings = LinkSettings("127.0.0.1", mosquitto.port, "operator")
        with Session(settings, "default", ("bramble/v1/default/node/pi-1/up/#",)) as opened:
            yield opened
    finally:
        agent.terminate()
        agent.wait(PATIENCE_S)
        mosquitto.kill()


def until(session: Session, *wanted: tuple[str, str]) -> None:
    """Wait until the sensors named first have said what is named second, in any order: an event's type, or a value."""
    missing, deadline_mono_s = set(wanted), time.monotonic() + PATIENCE_S
    while missing:
        for packet in session.packets(0.1):
            received = unpack(packet)
            message = received.message if isinstance(received, Received) else None
            if isinstance(message, SensorEvent):
                missing.discard((message.sensor, message.type))
            if isinstance(message, NodeStatus):
                missing -= {(one.name, one.value) for one in message.sensors}
        assert time.monotonic() < deadline_mono_s, f"not in time: {missing}"


def test_sources_make_events_on_a_node_without_pins(session: Session, tmp_path: Path) -> None:
    """What is retained is where the door stands; the next state is an event, and so is a new file."""
    orders = tmp_path / "orders"
    door = SensorSpec("door", "porch", "mqtt", {"topic": DOOR, "value": "contact", "on": "false"})
    file = SensorSpec("orders", "porch", "file", {"path": str(orders), "every": 0.1})
    session.publish(Packet(DOOR, b'{"contact":true}', qos=1, retain=True))
    session.say(AssignmentTopic("default", "pi-1"), Assignment("pi-1", 1, 1, (), (door, file)))
    until(session, ("door", "off"), ("orders", "nothing"))
    session.publish(Packet(DOOR, b'{"contact":false,"battery":97}', qos=1, retain=True))
    orders.write_text("one")
    until(session, ("door", "on"), ("orders", "created"))
