"""What a container needs around it: before it is made, its networks and volumes; before its first start, the rest.

Between the two the process may die. What comes before the first start is done anew by the next start, as often as it takes: a
container that has run once is complete. The outcome is the first thing that did not work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.adapters.container_files import misplaced, put_files
from agent.adapters.creation import Place
from agent.adapters.docker_api import Answer, DockerApi
from agent.adapters.host_config import lacks
from agent.adapters.networks import Networks
from agent.adapters.pulls import created
from agent.adapters.volumes import make_volumes
from agent.decide.inputs import Done, GiveUp, Outcome, Pulling
from protocol.container import Attachment, Container


@dataclass(slots=True)
class Surroundings:
    """One node's engine, as far as all its containers share it. `tell` hears how far a pull is, from any thread."""

    api: DockerApi
    place: Place
    tell: Callable[[Pulling], object] = lambda _: None
    networks: Networks = field(init=False)

    def __post_init__(self) -> None:
        self.networks = Networks(self.api, self.place)

    def prepare(self, container: Container) -> Outcome:
        """Have what must be there before the container is made, or say why it cannot be made at all."""
        if reason := misplaced(container) or lacks(container, self.api.version):
            return GiveUp(reason)
        made = self.networks.make(_attachments(container))
        if not isinstance(made, Done):
            return made
        volumes = make_volumes(self.api, self.place, container.mounts)
        return _both(made, volumes) if isinstance(volumes, Done) else volumes

    def create(self, name: str, container: Container, body: Mapping[str, Any]) -> Answer:
        """Ask for the container itself."""
        return created(self.api, {"name": name, "platform": container.platform}, body)

    def complete(self, name: str, container: Container) -> Outcome:
        """Do what comes between a container's making and its first start."""
        connected = self.networks.connect(name, _attachments(container)[1:])
        if not isinstance(connected, Done):  # cleaned away in between, perhaps
            connected = self.reconnect(name, container)
        return put_files(self.api, name, container) if isinstance(connected, Done) else connected

    def reconnect(self, name: str, container: Container) -> Outcome:
        """Bring a container back onto networks that were removed while it did not run."""
        self.networks.forget()
        made = self.networks.make(_attachments(container))
        return self.networks.connect(name, _attachments(container)) if isinstance(made, Done) else made


def _attachments(container: Container) -> tuple[Attachment, ...]:
    """A `network_mode` takes the place of networks, as in Compose."""
    return () if container.network_mode else container.networks


def _both(first: Done, second: Done) -> Done:
    return Done("; ".join(filter(None, (first.detail, second.detail))))
