"""What operators have said of single nodes and of groups, held against the engines: pins, farewells, budgets of a group.

A pinned node begins no update of that service. A node that has left, and has heard so, runs nothing of ours. Of the nodes that
share a label's value, an update takes no more at a time than its budget for one group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from protocol.observed import OfferState
from sim.head import Head
from sim.node import SimNode
from sim.truth import service_of, task_of
from sim.violation import ViolationError
from sim.world import World

FAREWELL_S = 60.0
"""To stop what nobody wants any more: a grace of 4 s, an engine that was away, a machine that stands still."""


@dataclass(slots=True)
class Wishes:
    """The checks. `groups` says by which label a service's nodes are grouped, and how many of each an update may take."""

    world: World
    head: Head
    nodes: Mapping[str, SimNode]
    groups: dict[str, tuple[str, int]] = field(default_factory=dict)
    _pins: frozenset[str] = frozenset()
    _trying: set[tuple[str, str]] = field(default_factory=set)
    _left_s: dict[str, float] = field(default_factory=dict)

    def look(self, name: str, node: SimNode) -> None:
        """Look at the trials of a node."""
        fleet = self.head.fleet
        if fleet is not None and (len(fleet.pins) or self._pins):
            self._pins = frozenset(fleet.pins)
        if node.node is None:
            return
        trials = node.node.trials.values()
        trying = {(name, trial.key): trial for trial in trials if trial.state is OfferState.TRYING}
        for key, trial in trying.items() if self._pins else ():
            service = service_of(trial.task)
            if key not in self._trying and f"{service}@{name}" in self._pins and not trial.resumes:
                raise ViolationError("pin", f"{name} begins an update of {service}, and is pinned")
        self._trying = {key for key in self._trying if key[0] != name} | trying.keys()
        self._farewell(name, node)

    def taken(self, service: str, names: Iterable[str]) -> None:
        """Hold what an update has taken of a service against its budget for one group."""
        if service not in self.groups:
            return
        label, most = self.groups[service]
        for value, count in Counter(self.nodes[name].labels.get(label, "") for name in names).items():
            if count > most:
                raise ViolationError("S1", f"{service} may lose {most} of {value} to its update, and lost {count}")

    def _farewell(self, name: str, node: SimNode) -> None:
        fleet, knows = self.head.fleet, node.node
        has_left = fleet is not None and name in fleet.departed and knows is not None and not knows.assignment.tasks
        if not has_left or node.engine.away or self.world.now_s < node.process.stopped_until_s:
            self._left_s.pop(name, None)
            return
        since_s = self._left_s.setdefault(name, self.world.now_s)
        ours = [task_of(box) for box in node.engine.running() if node.engine.place.owns(box.labels) and task_of(box)]
        if ours and self.world.now_s - since_s > FAREWELL_S:
            raise ViolationError("farewell", f"{name} has left the fleet and runs {ours}")
