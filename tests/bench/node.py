"""One real agent of a bench, beside the lab's hosts, on mock pins; with the Docker Engine of a host, or with none."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from lab.broker import Broker
from lab.processes import Process
from lab.site import Site
from tests.bench.desk import FLEET

NO_ENGINE = "none"
UNIT = Path(__file__).resolve().parents[2] / "systemd" / "bramble-agent.service"
PYTHON = (sys.executable, "-S")
PACKAGES = {"PYTHONPATH": sysconfig.get_path("purelib")}
# For both sides: the hooks of a development environment (.pth files) load modules into every Python, 0.4 MB of them into the peer.


def start_agent(
    site: Site, broker: Broker, name: str, docker_host: str = NO_ENGINE, *, with_finger: bool = False
) -> Process:
    """Start an agent as its unit does, but for its paths and, if asked for, a way to touch its pins."""
    state = state_dir(site, name)
    state.mkdir()
    extra = {
        **unit_environment(),
        **PACKAGES,
        "BRAMBLE_NODE": name,
        "BRAMBLE_FLEET": FLEET,
        "BRAMBLE_BROKER_HOST": broker.address,
        "BRAMBLE_BROKER_PORT": str(broker.port),
        "BRAMBLE_STATE_DIR": str(state),
        "BRAMBLE_DOCKER_HOST": docker_host,
        "BRAMBLE_FINGER": str(finger(site, name)) if with_finger else "",
        "GPIOZERO_PIN_FACTORY": "mock",
    }
    return site.spawn(name, [*PYTHON, "-m", "agent"], extra)


def unit_environment() -> Mapping[str, str]:
    """What systemd gives an installed agent: its unit keeps the memory small with two variables."""
    said = [line for line in UNIT.read_text().splitlines() if line.startswith("Environment=")]
    return dict(pair.split("=", 1) for line in said for pair in line.removeprefix("Environment=").split())


def state_dir(site: Site, name: str) -> Path:
    """Where an agent remembers."""
    return site.directory / f"agent-{name}"


def finger(site: Site, name: str) -> Path:
    """The pipe through which the agent's mock pins are touched."""
    return state_dir(site, name) / "finger"
