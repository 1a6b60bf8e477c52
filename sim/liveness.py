"""L1, L2 and L4: when the last fault is over everything comes about within its seconds, beside the excuses that are stated.

A clock for each node (L1), one for the fleet (L2), and one for each rollout (L4). It runs while something is not as it should be
and no excuse accounts for it (`sim.excuses`); it begins anew with another goal: an assignment, a deed of the operator, a step of
the rollout, another fault. A clock that runs out breaks its promise, with the sentence of what it waited for.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.decide.fleet import Fleet
from controller.decide.rollouts.slot import GRANTING, HALTED, Rollout
from protocol.desired import Assignment
from sim import excuses
from sim.boxes import Box
from sim.excuses import Excuse
from sim.head import CLIENT
from sim.node import SimNode
from sim.pace import FINE
from sim.truth import WELL, is_warm, owns, revision_of, service_of, task_of
from sim.violation import ViolationError

if TYPE_CHECKING:
    from sim.fleet import SimFleet

L1, L2, L4 = "L1", "L2", "L4"
WITHIN_S = {L1: 30.0, L2: 60.0, L4: 60.0}
"""A node that is there has what it was told; a small fleet is at rest; a rollout takes a step, or says why it does not."""


@dataclass(slots=True)
class _Clock:
    """For which `goal` it runs, how long it has run, and what may hold it up next."""

    goal: Hashable
    spent_s: float = 0.0
    excuses: tuple[Excuse, ...] = ()


class Liveness:
    """The clocks of a fleet."""

    def __init__(self, fleet: SimFleet) -> None:
        self._fleet = fleet
        self._clocks: dict[tuple[str, str], _Clock] = {}
        self._looked_s = 0.0

    def begin(self) -> None:
        """From now on somebody waits for the fleet to come to rest."""
        self._clocks.clear()
        self._looked_s = self._fleet.world.now_s

    def look(self, why: str) -> None:
        """Look at everything once more; `why` the fleet is not at rest."""
        fleet, knows = self._fleet, self._fleet.head.fleet
        if (
            knows is None or fleet.pace is not FINE or excuses.strikes(fleet)
        ):  # a coarse one idles where it does not matter
            self.begin()
            return
        for node in fleet.nodes.values():
            self._node(knows, node)
        for service in knows.rollouts:
            self._rollout(knows, knows.rollouts[service])
        self._run(L2, "the fleet", fleet.deeds, why, excuses.of_fleet(fleet, knows))
        self._looked_s = fleet.world.now_s

    def _node(self, knows: Fleet, node: SimNode) -> None:
        told = knows.assignments.get(node.name) or Assignment(node.name, 0, 0)
        goal = (node.process.boot, told.epoch, told.generation)
        is_asked = node.name not in knows.quarantines and node.name not in knows.departed
        why = next(_lags(self._fleet, node, told), "") if is_asked else ""
        self._run(L1, node.name, goal, why, self._of_node(node))

    def _of_node(self, node: SimNode) -> Iterator[Excuse]:
        yield from excuses.of_machines(self._fleet, (self._fleet.head.process, node.process))
        yield from excuses.of_links(self._fleet, (CLIENT, node.name))
        yield from excuses.of_losses(self._fleet, (node.name,))
        yield from excuses.of_release(node)

    def _rollout(self, knows: Fleet, rollout: Rollout) -> None:
        if rollout.state in HALTED and not rollout.reason:
            raise ViolationError(L4, f"{rollout.service} is paused, and nobody knows why")
        slots = tuple(knows.slots[task] for task in sorted(knows.slots.of("service", rollout.service)))
        goal = (
            rollout.state,
            rollout.batch,
            self._fleet.deeds,
            *((slot.task, slot.state, slot.nonce) for slot in slots),
        )
        why = f"{rollout.service} is {rollout.state}" if rollout.state in GRANTING else ""
        self._run(L4, rollout.service, goal, why, excuses.of_rollout(self._fleet, knows, rollout))

    def _run(self, promise: str, who: str, goal: Hashable, why: str, stated: Iterable[Excuse]) -> None:
        clock = self._clocks.get((promise, who))
        if clock is None or clock.goal != goal or not why:
            self._clocks[promise, who] = _Clock(goal, excuses=tuple(stated) if why else ())
            return
        before, clock.excuses = clock.excuses, tuple(stated)
        now_s = self._fleet.world.now_s
        both = (*before, *(_lasting(excuse, now_s) for excuse in clock.excuses))
        clock.spent_s += excuses.uncovered_s(self._looked_s, now_s, both)
        if clock.spent_s >= WITHIN_S[promise]:
            raise ViolationError(promise, f"{who} has had {clock.spent_s:.0f} s, and still: {why}")


def _lasting(excuse: Excuse, now_s: float) -> Excuse:
    """What is waited for now may have been so since the last look, but for what has a moment of its own."""
    return Excuse(excuse.why, max(excuse.until_s, now_s), excuse.from_s)


def _lags(fleet: SimFleet, node: SimNode, told: Assignment) -> Iterator[str]:
    """What is not on a node as it was told, and is not waited for."""
    if node.node is None or not node.node.is_up or node.engine.away:
        yield f"{node.name} is away"
    elif node.node.assignment != told:
        yield f"{node.name} has assignment {node.node.assignment.generation}, and was told {told.generation}"
    else:
        yield from _differs(fleet, node, told)


def _differs(fleet: SimFleet, node: SimNode, told: Assignment) -> Iterator[str]:
    jobs = fleet.invariants.ways.works.services
    specs = [spec for spec in told.tasks if spec.release is None and service_of(spec.task) not in jobs]
    boxes = [box for box in node.engine.boxes.values() if _counts(node, box) and service_of(task_of(box)) not in jobs]
    well = {(task_of(box), revision_of(box)) for box in boxes if box.runs and box.health(fleet.world.now_s) in WELL}
    for spec in specs:
        if (spec.task, spec.revision) not in well and not _waits(node, spec.task):
            yield f"{spec.task} does not run on {node.name}"
    wanted = {(spec.task, spec.revision) for spec in specs}
    for box in boxes:
        if (task_of(box), revision_of(box)) not in wanted and not _stays(node, box):
            yield f"{box.name} is left on {node.name}"


def _counts(node: SimNode, box: Box) -> bool:
    return bool(task_of(box)) and owns(node.fleet, node.name, box.labels) and not is_warm(box)


def _waits(node: SimNode, task: str) -> bool:
    return any(True for _ in excuses.of_task(node, task))


def _stays(node: SimNode, box: Box) -> bool:
    """Whether a container is there for an update, which has prepared it or keeps it until somebody confirms; or is in hand."""
    assert node.node is not None
    trials = node.node.trials_of(task_of(box))
    is_prepared = any(trial.offer.task.revision == revision_of(box) for trial in trials)
    is_kept = any(trial.before is not None for trial in trials)
    return is_prepared or is_kept or _waits(node, task_of(box)) or _waits(node, box.id)
