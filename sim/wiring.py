"""The networks and volumes of an engine in virtual time: made, connected and removed by the rules of the real one.

Subnets, drivers and addresses are not played. Whether something is otherwise than it is wanted is judged, and told, by the same
words as on a real engine. Networks and volumes outlive a power cut.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from agent.adapters import networks, volumes
from agent.adapters.creation import Place
from agent.decide.inputs import Done, GiveUp, Outcome, Retry
from protocol.container import Container, Network, Volume
from sim.boxes import Box


@dataclass(slots=True)
class Wiring:
    """What the containers of one engine share."""

    place: Place
    networks: dict[str, Network] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)

    def prepare(self, container: Container, boxes: Collection[Box]) -> Outcome:
        """Have what must be there before a container is made."""
        for attachment in () if container.network_mode else container.networks:
            outcome = self._network(attachment.network, boxes)
            if not isinstance(outcome, Done):
                return outcome
        for mount in container.mounts:
            if mount.kind == "volume" and mount.source:
                outcome = self._volume(mount.source, mount.volume or self.volumes.get(mount.source, Volume()))
                if not isinstance(outcome, Done):
                    return outcome
        return Done()

    def unused(self, boxes: Iterable[Box]) -> tuple[str, ...]:
        """The networks of ours that no container is on."""
        used = {attachment.network.name for box in boxes for attachment in box.networks}
        ours = (name for name, network in self.networks.items() if self.place.owns(network.labels))
        return tuple(sorted(name for name in ours if name not in used))

    def remove(self, name: str, boxes: Iterable[Box]) -> bool:
        """Remove a network of ours that no container is on; whether it is gone."""
        if name in self.unused(boxes):
            del self.networks[name]
        return name not in self.networks

    def _network(self, network: Network, boxes: Collection[Box]) -> Outcome:
        there = self.networks.get(network.name)
        if there is None and network.external:
            return networks.absent(network)
        if there is not None and not network.external:
            other = networks.differences(network, networks.network_body(self.place, there))
            if other and not self.place.owns(there.labels):
                return networks.not_ours(network, other)
            users = [box.name for box in boxes if network.name in {one.network.name for one in box.networks}]
            if other and users:
                return Retry(networks.otherwise(network, other, users), networks.OTHERWISE_RETRY_S)
            there = None if other else there
        if there is None:
            self.networks[network.name] = self._marked(network)
        return Done()

    def _volume(self, name: str, volume: Volume) -> Outcome:
        there = self.volumes.get(name)
        if there is None and volume.external:
            return volumes.absent(name)
        if there is not None and not volume.external and (other := volumes.difference(volume, _told(there))):
            return GiveUp(volumes.otherwise(name, other))
        self.volumes.setdefault(name, volume)
        return Done()

    def _marked(self, network: Network) -> Network:
        return Network(
            network.name,
            network.driver,
            network.driver_opts,
            {**network.labels, **self.place.labels},
            network.subnets,
            network.internal,
            network.ipv6,
        )


def _told(volume: Volume) -> dict[str, object]:
    return {"Driver": volume.driver or "local", "Options": volume.driver_opts}
