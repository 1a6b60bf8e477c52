"""From a published update to all settled, against `docker service update` and the raw Docker API, in the same run.

`python -m tests.bench rollout`. Five hosts with a container each, one and two at a time; and one host with 20 and with 50 replicas,
two at a time. Every host's engine is the one of our node, of a member of one swarm, and of the raw API, in turns; both images are
there; on bridges of the engines; `tests/bench/renewals.py` says what each side does. A turn makes a side's containers, updates them
to the second image and back, and removes them. Ours is over when the nodes' statuses say that every task runs of the wanted image
and no offer is open; Swarm's and the raw API's when their last container has started. Medians. `BENCH_ROUNDS` sets how many turns.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from lab.broker import Broker
from lab.host import Host
from lab.images import Image, build
from lab.processes import wait_until
from lab.registry import Registry
from lab.site import Site
from link.session import Session
from link.settings import LinkSettings
from protocol.topics import StatusTopic, filter_of
from tests.bench import swarm
from tests.bench.controller import controller
from tests.bench.desk import FLEET
from tests.bench.figure import Figure, Say
from tests.bench.node import start_agent
from tests.bench.renewals import PATIENCE_S, Herd, Ours, Raws, Side, Started, Swarms, there

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "2"))
HOSTS = ("pi-1", "pi-2", "pi-3", "pi-4", "pi-5")
FIVE = ((5, 1), (5, 2))
MANY = ((20, 2), (50, 2))
"""How many containers, and how many of them at a time."""

SETTLE_S = 1.0
# What the engine still does for the containers that were stopped is over by then.

SWARM_AIM, RAW_AIM = 0.35, 1.3
OURS, SWARM, RAW = "ours", "docker service update", "raw Docker API, as many hands"
_SCRIPT = "#!/bin/sh\ntrap 'exit 0' TERM\nsleep 3600 & wait\n"


def measure(say: Say) -> tuple[Figure, ...]:
    """First on one host, then on five."""
    return (*_measured(HOSTS[:1], MANY, say), *_measured(HOSTS, FIVE, say))


def _measured(names: tuple[str, ...], cases: tuple[tuple[int, int], ...], say: Say) -> tuple[Figure, ...]:
    figures: list[Figure] = []
    with Site() as site:
        broker, registry = site.start_broker(), site.start_registry()
        hosts = site.start_hosts(*names)
        images = _images(hosts, registry)
        swarm.begin(hosts[0])
        for host in hosts[1:]:
            swarm.join(hosts[0], host)
        with _operated(site, broker, hosts) as session:
            for replicas, at_once in cases:
                herd = Herd(hosts, images, replicas, at_once)
                place = f"{replicas} on one host" if len(hosts) == 1 else f"{len(hosts)} hosts"
                name = f"update to settled, {place}, {at_once} at a time"
                sides = {SWARM: Swarms(herd), OURS: Ours(herd, session), RAW: Raws(herd)}
                figures += _compared(name, _found_s(name, herd, sides, say))
    return tuple(figures)


def _images(hosts: tuple[Host, ...], registry: Registry) -> tuple[str, str]:
    """Two images that differ, on every host."""
    built = [Image("sleeper", tag, ("/bin/sleeper",), {"/bin/sleeper": _SCRIPT}, {"V": tag}) for tag in ("1", "2")]
    first, second = (build(hosts[0], registry, image) for image in built)
    for host in hosts[1:]:
        for image in (first, second):
            host.docker("pull", "--quiet", image)
    return first, second


@contextmanager
def _operated(site: Site, broker: Broker, hosts: tuple[Host, ...]) -> Iterator[Session]:
    """A controller, an agent for each host, and an operator's terminal that reads what nodes say."""
    link = LinkSettings(broker.address, broker.port, "operator")
    with (
        controller(broker, site.directory / "controller", site.environment),
        Session(link, FLEET, (filter_of(StatusTopic, FLEET),)) as session,
    ):
        for host in hosts:
            start_agent(site, broker, host.name, host.engine.url)
        yield session


def _found_s(name: str, herd: Herd, sides: Mapping[str, Side], say: Say) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(ROUNDS):
        for side, one in sides.items():
            found[side] += _took_s(one, herd)
        took = ", ".join(f"{side} {took_s[-2]:.2f} and {took_s[-1]:.2f} s" for side, took_s in found.items())
        say(f"{name}, round {number + 1} of {ROUNDS}: {took}")
    return found


def _took_s(side: Side, herd: Herd) -> Iterator[float]:
    """How long one side took to the second image, and back; at the end nothing of it is left."""
    side.begin()
    for version in (1, 0):
        time.sleep(SETTLE_S)
        with Started(herd, side.label) as started:
            begun_mono_s = time.monotonic()
            side.renew(version)
            over_mono_s = started.wait()
            side.settle(version)
            if isinstance(side, Ours):
                over_mono_s = time.monotonic()
        yield over_mono_s - begun_mono_s
    side.end()
    wait_until(lambda: not any(there(herd, side.label)), f"{side.label} to go", PATIENCE_S)
    time.sleep(SETTLE_S)


def _compared(name: str, found: dict[str, list[float]]) -> tuple[Figure, ...]:
    ours, theirs, floor = (statistics.median(found[side]) for side in (OURS, SWARM, RAW))
    return (
        Figure(name, SWARM, ours, theirs, "s", SWARM_AIM),
        Figure(name, RAW, ours, floor, "s", RAW_AIM),
        Figure(f"{name}: the raw API", SWARM, floor, theirs, "s"),
    )
