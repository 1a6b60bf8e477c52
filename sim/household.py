"""What Home Assistant was told of a desk's functions, held against the ledger.

At rest each function stands as the last of its calls has ended, by the controller's own ledger, and is there to be called. A button
that stays there though nobody may run its function, or the other way round, is a promise broken even before. Nothing stands there
that no device has announced. It is what a listener knows who was there all the time: what a broker forgets without a
word, nobody can say again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from controller.decide.fleet import Fleet
from controller.decide.home_assistant.functions import is_hosted
from controller.decide.invocation import OPEN
from protocol.envelope import Packet
from protocol.ids import service_key
from sim.head import Head
from sim.violation import ViolationError
from sim.world import World

PREFIX = "homeassistant"
OURS = "/home-assistant/"

NOTICED_S = 6.0
"""Until a button is where its function is: a controller with a link says it within its pace and its quiet, 0.5 and 2 s."""


@dataclass(slots=True)
class Household:
    """The checks. `is_on` says whether this history has a Home Assistant."""

    head: Head
    is_on: bool = False
    _kept: dict[str, bytes] = field(default_factory=dict)
    _available: dict[str, str] = field(default_factory=dict)
    _wrong: dict[str, tuple[Fleet, bool, float]] = field(default_factory=dict)

    def begin(self) -> None:
        """Have the controller speak to it from its next start on."""
        self.is_on, self.head.home_assistant = True, PREFIX
        self.head.kill()

    def routed(self, packet: Packet) -> None:
        """The broker has a message."""
        if self.is_on and packet.retain and (OURS in packet.topic or packet.topic.startswith(f"{PREFIX}/")):
            self._kept[packet.topic] = packet.payload
            if packet.topic.endswith("/state"):
                self._available[packet.topic] = _read(packet.payload).get("available", "")

    def look(self, fleet: Fleet, stack: str, world: World) -> None:
        """Look whether each button is there while its function is, and only then.

        A controller without a link has an excuse, and so has one whose words may be late.
        """
        now_s = world.now_s
        is_held = fleet.is_up and now_s >= world.broker.late_s
        here = fleet.catalogue.stacks[stack].functions if is_held and stack in fleet.catalogue.stacks else ()
        wrong: dict[str, tuple[Fleet, bool, float]] = {}
        for name in here:
            is_there, said = is_hosted(fleet, service_key(stack, name)), self._available.get(_topic(fleet, stack, name))
            if said == ("offline" if is_there else "online"):
                known = self._wrong.get(name)
                is_same = known is not None and known[0] is fleet and known[1] is is_there
                since_s = known[2] if known is not None and is_same else now_s
                wrong[name] = (fleet, is_there, since_s)
                if now_s - since_s >= NOTICED_S:
                    raise ViolationError(
                        "button", f"{stack}.{name} may be called: {is_there}, and its button is {said}"
                    )
        self._wrong = wrong

    def unsettled(self, fleet: Fleet, stack: str) -> Iterator[str]:
        """What does not stand as it should."""
        known = {config.get("stat_t") for entities in self._announced() for config in entities.values()}
        for topic, payload in self._kept.items():
            if OURS in topic and payload and topic not in known:
                yield f"{topic} stands on the broker, and no device of Home Assistant has it"
        for name in fleet.catalogue.stacks[stack].functions if stack in fleet.catalogue.stacks else ():
            said = _read(self._kept.get(_topic(fleet, stack, name), b""))
            entries = [
                fleet.ledger[key] for key in fleet.ledger if fleet.ledger[key].function == service_key(stack, name)
            ]
            ended = [entry for entry in entries if entry.state not in OPEN]
            last = max(ended, key=lambda entry: entry.rank, default=None)
            wanted = (last.state.value, last.invocation.id) if last is not None else (None, None)
            if (said.get("state"), said.get("attributes", {}).get("id")) != wanted or said.get("available") != "online":
                yield f"{stack}.{name} is {wanted}, and Home Assistant is told {said}"

    def _announced(self) -> Iterator[Mapping[str, Any]]:
        for topic, payload in self._kept.items():
            if topic.startswith(f"{PREFIX}/") and payload:
                yield json.loads(payload)["cmps"]


def _topic(fleet: Fleet, stack: str, function: str) -> str:
    return f"bramble/v1/{fleet.name}{OURS}stack/{stack}/function/{function}/state"


def _read(payload: bytes) -> dict[str, Any]:
    return dict(json.loads(payload)) if payload else {}
