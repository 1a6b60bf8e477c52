"""A controller that shows its fleet to Home Assistant, turned by hand; what stands there, and what is said from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from controller.decide.effects import Effect, Say
from controller.decide.home_assistant import announce
from protocol import topics
from protocol.desired import Command
from protocol.envelope import FactMark
from protocol.observed import Clock, Hello, Inventory, SensorEvent
from tests.controller.desk import FLEET, Desk

PREFIX = "homeassistant"
OURS = f"bramble/v1/{FLEET}/home-assistant"
PORCH = """\
services:
  web: {image: "web:1"}
sensors:
  bell: {kind: button, pin: 17}
actuators:
  lamp: {kind: led, pin: 27}
"""
NODE = f"{PREFIX}/device/bramble_{FLEET}_node_pi-1/config"
WEB = f"{PREFIX}/device/bramble_{FLEET}_service_porch_web/config"
LAMP, BELL = f"{OURS}/node/pi-1/actuator/porch.lamp/state", f"{OURS}/node/pi-1/sensor/porch.bell/state"
REFUSAL = f"{OURS}/node/pi-1/own/refusal/state"


def porch(path: Path | None = None, prefix: str = PREFIX) -> Desk:
    """A node with a button and a lamp, and a service, all of it announced."""
    desk = Desk(path, home_assistant=prefix)
    desk.hello("pi-1")
    desk.manifest("porch", PORCH)
    settled(desk)
    return desk


def settled(desk: Desk) -> None:
    """Let pass what is between two announcements, and until something is emptied."""
    for _ in range(3):
        desk.turn(announce.QUIET_S)


def shown(desk: Desk) -> dict[str, Any]:
    """What stands on the broker of Home Assistant's, by what was said."""
    kept = {topic: said for topic, said in desk.said.items() if said != b"" and not topic.endswith("/event")}
    return {topic: said for topic, said in kept.items() if topic.startswith((PREFIX, OURS))}


def components(desk: Desk, topic: str = NODE) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(desk.said[topic])["cmps"]
    return found


def state(desk: Desk, topic: str) -> Any:
    return json.loads(desk.said[topic])["state"]


def command(desk: Desk, what: str, payload: str | bytes, **more: Any) -> tuple[Effect, ...]:
    """Home Assistant publishes on a command topic."""
    topic = topics.parse(f"{OURS}/{what}/set")
    assert topic is not None
    return desk.heard(topic, payload.encode() if isinstance(payload, str) else payload, **more)


def event(desk: Desk, sequence: int, kind: str, *, value: object = None) -> tuple[Effect, ...]:
    """The bell says something."""
    said = SensorEvent("s-pi-1", sequence, "pi-1", "bell", kind, "", "boot", sequence, Clock.SYNCED, value)
    mark = FactMark("s-pi-1", sequence, 1)
    return desk.heard(topics.EventTopic(FLEET, "pi-1", "bell"), said, mark=mark)


def greets(desk: Desk, sequence: int) -> None:
    """The node says hello, with older facts that nobody has heard still in its outbox."""
    hello = Hello("pi-1", 2, "boot", "1", Inventory("pi-1", "aarch64", engine="20.10"))
    desk.heard(topics.HelloTopic(FLEET, "pi-1"), hello, mark=FactMark("s-pi-1", sequence, 2))


def rung(effects: tuple[Effect, ...]) -> list[str]:
    """The events that Home Assistant is told of."""
    said = [e for e in effects if isinstance(e, Say) and isinstance(e.topic, topics.EntityEventTopic)]
    return [json.loads(one.message)["event_type"] for one in said]


def commands(effects: tuple[Effect, ...]) -> list[Command]:
    return [e.message for e in effects if isinstance(e, Say) and isinstance(e.message, Command)]
