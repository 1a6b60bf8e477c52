"""From a published manifest to N running containers, against `docker service create` and the raw Docker API on the same engine.

`python -m tests.bench replicas`. One Docker Engine, whose host is the one node of a controller and a swarm of its own; one image,
which is there; no ports. Ours: a manifest with `deploy.replicas: N` is published over MQTT. Swarm's: the command, not waited for.
Raw: create and start of each container, by `HANDS` threads with a connection each. The clock stops when the engine's API, asked
every `POLL_S`, shows N running ones. In turns, everything is removed between rounds; medians.
"""

from __future__ import annotations

import json
import statistics
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from lab.host import Host
from lab.images import Image, build
from lab.processes import TooLateError, wait_until
from lab.site import Site
from link.session import Session
from link.settings import LinkSettings
from protocol.envelope import Packet
from protocol.topics import ManifestTopic
from tests.bench import swarm
from tests.bench.controller import controller
from tests.bench.desk import FLEET
from tests.bench.figure import Figure, Say
from tests.bench.node import start_agent
from tests.bench.raw import Raw

SIZES = {20: 5, 50: 3}
"""How many containers, and how many rounds of each: fifty of Swarm's take longer than twenty seconds."""

HANDS = 8
# More make an engine on two cores no faster: 1, 2, 4 and 8 took 9.7, 6.3, 5.5 and 4.9 s for fifty.

POLL_S = 0.05
PATIENCE_S = 120.0
SETTLE_S = 1.0
# What the engine still does for the containers that were removed is over by then.

SWARM_AIM, RAW_AIM = 0.4, 1.25
OURS, SWARM, RAW = "ours", "docker service create", "raw Docker API, 8 threads"
_SLEEPER = Image(
    "sleeper", "1", ("/bin/sleeper",), {"/bin/sleeper": "#!/bin/sh\ntrap 'exit 0' TERM\nsleep 3600 & wait\n"}
)


class Side(Protocol):
    """One way to have containers. `label` tells which are its own."""

    label: str

    def begin(self, replicas: int) -> None:
        """Ask for so many, and do not wait for them."""

    def end(self) -> None:
        """Ask for their removal."""


class Ours:
    """A manifest, published and taken back."""

    label = "io.bramble.stack=herd"

    def __init__(self, image: str, session: Session) -> None:
        self._image, self._session = image, session

    def begin(self, replicas: int) -> None:
        """Publish what Compose would take, too."""
        service = {"image": self._image, "deploy": {"replicas": replicas}}
        self._publish(json.dumps({"name": "herd", "services": {"sleeper": service}}).encode())

    def end(self) -> None:
        """An empty payload removes the stack."""
        self._publish(b"")

    def _publish(self, document: bytes) -> None:
        refused = self._session.publish(Packet(str(ManifestTopic(FLEET, "herd")), document, qos=1, retain=True))
        assert refused is None, refused


class Swarms:
    """A service of Swarm's."""

    label = f"{swarm.OF_SERVICE}=herd"

    def __init__(self, image: str, host: Host) -> None:
        self._image, self._host = image, host

    def begin(self, replicas: int) -> None:
        """As a terminal does."""
        swarm.create(self._host, "herd", self._image, "--replicas", str(replicas))

    def end(self) -> None:
        """Swarm stops and removes the tasks by itself."""
        swarm.remove(self._host, "herd")


class Raws:
    """Create and start, with as many connections as make the engine faster."""

    label = "bench=herd"

    def __init__(self, image: str, host: Host) -> None:
        self._image, self._socket = image, host.engine.socket_path
        self._hands = ThreadPoolExecutor(HANDS)
        self._made: list[Future[str]] = []

    def begin(self, replicas: int) -> None:
        """Each container is the work of one hand."""
        self._made = [self._hands.submit(self._make) for _ in range(replicas)]

    def end(self) -> None:
        """Remove each, running or not."""
        list(self._hands.map(self._remove, [made.result() for made in self._made]))

    def _make(self) -> str:
        with Raw(self._socket) as raw:
            made = raw.call("POST", "/containers/create", body={"Image": self._image, "Labels": {"bench": "herd"}})
            raw.call("POST", f"/containers/{made['Id']}/start")
        return str(made["Id"])

    def _remove(self, container: str) -> None:
        with Raw(self._socket) as raw:
            raw.call("DELETE", f"/containers/{container}", {"force": 1})


def measure(say: Say) -> tuple[Figure, ...]:
    """Twenty by each side, again and again; then fifty."""
    with Site() as site:
        broker = site.start_broker()
        registry = site.start_registry()
        (host,) = site.start_hosts("engine")
        image = build(host, registry, _SLEEPER)
        swarm.begin(host)
        link = LinkSettings(broker.address, broker.port, "operator")
        with controller(broker, site.directory / "controller", site.environment), Session(link, FLEET) as session:
            start_agent(site, broker, "engine", host.engine.url)
            sides: dict[str, Side] = {
                SWARM: Swarms(image, host), OURS: Ours(image, session), RAW: Raws(image, host)
            }  # fmt: skip
            return tuple(figure for replicas in SIZES for figure in _compared(replicas, sides, host, say))


def _compared(replicas: int, sides: dict[str, Side], host: Host, say: Say) -> tuple[Figure, ...]:
    found: dict[str, list[float]] = {name: [] for name in sides}
    with Raw(host.engine.socket_path) as raw:
        for number in range(SIZES[replicas]):
            for name, side in sides.items():
                found[name].append(_took_s(side, replicas, raw))
            took = ", ".join(f"{name} {took_s[-1]:.2f} s" for name, took_s in found.items())
            say(f"{replicas} containers, round {number + 1} of {SIZES[replicas]}: {took}")
    ours, theirs, floor = (statistics.median(found[name]) for name in (OURS, SWARM, RAW))
    return (
        Figure(f"manifest to {replicas} running", SWARM, ours, theirs, "s", SWARM_AIM),
        Figure(f"manifest to {replicas} running", RAW, ours, floor, "s", RAW_AIM),
    )


def _took_s(side: Side, replicas: int, raw: Raw) -> float:
    """How long one side took until they ran; at the end nothing of it is left."""
    begun_mono_s = time.monotonic()
    side.begin(replicas)
    deadline_mono_s = begun_mono_s + PATIENCE_S
    while len(raw.running(side.label)) < replicas:
        if time.monotonic() > deadline_mono_s:
            raise TooLateError(f"{len(raw.running(side.label))} of {replicas} containers run after {PATIENCE_S:g} s")
        time.sleep(POLL_S)
    took_s = time.monotonic() - begun_mono_s
    side.end()
    wait_until(lambda: not raw.there(side.label), f"{side.label} to go", PATIENCE_S)
    time.sleep(SETTLE_S)
    return took_s
