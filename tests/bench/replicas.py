"""From a published manifest to N running containers, against `docker service create` and the raw Docker API on the same engine.

`python -m tests.bench replicas`. One Docker Engine, whose host is the one node of a controller and a swarm of its own; one image,
which is there; no ports. Ours: a manifest with `deploy.replicas: N` is published over MQTT. Swarm's: the command, not waited for.
Raw: create and start of each container, by several threads with a connection each. Once on the engine's own bridge, where Swarm
puts a plain service (ours says `network_mode: bridge`), and once on the networks of a stack (`tests/bench/herds.py`). The clock
stops with the engine's event of the Nth start. In turns, everything is removed between rounds; medians.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from lab.images import Image, build
from lab.processes import wait_until
from lab.site import Site
from link.session import Session
from link.settings import LinkSettings
from tests.bench import swarm
from tests.bench.controller import controller
from tests.bench.desk import FLEET
from tests.bench.figure import Figure, Say
from tests.bench.herds import HANDS, Ours, Raws, Side, Swarms, make_networks
from tests.bench.node import start_agent
from tests.bench.raw import Raw, Starts

ROUNDS = 3
CASES = ((20, False), (50, False), (20, True))
"""How many containers, and whether on the networks of a stack."""

PATIENCE_S = 120.0
SETTLE_S = 1.0
# What the engine still does for the containers that were removed is over by then.

SWARM_AIM, RAW_AIM = 0.4, 1.25
OURS, SWARM, RAW = "ours", "docker service create", f"raw Docker API, {HANDS} threads"
_SLEEPER = Image(
    "sleeper", "1", ("/bin/sleeper",), {"/bin/sleeper": "#!/bin/sh\ntrap 'exit 0' TERM\nsleep 3600 & wait\n"}
)


def measure(say: Say) -> tuple[Figure, ...]:
    """Each case by each side, again and again."""
    with Site() as site:
        broker = site.start_broker()
        registry = site.start_registry()
        (host,) = site.start_hosts("engine")
        image = build(host, registry, _SLEEPER)
        swarm.begin(host)
        make_networks(host)
        link = LinkSettings(broker.address, broker.port, "operator")
        with controller(broker, site.directory / "controller", site.environment), Session(link, FLEET) as session:
            start_agent(site, broker, "engine", host.engine.url)
            figures: list[Figure] = []
            for replicas, is_stack in CASES:
                sides: dict[str, Side] = {
                    SWARM: Swarms(image, host, is_stack=is_stack),
                    OURS: Ours(image, session, is_stack=is_stack),
                    RAW: Raws(image, host, is_stack=is_stack),
                }
                name = f"manifest to {replicas} running{', stack network' if is_stack else ''}"
                figures += _compared(name, _found_s(name, replicas, sides, host.engine.socket_path, say))
    return tuple(figures)


def _found_s(name: str, replicas: int, sides: dict[str, Side], engine: Path, say: Say) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {side: [] for side in sides}
    with Raw(engine) as raw:
        for number in range(ROUNDS):
            for side, one in sides.items():
                found[side].append(_took_s(one, replicas, raw, engine))
            took = ", ".join(f"{side} {took_s[-1]:.2f} s" for side, took_s in found.items())
            say(f"{name}, round {number + 1} of {ROUNDS}: {took}")
    return found


def _compared(name: str, found: dict[str, list[float]]) -> tuple[Figure, ...]:
    ours, theirs, floor = (statistics.median(found[side]) for side in (OURS, SWARM, RAW))
    return Figure(name, SWARM, ours, theirs, "s", SWARM_AIM), Figure(name, RAW, ours, floor, "s", RAW_AIM)


def _took_s(side: Side, replicas: int, raw: Raw, engine: Path) -> float:
    """How long one side took until they ran; at the end nothing of it is left."""
    with Starts(engine, side.label) as starts:
        begun_mono_s = time.monotonic()
        side.begin(replicas)
        took_s = starts.wait(replicas, PATIENCE_S) - begun_mono_s
    assert len(raw.running(side.label)) == replicas, "what has started runs"
    side.end()
    wait_until(lambda: not raw.there(side.label), f"{side.label} to go", PATIENCE_S)
    time.sleep(SETTLE_S)
    return took_s
