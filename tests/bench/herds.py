"""The sides of the `replicas` bench: a manifest of ours, a service of Swarm's, and the raw Docker API, each to begin and to end.

Every side makes its containers of one image, and on the networks that all sides of a comparison have: the engine's own bridge, or
what a stack gets: with us and the raw API two bridges (the stack's, and the one on which stacks meet), with Swarm an overlay.
"""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from lab.host import Host
from link.session import Session
from protocol.envelope import Packet
from protocol.topics import ManifestTopic
from tests.bench import swarm
from tests.bench.desk import FLEET
from tests.bench.raw import Raw

HANDS = 8
# More make an engine on two cores no faster: 1, 2, 4 and 8 took 9.7, 6.3, 5.5 and 4.9 s for fifty.

BRIDGES = ("one", "two")
OVERLAY = "over"


def make_networks(host: Host) -> None:
    """Make what the peers' stacks are on; ours makes its own."""
    for bridge in BRIDGES:
        host.docker("network", "create", bridge)
    host.docker("network", "create", "--driver", "overlay", OVERLAY)


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

    def __init__(self, image: str, session: Session, *, is_stack: bool) -> None:
        self._image, self._session = image, session
        self._mode = {} if is_stack else {"network_mode": "bridge"}

    def begin(self, replicas: int) -> None:
        """Publish what Compose would take, too."""
        service = {"image": self._image, "deploy": {"replicas": replicas}, **self._mode}
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

    def __init__(self, image: str, host: Host, *, is_stack: bool) -> None:
        self._image, self._host = image, host
        self._network = ("--network", OVERLAY) if is_stack else ()

    def begin(self, replicas: int) -> None:
        """As a terminal does."""
        swarm.create(self._host, "herd", self._image, "--replicas", str(replicas), *self._network)

    def end(self) -> None:
        """Swarm stops and removes the tasks by itself."""
        swarm.remove(self._host, "herd")


class Raws:
    """Create and start, with as many connections as make the engine faster."""

    label = "bench=herd"

    def __init__(self, image: str, host: Host, *, is_stack: bool) -> None:
        self._image, self._socket = image, host.engine.socket_path
        self._bridges = BRIDGES if is_stack else ("bridge",)
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
            body = {"Image": self._image, "Labels": {"bench": "herd"}, "HostConfig": {"NetworkMode": self._bridges[0]}}
            made = raw.call("POST", "/containers/create", body=body)
            for bridge in self._bridges[1:]:
                raw.call("POST", f"/networks/{bridge}/connect", body={"Container": made["Id"]})
            raw.call("POST", f"/containers/{made['Id']}/start")
        return str(made["Id"])

    def _remove(self, container: str) -> None:
        with Raw(self._socket) as raw:
            raw.call("DELETE", f"/containers/{container}", {"force": 1})
