"""One real agent of a bench, beside the lab's hosts, on mock pins; with the Docker Engine of a host, or with none."""

from __future__ import annotations

import sys
from pathlib import Path

from lab.broker import Broker
from lab.processes import Process
from lab.site import Site
from tests.bench.desk import FLEET

NO_ENGINE = "none"


def start_agent(
    site: Site, broker: Broker, name: str, docker_host: str = NO_ENGINE, *, with_finger: bool = False
) -> Process:
    """Start an agent as an installation would, but for its paths and, if asked for, a way to touch its pins."""
    state = state_dir(site, name)
    state.mkdir()
    extra = {
        "BRAMBLE_NODE": name,
        "BRAMBLE_FLEET": FLEET,
        "BRAMBLE_BROKER_HOST": broker.address,
        "BRAMBLE_BROKER_PORT": str(broker.port),
        "BRAMBLE_STATE_DIR": str(state),
        "BRAMBLE_DOCKER_HOST": docker_host,
        "BRAMBLE_FINGER": str(finger(site, name)) if with_finger else "",
        "GPIOZERO_PIN_FACTORY": "mock",
    }
    return site.spawn(name, [sys.executable, "-m", "agent"], extra)


def state_dir(site: Site, name: str) -> Path:
    """Where an agent remembers."""
    return site.directory / f"agent-{name}"


def finger(site: Site, name: str) -> Path:
    """The pipe through which the agent's mock pins are touched."""
    return state_dir(site, name) / "finger"
