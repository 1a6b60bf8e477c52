"""A controller and an agent with mock pins as processes at a real Mosquitto, and a client that plays Home Assistant."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from typer.testing import CliRunner

from cli.commands import app
from lab.broker import Broker
from lab.processes import Process, spawn

ROOT = Path(__file__).parents[2]
OURS = "bramble/v1/default/home-assistant"


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
            "BRAMBLE_IMAGE_LOOKUP_S": "0", "BRAMBLE_PROCESSES": "true",
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

    def apply(self, text: str) -> None:
        """Publish a stack."""
        path = self.directory / "porch.yaml"
        path.write_text(text)
        self.bramble("apply", "-f", str(path), "--detach")

    def is_high(self, pin: int) -> bool:
        """The electrical level of a mock pin of the node."""
        rows = json.loads(self.bramble("pins", "pi-1", "-o", "json"))
        return any(row["pin"] == pin and row["high"] for row in rows)
