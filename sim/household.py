"""What stands on the broker for Home Assistant of a desk's functions, held against the ledger; what rings there, rings once.

At rest each function stands as the last of its calls has ended, by the controller's own ledger, and is there to be called. Nothing
stands there that no device has announced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from controller.decide.fleet import Fleet
from controller.decide.invocation import OPEN
from protocol.envelope import Packet
from sim.head import Head
from sim.violation import ViolationError
from sim.world import World

PREFIX = "homeassistant"
OURS = "/home-assistant/"


@dataclass(slots=True)
class Household:
    """The checks. `is_on` says whether this history has a Home Assistant."""

    world: World
    head: Head
    is_on: bool = False
    _rung: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Have the controller speak to it from its next start on."""
        self.is_on, self.head.home_assistant = True, PREFIX
        self.head.kill()

    def routed(self, packet: Packet) -> None:
        """A function's end rings once."""
        if self.is_on and packet.topic.endswith("/event") and "/function/" in packet.topic:
            id_ = json.loads(packet.payload)["id"]
            if id_ in self._rung:
                raise ViolationError("household", f"the end of {id_} rings twice")
            self._rung.add(id_)

    def unsettled(self, fleet: Fleet, stack: str) -> Iterator[str]:
        """What does not stand as it should."""
        retained = self.world.broker.retained
        known = {config.get("stat_t") for entities in self._announced() for config in entities.values()}
        strays = [
            topic for topic, packet in retained.items() if OURS in topic and packet.payload and topic not in known
        ]
        if strays:
            yield f"{strays[0]} stands on the broker, and no device of Home Assistant has it"
        for name in fleet.catalogue.stacks[stack].functions if stack in fleet.catalogue.stacks else ():
            packet = retained.get(f"bramble/v1/{fleet.name}{OURS}stack/{stack}/function/{name}/state")
            said = json.loads(packet.payload) if packet is not None and packet.payload else {}
            entries = [fleet.ledger[key] for key in fleet.ledger if fleet.ledger[key].function == f"{stack}.{name}"]
            ended = [entry for entry in entries if entry.state not in OPEN]
            last = max(ended, key=lambda entry: entry.rank, default=None)
            wanted = (last.state.value, last.invocation.id) if last is not None else (None, None)
            if (said.get("state"), said.get("attributes", {}).get("id")) != wanted or said.get("available") != "online":
                yield f"{stack}.{name} is {wanted}, and Home Assistant is told {said}"

    def _announced(self) -> Iterator[Mapping[str, Any]]:
        for topic, packet in self.world.broker.retained.items():
            if topic.startswith(f"{PREFIX}/") and packet.payload:
                yield json.loads(packet.payload)["cmps"]
