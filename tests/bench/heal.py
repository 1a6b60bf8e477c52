"""From a container's death to its running again, against Swarm, with its default and with no delay, and Docker's own policy.

`python -m tests.bench heal`. One Docker Engine with four containers of one image: a task of an agent, two services of a swarm, and
one with `--restart always`. In turns the main process of each is killed (SIGKILL), and the engine's API is asked every `POLL_S`
until a new start runs. Before that it has run for `STEADY_S`: one that dies sooner waits longer the next time, with Docker as with
us. Medians.
"""

from __future__ import annotations

import os
import signal
import statistics
import time

from lab.host import Host
from lab.images import Image, build
from lab.processes import TooLateError, wait_until
from lab.site import Site
from protocol.container import Container
from protocol.desired import Assignment, TaskSpec
from tests.bench import swarm
from tests.bench.desk import Desk
from tests.bench.figure import Figure, Say
from tests.bench.node import start_agent
from tests.bench.raw import Raw

ROUNDS = 5
POLL_S = 0.01
STEADY_S = 11.0
# Docker's policy and ours call a container that ran for 10 s well again.
PATIENCE_S = 60.0

OURS, SWARM, SWARM_0, DOCKER = "ours", "Swarm", "Swarm, restart delay 0", "docker run --restart always"
AIMS = {SWARM: 0.1, SWARM_0: 0.6, DOCKER: 1.0}
LABELS = {
    SWARM: f"{swarm.OF_SERVICE}=patient",
    OURS: "io.bramble.service=sleeper",
    SWARM_0: f"{swarm.OF_SERVICE}=eager",
    DOCKER: "bench=always",
}
"""In the order of a round; which container is whose."""

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
            task = TaskSpec("porch.sleeper.1", "porch", "sleeper", "revision1", Container(image))
            desk.assign(Assignment(NODE, 1, 1, (task,)))
            start_agent(site, broker, NODE, host.engine.url)
            found = _rounds(raw, desk, say)
    medians = {name: statistics.median(took_ms) for name, took_ms in found.items()}
    return tuple(
        Figure("killed to running again", peer, medians[OURS], medians[peer], "ms", aim) for peer, aim in AIMS.items()
    )


def _begin(host: Host, image: str) -> None:
    swarm.create(host, "patient", image)
    swarm.create(host, "eager", image, "--restart-delay", "0s")
    host.docker("run", "--detach", "--restart", "always", "--label", LABELS[DOCKER], image)


def _rounds(raw: Raw, desk: Desk, say: Say) -> dict[str, list[float]]:
    for label in LABELS.values():
        wait_until(lambda label=label: bool(raw.running(label)), f"{label} to run", PATIENCE_S)  # type: ignore[misc]
    started_mono_s = dict.fromkeys(LABELS, time.monotonic())
    found: dict[str, list[float]] = {name: [] for name in LABELS}
    for number in range(ROUNDS):
        for name, label in LABELS.items():
            desk.listen(max(0.0, started_mono_s[name] + STEADY_S - time.monotonic()))
            found[name].append(_healed_ms(raw, label))
            started_mono_s[name] = time.monotonic()
        say(f"round {number + 1} of {ROUNDS}: {', '.join(f'{name} {ms[-1]:.0f} ms' for name, ms in found.items())}")
    return found


def _healed_ms(raw: Raw, label: str) -> float:
    """Kill a container's main process; how long it took until a new start of it, or its successor, ran."""
    before = _start(raw, label)
    assert before is not None, f"no container with {label} runs"
    begun_mono_s = time.monotonic()
    os.kill(before[0], signal.SIGKILL)
    while _start(raw, label) in (None, before):
        if time.monotonic() - begun_mono_s > PATIENCE_S:
            raise TooLateError(f"no container with {label} runs again after {PATIENCE_S:g} s")
        time.sleep(POLL_S)
    return (time.monotonic() - begun_mono_s) * 1000


def _start(raw: Raw, label: str) -> tuple[int, str] | None:
    """The one start that runs now: its process and its moment, as the engine tells them."""
    for container in raw.running(label):
        state = raw.call("GET", f"/containers/{container}/json")["State"]
        if (
            state["Status"] == "running" and state["Pid"]
        ):  # one that Docker is about to restart counts as running, without a process
            return int(state["Pid"]), str(state["StartedAt"])
    return None
