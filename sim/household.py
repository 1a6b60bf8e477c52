"""What Home Assistant was told of a desk's functions, held against the ledger.

At rest each function stands as the last of its calls has ended, by the controller's own ledger, and is there to be called. Nothing
stands there that no device has announced. It is what a listener knows who was there all the time: what a broker forgets without a
word, nobody can say again.
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

PREFIX = "homeassistant"
OURS = "/home-assistant/"


@dataclass(slots=True)
class Household:
    """The checks. `is_on` says whether this history has a Home Assistant."""

    head: Head
    is_on: bool = False
    _kept: dict[str, bytes] = field(default_factory=dict)

    def begin(self) -> None:
        """Have the controller speak to it from its next start on."""
        self.is_on, self.head.home_assistant = True, PREFIX
        self.head.kill()

    def routed(self, packet: Packet) -> None:
        """The broker has a message."""
        if self.is_on and packet.retain and (OURS in packet.topic or packet.topic.startswith(f"{PREFIX}/")):
            self._kept[packet.topic] = packet.payload

    def unsettled(self, fleet: Fleet, stack: str) -> Iterator[str]:
        """What does not stand as it should."""
        known = {config.get("stat_t") for entities in self._announced() for config in entities.values()}
        for topic, payload in self._kept.items():
            if OURS in topic and payload and topic not in known:
                yield f"{topic} stands on the broker, and no device of Home Assistant has it"
        for name in fleet.catalogue.stacks[stack].functions if stack in fleet.catalogue.stacks else ():
            payload = self._kept.get(f"bramble/v1/{fleet.name}{OURS}stack/{stack}/function/{name}/state", b"")
            said = json.loads(payload) if payload else {}
            entries = [fleet.ledger[key] for key in fleet.ledger if fleet.ledger[key].function == f"{stack}.{name}"]
            ended = [entry for entry in entries if entry.state not in OPEN]
            last = max(ended, key=lambda entry: entry.rank, default=None)
            wanted = (last.state.value, last.invocation.id) if last is not None else (None, None)
            if (said.get("state"), said.get("attributes", {}).get("id")) != wanted or said.get("available") != "online":
                yield f"{stack}.{name} is {wanted}, and Home Assistant is told {said}"

    def _announced(self) -> Iterator[Mapping[str, Any]]:
        for topic, payload in self._kept.items():
            if topic.startswith(f"{PREFIX}/") and payload:
                yield json.loads(payload)["cmps"]
