"""The sides of the `rollout` bench: containers of ours, of Swarm's and of the raw Docker API, brought from one image to another.

A side makes its containers of the first of two images, on the engines' own bridges, and renews them so many at a time, stop-first:
the old one is stopped (it ends at once) and its successor started, on any host, and only then comes the next. Nobody waits between
two of them: `monitor: 0s` and no delay for us and for Swarm. Swarm takes a monitor of 0 for its default of 5 s, but spends it only
after the last container has started, when our clock has stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from typing import Protocol, Self

from lab.host import Host
from lab.processes import TooLateError, wait_until
from link.session import Session
from protocol.envelope import Packet, Received, unpack
from protocol.observed import NodeStatus, OfferState, TaskState
from protocol.topics import ManifestTopic
from tests.bench import swarm
from tests.bench.desk import FLEET
from tests.bench.raw import Raw, Starts

PATIENCE_S = 240.0
OPEN = (OfferState.STAGING, OfferState.STAGED, OfferState.TRYING)
"""An offer in one of these has not come to its end."""


@dataclass(frozen=True, slots=True)
class Herd:
    """What every side is to have: `replicas` on the one host, or one on each of several; renewed `at_once` at a time."""

    hosts: tuple[Host, ...]
    images: tuple[str, str]
    replicas: int
    at_once: int

    @property
    def is_global(self) -> bool:
        """Whether each host has one."""
        return len(self.hosts) > 1


class Side(Protocol):
    """One way to have containers. `label` tells which are its own."""

    label: str

    def begin(self) -> None:
        """Have all of the first image."""

    def renew(self, version: int) -> None:
        """Ask for the image with this index; whether or not it is waited for."""

    def settle(self, version: int) -> None:
        """Wait until the side itself calls the update done."""

    def end(self) -> None:
        """Have none."""


class Ours:
    """A manifest, published again with another image."""

    label = "io.bramble.stack=herd"

    def __init__(self, herd: Herd, session: Session) -> None:
        self._herd, self._session = herd, session
        self._told: dict[str, NodeStatus] = {}

    def begin(self) -> None:
        """Publish, and wait until nodes say that all of them run."""
        self.renew(0)
        self.settle(0)

    def renew(self, version: int) -> None:
        """Publish."""
        update = {"parallelism": self._herd.at_once, "monitor": "0s", "order": "stop-first"}
        amount = {"mode": "global"} if self._herd.is_global else {"replicas": self._herd.replicas}
        service = {
            "image": self._herd.images[version],
            "network_mode": "bridge",
            "deploy": {**amount, "update_config": update},
        }
        self._publish(json.dumps({"name": "herd", "services": {"sleeper": service}}).encode())

    def settle(self, version: int) -> None:
        """Read until the nodes say that every task runs of this image, and that no offer is open."""
        with Raw(self._herd.hosts[0].engine.socket_path) as raw:
            image = raw.call("GET", f"/images/{self._herd.images[version]}/json")["Id"]
        self._read_until(lambda: self._is_settled(image))

    def end(self) -> None:
        """An empty payload removes the stack; what nodes had said before they had nothing more is read, and forgotten."""
        self._publish(b"")
        self._read_until(lambda: not any(status.tasks or status.offers for status in self._told.values()))

    def _read_until(self, is_so: Callable[[], bool]) -> None:
        for packet in self._session.packets(PATIENCE_S):
            received = unpack(packet)
            if isinstance(received, Received) and isinstance(received.message, NodeStatus):
                self._told[received.message.node] = received.message
                if is_so():
                    return
        raise TooLateError(f"waited {PATIENCE_S:g} s in vain for the nodes' word: {self._told}")

    def _is_settled(self, image: str) -> bool:
        tasks = [task for status in self._told.values() for task in status.tasks]
        if sum((task.state, task.image) == (TaskState.RUNNING, image) for task in tasks) != self._herd.replicas:
            return False
        return not any(offer.state in OPEN for status in self._told.values() for offer in status.offers)

    def _publish(self, document: bytes) -> None:
        refused = self._session.publish(Packet(str(ManifestTopic(FLEET, "herd")), document, qos=1, retain=True))
        assert refused is None, refused


class Swarms:
    """A service of Swarm's, updated by its own command."""

    label = f"{swarm.OF_SERVICE}=herd"

    def __init__(self, herd: Herd) -> None:
        self._herd = herd

    def begin(self) -> None:
        """Create the service."""
        amount = ("--mode", "global") if self._herd.is_global else ("--replicas", str(self._herd.replicas))
        with Started(self._herd, self.label) as started:
            swarm.create(self._herd.hosts[0], "herd", self._herd.images[0], *amount)
            started.wait()

    def renew(self, version: int) -> None:
        """As a terminal does, and do not wait for it."""
        pace = {"parallelism": str(self._herd.at_once), "delay": "0s", "monitor": "0s", "order": "stop-first"}
        flags = [word for name, value in pace.items() for word in (f"--update-{name}", value)]
        self._herd.hosts[0].docker(
            "service", "update", "--detach", "--quiet", *flags, "--image", self._herd.images[version], "herd"
        )

    def settle(self, version: int) -> None:
        """Let it monitor the last container to the end: another update would cut that short, and ours has no such rest."""
        state = "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}"
        wait_until(
            lambda: "completed" in self._herd.hosts[0].docker("service", "inspect", "--format", state, "herd"),
            f"Swarm to call the update to {self._herd.images[version]} completed",
            PATIENCE_S,
        )

    def end(self) -> None:
        """Swarm stops and removes the tasks by itself."""
        swarm.remove(self._herd.hosts[0], "herd")


