"""Functions as processes, on a real agent and a real controller, and no engine anywhere: from the manifest to the result."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.commands import app
from lab.broker import Broker
from lab.processes import Process, spawn, wait_ready
from link.session import Session
from link.settings import LinkSettings
from protocol.envelope import Packet

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]
HANDLER = """\
def handle(event, context):
    print("a word for the log")
    return {"said": event.data, "key": context.secret("key")}
"""
DOORS = """\
name: doors
secrets:
  key: {content: hush}
functions:
  greet: {mode: process, handler: greet.py, secrets: [key], timeout: 20s}
  shout: {mode: process, command: [tr, a-z, A-Z], environment: {LC_ALL: C}}
  slow: {mode: process, command: ["sh", "-c", "echo x >>EFFECTS; sleep 2; echo done"], timeout: 20s}
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


def settings_of(broker: Broker, directory: Path, **more: str) -> dict[str, str]:
    own = {"BROKER_HOST": "127.0.0.1", "BROKER_PORT": str(broker.port), "STATE_DIR": str(directory / "state"), **more}
    return {**os.environ, **{f"BRAMBLE_{name}": value for name, value in own.items()}}


@pytest.fixture(scope="module")
def controller(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    directory = tmp_path_factory.mktemp("controller")
    environ = settings_of(broker, directory, METRICS_PORT="0", IMAGE_LOOKUP_S="0")
    process = spawn(
        "controller", [sys.executable, "-m", "controller"], directory / "log", extra=environ, directory=ROOT
    )
    try:
        wait_ready(process, lambda: bramble(broker, "stacks", "--timeout", "1s").exit_code == 0)
        yield process
    finally:
        process.terminate()


def agent(broker: Broker, directory: Path, name: str, **more: str) -> Process:
    environ = settings_of(broker, directory, NODE=name, DOCKER_HOST="none", PIN_FACTORY="mock", **more)
    return spawn(name, [sys.executable, "-m", "agent"], directory / "log", extra=environ, directory=ROOT)


def bramble(broker: Broker, *words: str, body: str | None = None) -> Any:
    return CliRunner().invoke(app, list(words), env={"BRAMBLE_BROKER": f"127.0.0.1:{broker.port}"}, input=body)


def explained(broker: Broker, function: str) -> str:
    return str(bramble(broker, "explain", function).stdout)


@dataclass(slots=True)
class Doors:
    """The stack, on a node that allows processes and beside one that does not."""

    broker: Broker
    directory: Path
    node: Process

    def restart(self) -> None:
        """Kill the agent alone, as a fault does, and start the next one."""
        os.kill(self.node.pid, signal.SIGKILL)
        self.node.wait()
        self.node = agent(self.broker, self.directory / "open", "pi-open", PROCESSES="true")

    @property
    def effects(self) -> str:
        path = self.directory / "effects"
        return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def doors(broker: Broker, controller: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    directory = tmp_path_factory.mktemp("doors")
    (directory / "greet.py").write_text(HANDLER)
    (directory / "doors.yaml").write_text(DOORS.replace("EFFECTS", str(directory / "effects")))
    for name in ("open", "shut"):
        (directory / name).mkdir()
    shut = agent(broker, directory / "shut", "pi-shut")
    doors = Doors(broker, directory, agent(broker, directory / "open", "pi-open", PROCESSES="true"))
    try:
        applied = bramble(broker, "up", "-f", str(directory / "doors.yaml"), "--detach")
        assert applied.exit_code == 0, applied.output
        wait_ready(doors.node, lambda: all(name in explained(broker, "doors.greet") for name in ("pi-open", "pi-shut")))
        yield doors
    finally:
        doors.node.terminate()
        shut.terminate()


def called(broker: Broker, function: str, body: str) -> Any:
    return json.loads(bramble(broker, "invoke", function, "--data", body, "-o", "json", "--timeout", "20s").stdout)


def test_a_handler_and_a_command_answer_on_a_node_without_an_engine(broker: Broker, doors: Doors) -> None:
    """What a manifest says is what runs: a Python handler from a file with its secret, and a plain command."""
    greeted = called(broker, "doors.greet", '{"name": "Ann"}')
    assert (greeted["status"], json.loads(greeted["output"])) == ("done", {"said": {"name": "Ann"}, "key": "hush"})
    assert greeted["error"] == "a word for the log\n"
    assert called(broker, "doors.shout", "hello")["output"] == "HELLO"


def test_a_node_that_allows_no_processes_gets_none(broker: Broker, doors: Doors) -> None:
    """Where the settings do not allow it, it does not run, and the reason is told."""
    said = explained(broker, "doors.greet")
    assert "allows no processes" in said


def test_what_has_no_image_is_planned_and_shown_like_the_rest(broker: Broker, doors: Doors) -> None:
    """Plans, lists and statuses are of functions, whatever they run in."""
    changed = doors.directory / "changed.yaml"
    changed.write_text((doors.directory / "doors.yaml").read_text().replace("A-Z", "a-y"))
    planned = bramble(broker, "plan", "-f", str(changed), "--timeout", "20s")
    assert "shout" in planned.output
    for words in (("functions", "ls"), ("status", "doors")):
        shown = bramble(broker, *words)
        assert (shown.exit_code, "greet" in shown.output) == (0, True), shown.output


def test_a_killed_agent_takes_over_what_it_had_begun(broker: Broker, doors: Doors) -> None:
    """The run goes on without its agent, which finds its result after the next start: one effect, one result."""
    command = [sys.executable, "-m", "cli", "invoke", "doors.slow", "-o", "json", "--timeout", "20s"]
    environ = {**os.environ, "BRAMBLE_BROKER": f"127.0.0.1:{broker.port}"}
    calling = spawn("call", command, doors.directory / "call", extra=environ, directory=ROOT)
    wait_ready(calling, lambda: doors.effects == "x\n")
    doors.restart()
    assert calling.wait(20) == 0, calling.log()
    assert '"done\\n"' in calling.log()
    assert '"attempt": 1' in calling.log()
    assert doors.effects == "x\n"
    processes = doors.directory / "open" / "state" / "processes"
    wait_ready(doors.node, lambda: not any(processes.iterdir()))


WARM = """\
name: warm
sensors:
  dial: {kind: mqtt, topic: things/dial, shows: event, value: turned, nodes: ["node.id == pi-open"]}
functions:
  air:
    mode: process
    command: ["sh", "-c", "cat >>EFFECTS; echo >>EFFECTS"]
    triggers:
      - {sensor: dial, on: received, when: [{cel: "event.data.value.t > 30.0 && event.type.endsWith('received')"}]}
"""


def test_a_condition_in_cel_decides_on_a_real_node(broker: Broker, doors: Doors) -> None:
    """What is warm enough calls; what is not, and what says nothing of it, does not, and the node says why."""
    effects = doors.directory / "warmed"
    (doors.directory / "warm.yaml").write_text(WARM.replace("EFFECTS", str(effects)))
    applied = bramble(broker, "up", "-f", str(doors.directory / "warm.yaml"), "--detach")
    assert applied.exit_code == 0, applied.output

    def inspected() -> str:
        return str(bramble(broker, "node", "inspect", "pi-open").output)

    wait_ready(doors.node, lambda: "dial" in inspected())  # its topic is subscribed to when the sensor is opened
    with Session(LinkSettings("127.0.0.1", broker.port, "things"), "default", ()) as session:
        for turned in (b'{"t":31}', b"{}", b'{"t":30}', b'{"t":99}'):
            session.publish(Packet("things/dial", b'{"turned":%s}' % turned, qos=1))
        wait_ready(doors.node, lambda: effects.exists() and '"t":99' in effects.read_text())
        wait_ready(doors.node, lambda: "there is no key 't'" in inspected())
    values = [json.loads(line)["value"] for line in effects.read_text().splitlines() if line]
    assert sorted(value["t"] for value in values) == [31, 99]
