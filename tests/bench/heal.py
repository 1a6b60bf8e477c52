"""From a container's death to its running again, against Swarm, with its default and with no delay, and Docker's own policy.

`python -m tests.bench heal`. One Docker Engine with `ROUNDS` containers of one image for each side: tasks of an agent, two services
of a swarm, and containers with `--restart always`. All have run for `STEADY_S` when the first is killed, and each is killed once:
in turns the main process of one of each side (SIGKILL), and the clock stops with the engine's event of the start of it, or of its
successor. Medians. What dies again and again is another story: README.md.
"""

from __future__ import annotations

import os
import signal
import statistics
import time
from pathlib import Path

from lab.host import Host
from lab.images import Image, build
from lab.processes import wait_until
from lab.site import Site
from protocol.container import Container
from protocol.desired import Assignment, TaskSpec
from tests.bench import swarm
from tests.bench.desk import Desk
from tests.bench.figure import Figure, Say
from tests.bench.node import start_agent
from tests.bench.raw import Raw, Starts

ROUNDS = 7
STEADY_S = 11.0
# Docker's policy and ours call a container that ran for 10 s well.
BREATH_S = 1.0
# What the engine does after a start (health, logs, cgroups) is over by then.
PATIENCE_S = 60.0

OURS, SWARM, SWARM_0, DOCKER = "ours", "Swarm", "Swarm, restart delay 0", "docker run --restart always"
AIMS = {SWARM: 0.1, SWARM_0: 0.6, DOCKER: 1.0}
LABELS = {
    SWARM: f"{swarm.OF_SERVICE}=patient",
    OURS: "io.bramble.service=sleeper",
    SWARM_0: f"{swarm.OF_SERVICE}=eager",
    DOCKER: "bench=always",
}
"""In the order of a round; which containers are whose."""

NODE = "engine"
_SLEEPER = Image("sleeper", "1", ("/bin/sleeper",), {"/bin/sleeper": "#!/bin/sh\nsleep 3600 & wait\n"})


def measure(say: Say) -> tuple[Figure, ...]:
    """Kill one, kill the next ..."""
    with Site() as site:
        broker = site.start_broker()
        registry = site.start_registry()
        (host,) = site.start_hosts(NODE)
        image = build(host, registry, _SLEEPER)
        swarm.begin(host)
        with Desk(broker) as desk, Raw(host.engine.socket_path) as raw:
            _begin(host, image)
            desk.assign(Assignment(NODE, 1, 1, tuple(_task(number, image) for number in range(ROUNDS))))
            start_agent(site, broker, NODE, host.engine.url)
            for label in LABELS.values():
                wait_until(lambda label=label: len(raw.running(label)) == ROUNDS, f"{label} to run", PATIENCE_S)  # type: ignore[misc]
            desk.listen(STEADY_S)
            found = _rounds(raw, host.engine.socket_path, desk, say)
    medians = {name: statistics.median(took_ms) for name, took_ms in found.items()}
    return tuple(
        Figure("killed to running again", peer, medians[OURS], medians[peer], "ms", aim) for peer, aim in AIMS.items()
    )


def _begin(host: Host, image: str) -> None:
    swarm.create(host, "patient", image, "--replicas", str(ROUNDS))
    swarm.create(host, "eager", image, "--replicas", str(ROUNDS), "--restart-delay", "0s")
    for _ in range(ROUNDS):
        host.docker("run", "--detach", "--restart", "always", "--label", LABELS[DOCKER], image)


def _task(number: int, image: str) -> TaskSpec:
    return TaskSpec(f"porch.sleeper.{number + 1}", "porch", "sleeper", "revision1", Container(image))


def _rounds(raw: Raw, socket_path: Path, desk: Desk, say: Say) -> dict[str, list[float]]:
    victims = {name: raw.running(label) for name, label in LABELS.items()}
    found: dict[str, list[float]] = {name: [] for name in LABELS}
    for number in range(ROUNDS):
        for name, label in LABELS.items():
            with Starts(socket_path, label) as starts:
                begun_mono_s = _kill(raw, victims[name][number])
                found[name].append((starts.wait(1, PATIENCE_S) - begun_mono_s) * 1000)
            desk.listen(BREATH_S)
        say(f"round {number + 1} of {ROUNDS}: {', '.join(f'{name} {ms[-1]:.0f} ms' for name, ms in found.items())}")
    return found


def _kill(raw: Raw, container: str) -> float:
    """Kill a container's main process; the monotonic time of it."""
    process = raw.call("GET", f"/containers/{container}/json")["State"]["Pid"]
    begun_mono_s = time.monotonic()
    os.kill(process, signal.SIGKILL)
    return begun_mono_s
