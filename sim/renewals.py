"""An operator who updates the agents themselves, well and badly, beside what runs on the nodes; and who has an eye on it.

The services of `sim.workload` are there as well. What is wanted at the end is a release that is well, on every node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controller.decide.releases import KEY
from protocol.operator import OrderVerb
from protocol.release import Release
from sim.fleet import SimFleet
from sim.natures import BAD, Catalogue, Nature
from sim.release_promises import ReleasePromises
from sim.releases import Launch
from sim.violation import ViolationError
from sim.workload import SOMETIMES, STEERING, Workload

MONITOR_S, CHECKIN_S = 3.0, 30.0
"""Short enough for a history of a minute; a machine that turns 20 s late still makes it."""

QUIET = tuple(nature for nature in BAD if nature is not Nature.TOPPLES)
"""Bad in a way that is no container's business: a node that goes down takes all of them along."""

LOOKS_EVERY_S = 45.0
WATCHED_S = 180.0
"""For so long a bad release is on its way through a fleet that tolerates none: its making, its time, its killing."""


class Renewals(Workload):
    """The operator of one history about agents."""

    def __init__(self, fleet: SimFleet, *, is_lean: bool = False) -> None:
        super().__init__(fleet, is_lean=is_lean)
        self._catalogue = Catalogue(is_up=lambda: fleet.registry.up)
        self._parallelism = self._chances.choice((1, 1, 2))
        self.promises = ReleasePromises(fleet.world, fleet.head, fleet.nodes, self._parallelism, MONITOR_S)
        self._version = 0
        self._ordered: dict[str, Any] = {}
        self._is_steered = False
        self._watch: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """Publish everything; the agents run under their launcher from their next start on."""
        super().begin()
        for node in self._fleet.nodes.values():
            node.launch = Launch(node, self._catalogue)
            node.launch.witness = self.promises.witness
            node.kill()
        self._watch, self._fleet.world.watch = self._fleet.world.watch, self._look

    def end(self) -> None:
        """Want what is good: sometimes just what was wanted before."""
        super().end()
        is_good = self._nature is Nature.WELL and not self._is_steered
        if self._ordered and not (is_good and self._chances.random() < SOMETIMES):
            self._agents()
        self._fleet.world.after(LOOKS_EVERY_S, self._insist)

    def after(self) -> None:
        """Another agent everywhere, and then one that is bad: no container notices either, and the bad one stays nowhere."""
        before = self._fleet.containers()
        self._agents()
        self._fleet.run_until_converged()
        self._order(self._chances.choice(QUIET))
        self._fleet.run_for(WATCHED_S)
        self._agents()
        self._fleet.run_until_converged()
        if self._fleet.containers() != before:
            raise ViolationError("containers go on", f"{before} became {self._fleet.containers()}")

    # Deeds.

    def _agents(self) -> None:
        self._order(Nature.WELL)

    def _agents_badly(self) -> None:
        self._order(self._chances.choice(BAD))

    def _agents_back(self) -> None:
        """To what was installed by hand, which is there without a network."""
        if self._ordered:
            self._send_order({"version": ""})

    def _steer_agents(self) -> None:
        self._is_steered = True
        self.promises.forgive()
        self._fleet.order(self._chances.choice(STEERING), KEY)

    # How it is done.

    def _look(self) -> None:
        self.promises.look()
        self._watch()

    @property
    def _nature(self) -> Nature:
        return self._catalogue.natures.get(str(self._ordered.get("version", "")), Nature.WELL)

    def _order(self, nature: Nature) -> None:
        self._version += 1
        version = f"1.{self._version}"
        self._catalogue.natures[version] = nature
        action = self._chances.choice(("pause", "continue", "rollback"))
        if nature is not Nature.WELL and action != "continue":
            self.promises.stops[version] = self._parallelism
        self._send_order({"version": version, "failure_action": action})

    def _send_order(self, said: dict[str, Any]) -> None:
        self._is_steered = False
        self._ordered = said | {
            "parallelism": str(self._parallelism),
            "monitor_s": MONITOR_S,
            "checkin_s": CHECKIN_S,
        }
        self._fleet.order(OrderVerb.AGENTS_UPDATE, "", **self._ordered)

    def _insist(self) -> None:
        """An order that nobody answered is given again."""
        knows = self._fleet.head.fleet
        service = knows.catalogue.services.get(KEY) if knows is not None and knows.is_up else None
        release = service.release if service is not None else Release()
        is_lost = release is None or release.version != self._ordered.get("version", "")
        if knows is not None and knows.is_up and self._ordered and is_lost:
            self._fleet.order(OrderVerb.AGENTS_UPDATE, "", **self._ordered)
        self._fleet.world.after(LOOKS_EVERY_S, self._insist)

    def _renew(self, name: str) -> None:
        """It came to no good end: something new of it."""
        if name == KEY:
            self._agents()
        else:
            super()._renew(name)
