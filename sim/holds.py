"""S2 and S6 in the making: nobody is let go of who may still run something, because he does not know yet that he should not.

A task that moves begins on its new node when the old one has stopped it. A controller that lets go of the old one too early shows
two copies only if the old one comes to run it in that very moment; here it shows at once. Whoever was told to run a task and is let
go of has applied a later word than the last one that had the task in it: what he has applied is looked up in his store, never in a
report.

A number means one word (law 6): while no store is restored, nobody is told anything else under a number that was used. The nodes
would notice, and have the controller speak under a higher epoch, but only then would they know what they should do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.decide.fleet import Fleet
from controller.decide.presence import Presence
from protocol.desired import Assignment, Offers
from sim.head import Head
from sim.node import SimNode
from sim.violation import ViolationError

Applied = tuple[int, int]
"""The epoch and generation of an assignment."""

_Held = tuple[str, str]


@dataclass(slots=True)
class Holds:
    """The checks: which node was told when to run a task, and who may still run it by the controller's word."""

    head: Head
    nodes: Mapping[str, SimNode]
    _told: dict[_Held, Applied] = field(default_factory=dict)
    _held: set[_Held] = field(default_factory=set)
    _asked: dict[str, int] = field(default_factory=dict)
    _said: dict[tuple[str, str], Assignment | Offers] = field(default_factory=dict)

    def look(self, applied: Mapping[str, Applied]) -> None:
        """Look at everybody who has been let go of since the last look."""
        fleet = self.head.fleet
        if fleet is None:
            return
        held = {(task, node) for task in fleet.holds for node in fleet.holds[task].nodes}
        for task, node in sorted(self._held - held):
            told = self._told.get((task, node))
            is_there = node in applied and node not in fleet.departed and not self._stops_by_itself(fleet, task)
            if told is not None and is_there and applied[node] <= told:
                raise ViolationError("S2", f"{node} is let go of {task}, and knows nothing later than {told} to run it")
        self._held = held
        self._given_up(fleet)
        for node in self.nodes:
            self._says(node, "offers", fleet.offers.get(node))
            now = fleet.assignments.get(node)
            if self._says(node, "assignment", now) and now is not None:
                self._told |= dict.fromkeys(((spec.task, node) for spec in now.tasks), (now.epoch, now.generation))

    def _says(self, node: str, what: str, now: Assignment | Offers | None) -> bool:
        """Whether a node is told something else than before; then it has another number."""
        before = self._said.get((node, what))
        if now is None or now is before:
            if now is None:
                self._said.pop((node, what), None)
            return False
        number = (now.epoch, now.generation)
        if before is not None and number == (before.epoch, before.generation) and now != before:
            raise ViolationError("law 6", f"{node} has other words as its {what}, under the same number {number}")
        self._said[node, what] = now
        return True

    def _stops_by_itself(self, fleet: Fleet, task: str) -> bool:
        """A node that hears nothing may have been told to end this after a while; then nobody waits for its word."""
        known = fleet.tasks.get(task)
        service = fleet.catalogue.services.get(known.service) if known is not None else None
        return service is not None and bool(service.stop_after_s)

    def _given_up(self, fleet: Fleet) -> None:
        """S6 in the making: a run is taken over from whom nobody has heard for long, and not from whoever is quiet for a moment."""
        for key in fleet.ledger:
            asked = fleet.ledger[key].asked
            for node in asked[self._asked.get(key, 0) :]:
                if fleet.presence(node) is not Presence.OFFLINE:
                    raise ViolationError("S6", f"{key} is taken over from {node}, which is {fleet.presence(node)}")
            if asked:
                self._asked[key] = len(asked)

    def forget(self, node: str) -> None:
        """A node has another card, or an older one: what it was told is nobody's business any more."""
        for key in [key for key in self._told if key[1] == node]:
            del self._told[key]
        self._said.pop((node, "assignment"), None)

    def restored(self) -> None:
        """The controller has an older store, or another had its fleet meanwhile; whom it has given up stands in its ledger."""
        self._told.clear()
        self._held.clear()
        self._said.clear()
