"""From a button to a lamp through a function, on a node that has nobody: its broker has been killed.

`python -m tests.bench lamp`. A real agent on mock pins (`tests/bench/presser.py`) with an engine of its own. Pressing calls a
function, warm over a unix socket or a process of a shell, whose answer names the lamp: edge, event, commit, function, commit, pin.
The limit is the fifty milliseconds within which a person takes two things for one.
"""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
from typing import Any

from lab.broker import Broker
from lab.host import Host
from lab.images import Image, archive
from lab.processes import Process, wait_ready
from lab.site import Site
from protocol.container import Container
from protocol.desired import ActuatorSpec, Assignment, SensorSpec
from protocol.function import FunctionSpec, Mode, Scale, Transport
from protocol.observed import NodeStatus
from protocol.trigger import TriggerSpec
from tests.bench.desk import FLEET, Desk
from tests.bench.figure import Figure, Say
from tests.bench.node import PACKAGES, PYTHON, unit_environment
from tests.fakes.warm_box import mounts

PRESSES, WARM_UP = 200, 5
LIMIT_MS = 50.0
BUTTON, LAMP = 17, 27
IMAGE = "bench/python:1"
HANDLER = """
def handle(event, context):
    return {"actuators": {"lamp": "on" if "pressed" in event.body else "off"}}
"""
SHELL = """
read -r event
case "$event" in *pressed*) echo '{"actuators": {"lamp": "on"}}' ;; *) echo '{"actuators": {"lamp": "off"}}' ;; esac
"""
PATIENCE_S = 200.0


def measure(say: Say) -> tuple[Figure, ...]:
    """One agent after the other."""
    with Site() as site:
        (host,) = site.start_hosts("engine")
        host.docker("load", "--quiet", given=archive(Image("python", "1"), IMAGE))
        figures: list[Figure] = []
        for function in (_warm(), _process()):
            say(f"{PRESSES} presses, {function.mode}, without a broker")
            took_ms = _pressed(site, host, function)
            for words, at in (("median", 49), ("99 of 100", 98)):
                found = statistics.quantiles(took_ms, n=100)[at]
                name = f"button to lamp, {function.mode}, no broker: {words}"
                figures.append(Figure(name, "limit", found, LIMIT_MS, "ms", 1 if at == 98 else None))
    return tuple(figures)


def _pressed(site: Site, host: Host, function: FunctionSpec) -> list[float]:
    name = f"lamp-{function.mode}"
    with Broker(site.directory / f"broker-{name}", site.address, extra=site.environment) as broker:
        agent = _start(site, host, broker, name)
        with Desk(broker) as desk:
            sensor = SensorSpec("bell", "porch", "button", {"pin": BUTTON, "debounce": 0.0, "hold": 0.0})
            lamp = ActuatorSpec("lamp", "porch", "led", {"pin": LAMP})
            desk.assign(Assignment(name, 1, 1, sensors=(sensor,), actuators=(lamp,), functions=(function,)))
            desk.wait_for(lambda _, said: _watches(said), "the button to be watched", PATIENCE_S)
    try:
        os.kill(agent.pid, signal.SIGUSR1)
        wait_ready(agent, lambda: _said(agent) is not None, PATIENCE_S)
        said = _said(agent)
        assert said is not None, f"the agent has ended\n{agent.log()}"
        return [float(took) for took in json.loads(said)][WARM_UP:]
    finally:
        agent.kill()


def _start(site: Site, host: Host, broker: Broker, name: str) -> Process:
    state = site.directory / f"agent-{name}"
    state.mkdir()
    extra = {
        **unit_environment(),
        **PACKAGES,
        "BRAMBLE_NODE": name,
        "BRAMBLE_FLEET": FLEET,
        "BRAMBLE_BROKER_HOST": broker.address,
        "BRAMBLE_BROKER_PORT": str(broker.port),
        "BRAMBLE_STATE_DIR": str(state),
        "BRAMBLE_DOCKER_HOST": host.engine.url,
        "BRAMBLE_PROCESSES": "true",
        "GPIOZERO_PIN_FACTORY": "mock",
    }
    given = map(str, (BUTTON, LAMP, WARM_UP + PRESSES))
    return host.spawn(name, [*PYTHON, "-m", "tests.bench.presser", *given], extra)


def _watches(said: Any) -> bool:
    return isinstance(said, NodeStatus) and bool(said.sensors and said.sensors[0].value and said.actuators)


def _said(agent: Process) -> str | None:
    """The presses, once all were made."""
    found = re.search(r"^\[[\d., ]+\]$", agent.log(), re.MULTILINE)
    return found[0] if found else None


def _warm() -> FunctionSpec:
    container = Container(IMAGE, environment={"PATH": "/usr/bin:/bin"}, mounts=mounts(), network_mode="none")
    kept = Scale(min_per_node=1)
    return _function(Mode.WARM, container, handler=HANDLER, transport=Transport.SOCKET, scale=kept)


def _process() -> FunctionSpec:
    return _function(Mode.PROCESS, Container("", command=("/bin/sh", "-c", SHELL)))


def _function(mode: Mode, container: Container, **given: Any) -> FunctionSpec:
    triggers = (TriggerSpec("bell", "pressed"), TriggerSpec("bell", "released"))
    return FunctionSpec("follow", "porch", str(mode), container, triggers=triggers, mode=mode, **given)