class Raws:
    """Stop, remove, create and start of one container after the other, by as many hands as may be renewed at a time."""

    label = "bench=herd"

    def __init__(self, herd: Herd) -> None:
        self._herd = herd
        self._there: list[tuple[Host, str]] = []

    def begin(self) -> None:
        """Make them."""
        hosts = cycle(self._herd.hosts)
        self._there = [(host, self._made(host, 0)) for host, _ in zip(hosts, range(self._herd.replicas), strict=False)]

    def renew(self, version: int) -> None:
        """Each hand takes the next one that nobody has taken."""
        with ThreadPoolExecutor(self._herd.at_once) as hands:
            self._there = list(hands.map(lambda one: (one[0], self._renewed(*one, version)), self._there))

    def settle(self, version: int) -> None:
        """What has been answered is done."""

    def end(self) -> None:
        """Remove each, running or not."""
        for host, container in self._there:
            with Raw(host.engine.socket_path) as raw:
                raw.call("DELETE", f"/containers/{container}", {"force": 1})

    def _made(self, host: Host, version: int) -> str:
        with Raw(host.engine.socket_path) as raw:
            return self._begun(raw, version)

    def _renewed(self, host: Host, container: str, version: int) -> str:
        with Raw(host.engine.socket_path) as raw:
            raw.call("POST", f"/containers/{container}/stop", {"t": 10})
            raw.call("DELETE", f"/containers/{container}")
            return self._begun(raw, version)

    def _begun(self, raw: Raw, version: int) -> str:
        body = {"Image": self._herd.images[version], "Labels": {"bench": "herd"}}
        made = raw.call("POST", "/containers/create", body=body)
        raw.call("POST", f"/containers/{made['Id']}/start")
        return str(made["Id"])


class Started:
    """The eyes on all engines of a herd; a context manager."""

    def __init__(self, herd: Herd, label: str) -> None:
        self._each = herd.replicas // len(herd.hosts)
        self._eyes = [Starts(host.engine.socket_path, label) for host in herd.hosts]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for eye in self._eyes:
            eye.__exit__(None, None, None)

    def wait(self) -> float:
        """Read until all have started; the monotonic time of the last."""
        return max(eye.wait(self._each, PATIENCE_S) for eye in self._eyes)


def there(herd: Herd, label: str) -> Iterator[str]:
    """The ids of what is there of a side, on any host."""
    for host in herd.hosts:
        with Raw(host.engine.socket_path) as raw:
            yield from raw.there(label)
