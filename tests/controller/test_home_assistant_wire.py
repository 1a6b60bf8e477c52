"""A real controller and a real agent with mock pins, through a real Mosquitto, with a client that plays Home Assistant."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from typer.testing import CliRunner

from cli.commands import app
from lab.broker import Broker
from lab.processes import Process, spawn, wait_until

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]
OURS = "bramble/v1/default/home-assistant"
PORCH = """\
name: porch
services:
  web: {image: "web:1"}
sensors:
  doorbell: {kind: button, pin: 17}
actuators:
  lamp: {kind: led, pin: 27}
"""
NODE, WEB = (
    "homeassistant/device/bramble_default_node_pi-1/config",
    "homeassistant/device/bramble_default_service_porch_web/config",
)
LAMP, BELL = f"{OURS}/node/pi-1/actuator/porch.lamp", f"{OURS}/node/pi-1/sensor/porch.doorbell"


class Home:
    """Home Assistant as a broker sees it: it hears discovery and states, keeps what is retained, and says what it wants."""

    def __init__(self, port: int) -> None:
        self.kept: dict[str, bytes] = {}
        self.events: list[dict[str, Any]] = []
        self._client = Client(CallbackAPIVersion.VERSION2, "home", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = self._heard
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([("homeassistant/#", 1), (f"{OURS}/#", 1)])  # type: ignore[list-item]
        self._client.loop_start()

    def _heard(self, _: Client, __: object, message: MQTTMessage) -> None:
        if message.topic.endswith("/event"):
            self.events.append(json.loads(message.payload))
        elif not message.payload:
            self.kept.pop(message.topic, None)
        elif not message.topic.endswith(("/set", "/status")):
            self.kept[message.topic] = message.payload

    def says(self, topic: str, payload: str) -> None:
        """Publish, as it does."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(10.0)

    def document(self, topic: str) -> Any:
        """What stands on a topic, read."""
        return json.loads(self.kept.get(topic, b"{}"))

    def close(self) -> None:
        """Go."""
        self._client.disconnect()
        self._client.loop_stop()


class Site:
    """The processes of one bramble, and what an operator says to it."""

    def __init__(self, directory: Path, broker: Broker) -> None:
        self.directory, self.broker = directory, broker
        self.controller = self._started("controller", "--home-assistant")
        self.agent = self._started("agent")

    def _started(self, module: str, *options: str) -> Process:
        settings = {
            "BRAMBLE_BROKER_HOST": "127.0.0.1", "BRAMBLE_BROKER_PORT": str(self.broker.port),
            "BRAMBLE_STATE_DIR": str(self.directory / module), "BRAMBLE_METRICS_PORT": "0", "BRAMBLE_NODE": "pi-1",
            "BRAMBLE_PIN_FACTORY": "mock", "BRAMBLE_DOCKER_HOST": f"unix://{self.directory}/none.sock",
            "BRAMBLE_IMAGE_LOOKUP_S": "0",
        }  # fmt: skip
        command = [sys.executable, "-m", module, *options]
        return spawn(
            module, command, self.directory / f"{module}.log", extra={**os.environ, **settings}, directory=ROOT
        )

    def restart_controller(self, *options: str) -> None:
        """End it, and begin it again with other options."""
        self.controller.terminate()
        self.controller = self._started("controller", *options)

    def bramble(self, *words: str) -> str:
        """An operator's command; what it printed."""
        said = CliRunner().invoke(app, list(words), env={"BRAMBLE_BROKER": f"127.0.0.1:{self.broker.port}"})
        assert said.exit_code == 0, said.output
        return said.stdout

    def apply(self) -> None:
        """Publish the stack."""
        path = self.directory / "porch.yaml"
        path.write_text(PORCH)
        self.bramble("apply", "-f", str(path), "--detach")

    def is_high(self, pin: int) -> bool:
        """The electrical level of a mock pin of the node."""
        rows = json.loads(self.bramble("pins", "pi-1", "-o", "json"))
        return any(row["pin"] == pin and row["high"] for row in rows)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("home")
    with Broker(directory / "broker") as broker:
        made = Site(directory, broker)
        try:
            yield made
        finally:
            made.agent.terminate()
            made.controller.terminate()


@pytest.fixture
def home(site: Site) -> Iterator[Home]:
    playing = Home(site.broker.port)
    yield playing
    playing.close()


def test_home_assistant_sees_the_stack_and_switches_its_lamp(site: Site, home: Home) -> None:
    """Discovery appears, an ON reaches the mock pin, a press comes as an event, and a bad payload is refused in words."""
    wait_until(lambda: NODE in home.kept, "the node to be announced")
    site.apply()
    wait_until(lambda: "light_actuator_porch_lamp" in home.document(NODE)["cmps"], "the lamp to be announced")
    wait_until(lambda: WEB in home.kept, "the service to be announced")
    wait_until(lambda: home.document(f"{LAMP}/state").get("state") == "OFF", "the lamp to be off")

    home.says(f"{LAMP}/set", '{"state": "ON"}')
    wait_until(lambda: home.document(f"{LAMP}/state").get("state") == "ON", "the lamp to be said on")
    assert site.is_high(27)
    home.says(f"{LAMP}/set", "OFF")
    wait_until(lambda: not site.is_high(27), "the pin to go low")

    site.bramble("pins", "pi-1", "--drive", "doorbell=pressed")
    wait_until(lambda: any(event["event_type"] == "pressed" for event in home.events), "the press to ring")
    wait_until(lambda: home.document(f"{BELL}/state").get("state") == "ON", "the button to be down")

    home.says(f"{LAMP}/set", "dim")
    refusal = f"{OURS}/node/pi-1/own/refusal/state"
    wait_until(lambda: "led takes ON, OFF" in (home.document(refusal).get("state") or ""), "the refusal to be shown")


def test_what_home_assistant_forgot_is_said_again_when_it_begins(site: Site, home: Home) -> None:
    """Its birth message brings everything back, whatever became of the broker's memory."""
    site.apply()
    wait_until(lambda: WEB in home.kept, "the service to be announced")
    home._client.publish(WEB, b"", qos=1, retain=True).wait_for_publish(10.0)
    wait_until(lambda: WEB not in home.kept, "the broker to forget")
    home.says("homeassistant/status", "online")
    wait_until(lambda: WEB in home.kept, "the service to be announced again", within_s=20.0)


def test_a_stack_that_goes_while_the_switch_is_off_is_taken_back(site: Site, home: Home) -> None:
    """Removed stacks leave no device and no state; switched off, nothing at all, though another process had announced it."""
    site.apply()
    wait_until(lambda: f"{LAMP}/state" in home.kept and WEB in home.kept, "the stack to be shown")
    site.bramble("down", "porch")
    wait_until(lambda: WEB not in home.kept, "the service's device to go")
    wait_until(lambda: home.document(NODE)["cmps"]["light_actuator_porch_lamp"] == {"p": "light"}, "the lamp to go")
    wait_until(lambda: not [topic for topic in home.kept if "porch" in topic], "the states to go")

    site.restart_controller()
    wait_until(lambda: not home.kept, "everything to be taken back")
