"""A rollout rehearsed: somebody's own stack over a fleet that comes and goes, from its publishing until every node has it.

Before it begins the same stack is settled everywhere with other image names (`…-before`), so that all services have an update.
Every image works; promotions that wait for an operator's word get it at once, which the timeline says. Absence, power cuts and, if
asked for, all the other faults strike from the publishing on. The real controller, agents and stores decide: only time is not real.

Nodes that have nothing to do sleep longer than real ones, up to half a minute with a network: rehearsing is for hours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controller.decide.rollouts.budget import most_ever
from protocol.observed import OfferState, TaskState
from protocol.operator import OrderVerb, Verdict
from protocol.rollouts import RolloutStatus
from protocol.stack import Stack
from sim.absence import Absence
from sim.convergence import status_of
from sim.faults import FAULT_EVERY_S, Fault, strike
from sim.fleet import NotConvergedError, SimFleet
from sim.given import UnreadableStackError, labels_of, read_stack
from sim.images import FUNCTION, WELL
from sim.invariants import learn
from sim.lanes import Doing, Lane, clock
from sim.node import SimNode
from sim.violation import ViolationError

LOOK_S = 5.0
"""How exact the timeline is."""

ASKING_STRETCH, IDLE_STRETCH, AWAY_STRETCH = 5.0, 25.0, 600.0
"""How much longer than a second a node sleeps that waits for a grant, that has nothing to do (it still says its health within half
a lease), and that has no network either. Whatever arrives wakes it."""

MOVING = (TaskState.ASSIGNED, TaskState.PREPARING)

MARKS = (0.5, 0.95, 1.0)
"""The shares of all tasks whose moments the timeline names, after the first one."""

BEFORE = "-before"

ENDED = ("done", "rolled_back")

DOING: Mapping[OfferState, Doing] = {
    OfferState.FAILED: Doing.FAILED,
    OfferState.TRYING: Doing.TRYING,
    OfferState.STAGED: Doing.STAGED,
    OfferState.STAGING: Doing.STAGING,
}
"""What a node is doing by the offer that it is least far with, in this order."""


@dataclass(frozen=True, slots=True)
class Script:
    """What is rehearsed: how many nodes, for how long at most, with whose stack, how they come and go, and what else may strike."""

    nodes: int
    seconds: float
    manifest: bytes
    absence: Absence
    faults: Mapping[Fault, int] = field(default_factory=dict)


@dataclass(slots=True)
class Rehearsal:
    """How it went. `broken` is the promise that did not hold, empty if all did; moments are seconds since the publishing."""

    seed: int
    timeline: list[tuple[float, str]] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    seconds: float = 0.0
    updated: int = 0
    tasks: int = 0
    broken: str = ""
    trace: list[str] = field(default_factory=list)


def rehearse(seed: int, script: Script) -> Rehearsal:
    """Live through it once."""
    stack = read_stack(script.manifest)
    with SimFleet(script.nodes, seed, labels=labels_of(script.manifest)) as fleet:
        stage = _Stage(fleet, stack, script)
        try:
            stage.play()
        except (ViolationError, NotConvergedError) as failure:
            stage.told.broken = str(failure)
        stage.told.trace = fleet.world.trace
    return stage.told


class _Stage:
    """The rehearsal under way."""

    def __init__(self, fleet: SimFleet, stack: Stack, script: Script) -> None:
        self._fleet, self._stack, self._script = fleet, stack, script
        self._began_s = self._next_fault_s = 0.0
        self._states: dict[str, tuple[str, str]] = {}
        self._reached = 0
        self.told = Rehearsal(fleet.world.seed, lanes=[Lane(name) for name in fleet.nodes])

    def play(self) -> None:
        """Settle what was before, publish, and look on until all is done or time is over."""
        fleet, script = self._fleet, self._script
        self._prepare()
        fleet.publish(self._stack.name, before(script.manifest, self._stack))
        fleet.run_until_converged()
        self._began_s = fleet.world.now_s
        script.absence.begin(fleet)
        self._say("published")
        fleet.publish(self._stack.name, script.manifest)
        self._next_fault_s = self._fault_after(0.0)
        while self._at_s < script.seconds and not self._look():
            fleet.run_for(min(LOOK_S, script.seconds - self._at_s))
            self._trouble()
        self._end()

    @property
    def _at_s(self) -> float:
        return self._fleet.world.now_s - self._began_s

    def _prepare(self) -> None:
        for name, service in self._stack.services.items():
            image = service.container.image
            for one in (image, _earlier(image)):
                self._fleet.registry.push(one, WELL)
            tasks = len(self._fleet.nodes) if service.mode.is_global else service.replicas
            learn(
                self._fleet.invariants,
                f"{self._stack.name}.{name}",
                most_ever(service.update, service.rollback, tasks),
                service.update.order,
            )
        for function in self._stack.functions.values():
            self._fleet.registry.push(function.spec.container.image, FUNCTION)
        for node in self._fleet.nodes.values():
            node.pace = _pace

    def _fault_after(self, at_s: float) -> float:
        return at_s + self._fleet.world.chances.expovariate(1 / FAULT_EVERY_S)

    def _trouble(self) -> None:
        while self._script.faults and self._next_fault_s <= self._at_s:
            strike(self._fleet, self._script.faults)
            self._next_fault_s = self._fault_after(self._next_fault_s)

    def _say(self, said: str) -> None:
        self.told.timeline.append((self._at_s, said))

    def _look(self) -> bool:
        """Note what has changed; whether nothing more will."""
        for lane in self.told.lanes:
            lane.say(self._at_s, self._doing(self._fleet.nodes[lane.node], self._last(lane)))
        self._count()
        rollouts = list(self._rollouts())
        for one in rollouts:
            self._follow(one)
        return bool(rollouts) and all(one.state in ENDED for one in rollouts)

    def _last(self, lane: Lane) -> Doing:
        return lane.moments[-1][1] if lane.moments else Doing.WAITING

    def _doing(self, node: SimNode, last: Doing) -> Doing:
        if not node.is_powered:
            return Doing.POWERLESS
        if node.node is None:
            return last
        states = {trial.state for trial in node.node.trials.values() if trial.key in node.node.standing()}
        if OfferState.TRYING in states:
            return Doing.TRYING
        images = {box.container.image for box in self._fleet.boxes(node.name)}
        if images and all(not image.endswith(BEFORE) for image in images):
            return Doing.SETTLED
        if node.is_cut:
            return Doing.AWAY
        return next((DOING[state] for state in DOING if state in states), Doing.WAITING if images else Doing.SETTLED)

    def _count(self) -> None:
        settled = tasks = 0
        for name, service in self._stack.services.items():
            running = self._fleet.running(f"{self._stack.name}.{name}")
            tasks += len(running)
            settled += len(self._fleet.settled(f"{self._stack.name}.{name}", service.container.image))
        self.told.updated, self.told.tasks = settled, max(tasks, self.told.tasks)
        if settled and self._reached == 0:
            self._say("the first task has settled")
            self._reached = 1
        while self._reached and self._reached <= len(MARKS) and settled >= MARKS[self._reached - 1] * self.told.tasks:
            self._say(f"{MARKS[self._reached - 1]:.0%} of {self.told.tasks} tasks have settled")
            self._reached += 1

    def _rollouts(self) -> Iterator[RolloutStatus]:
        """What the retained status says of the updates, once it is about this very manifest."""
        said = status_of(self._fleet, self._stack.name)
        if said is None or said.manifest != self._fleet.digest(self._script.manifest):
            return
        if said.verdict is Verdict.REFUSED:
            raise NotConvergedError("; ".join(f"line {fault.line}: {fault.reason}" for fault in said.faults))
        yield from (service.rollout for service in said.services if service.rollout is not None)

    def _follow(self, one: RolloutStatus) -> None:
        state = (one.state, one.paused_by)
        before_state = self._states.get(one.service)
        if state == before_state:
            return
        self._states[one.service] = state
        why = "; ".join(one.reasons)
        if one.state != "rolling" or before_state is not None:
            self._say(f"{one.service} is {one.state}" + (f": {why}" if why else ""))
        if one.paused_by == "promotion":
            self._say(f"the next batch of {one.service} is confirmed, as its operator would")
            self._fleet.order(OrderVerb.ROLLOUT_CONFIRM, one.service)

    def _end(self) -> None:
        self.told.seconds = self._at_s
        self.told.reports = [
            f"{one.service}: {one.state}; {one.updated} updated, {one.failed} failed, {one.unseen} unseen, "
            f"{one.in_progress} in progress" + (f" ({one.reasons[0]})" if one.reasons else "")
            for one in self._rollouts()
        ]
        if not self.told.reports:
            raise NotConvergedError(f"after {clock(self._at_s)} the controller has no verdict on the manifest")


def before(manifest: bytes, stack: Stack) -> bytes:
    """The same file with other images: what the fleet runs before the update."""
    found = manifest.decode()
    for image in {service.container.image: None for service in stack.services.values()}:
        found = re.sub(rf"(?<![\w./:-]){re.escape(image)}(?![\w./:@-])", _earlier(image), found)
    if found.encode() == manifest:
        raise UnreadableStackError("no service of the stack names its image in the file, so there is nothing to update")
    return found.encode()


def _earlier(image: str) -> str:
    """The name of the image before; a digest belongs to one image alone."""
    return image.partition("@")[0] + BEFORE


def _pace(node: SimNode) -> float:
    """How much longer a node may sleep: not at all while its containers are on the move."""
    knows = node.node
    if knows is None or any(task.state in MOVING for task in knows.tasks.values()):
        return 1.0
    states = {trial.state for trial in knows.trials.values()}
    if states & {OfferState.STAGING, OfferState.TRYING}:
        return 1.0
    if node.is_cut:
        return AWAY_STRETCH
    return ASKING_STRETCH if OfferState.STAGED in states else IDLE_STRETCH
