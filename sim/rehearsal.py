"""A rollout rehearsed: somebody's own stack over a fleet that comes and goes, from its publishing until every node has it.

Before it begins the same stack is settled everywhere with other image names (`…-before`), so that all services have an update.
Every image works; promotions that wait for an operator's word get it at once, which the timeline says. Absence, power cuts and, if
asked for, all the other faults strike from the publishing on. The real controller, agents and stores decide: only time is not real.

What is idle is simulated coarsely (`sim.pace`), and only nodes to which something happened are looked at: a week of hundreds of
nodes costs what happens in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from agent.decide.asking import ASK_EVERY_S
from controller.decide.report import rollout_status
from controller.decide.rollouts.budget import most_ever
from protocol.ids import service_key
from protocol.observed import OfferState
from protocol.operator import OrderVerb, Verdict
from protocol.rollouts import RolloutStatus
from protocol.stack import Stack
from sim.absence import Absence
from sim.faults import FAULT_EVERY_S, Fault, strike
from sim.fleet import NotConvergedError, SimFleet
from sim.given import UnreadableStackError, labels_of, read_stack
from sim.history import seldom_swept
from sim.images import WELL, function_of
from sim.lanes import Doing, Lane, clock
from sim.lessons import learn
from sim.node import SimNode
from sim.pace import COARSE
from sim.violation import ViolationError

LOOK_S = 5.0
"""How exact the timeline is."""

REQUESTS_PER_S = 5.0
"""How often at most all nodes together ask for grants: whenever a place is free, some of these are young enough. Real nodes ask
every ten seconds each, and all but a few get no answer."""

STATUS_S = 3600.0
"""How often the controller publishes how the stack stands: nobody reads it here, and over hundreds of nodes each is work."""

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


class _CoarseFleet(SimFleet):
    """A fleet whose idleness is not worth a look."""

    pace = COARSE


def rehearse(seed: int, script: Script) -> Rehearsal:
    """Live through it once."""
    stack = read_stack(script.manifest)
    with seldom_swept(), _CoarseFleet(script.nodes, seed, labels=labels_of(script.manifest)) as fleet:
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
        self._lanes = {name: Lane(name) for name in fleet.nodes}
        self._counts: dict[str, tuple[int, int]] = {}
        self._asking: set[str] = set()
        self._known: tuple[RolloutStatus, ...] = ()
        self.told = Rehearsal(fleet.world.seed, lanes=list(self._lanes.values()))

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
        fleet.head.say_every(STATUS_S)
        self._next_fault_s = self._fault_after(0.0)
        fleet.world.stirred |= dict.fromkeys(fleet.nodes)
        while self._at_s < script.seconds and not self._look():
            fleet.run_for(min(max(LOOK_S, self._quiet_s()), script.seconds - self._at_s))
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
                service_key(self._stack.name, name),
                most_ever(service.update, service.rollback, tasks),
                service.update.order,
            )
        for function in self._stack.functions.values():
            self._fleet.registry.push(function.spec.container.image, function_of(function.spec.mode))
        for node in self._fleet.nodes.values():
            node.process.late_s = partial(self._patience_s, node.name)

    def _fault_after(self, at_s: float) -> float:
        return at_s + self._fleet.world.chances.expovariate(1 / FAULT_EVERY_S)

    def _trouble(self) -> None:
        while self._script.faults and self._next_fault_s <= self._at_s:
            strike(self._fleet, self._script.faults)
            self._next_fault_s = self._fault_after(self._next_fault_s)

    def _say(self, said: str) -> None:
        self.told.timeline.append((self._at_s, said))

    def _quiet_s(self) -> float:
        """How long nothing happens at all."""
        next_s = self._fleet.world.broker.next_s
        due_s = float("inf") if next_s is None else next_s - self._fleet.world.now_s
        return min(due_s, self._next_fault_s - self._at_s) if self._script.faults else due_s

    def _patience_s(self, name: str) -> float:
        """How much longer a node waits before it asks again for its grant: the longer, the more others do."""
        return max(0.0, len(self._asking) / REQUESTS_PER_S - ASK_EVERY_S) if name in self._asking else 0.0

    def _look(self) -> bool:
        """Note what has changed; whether nothing more will."""
        fleet = self._fleet
        stirred, fleet.world.stirred = fleet.world.stirred, {}
        for name in stirred:
            if name in self._lanes:
                self._see(fleet.nodes[name], self._lanes[name])
        self._mark()
        if fleet.head.process.name not in stirred:
            return False
        rollouts = self._rollouts()
        for one in rollouts:
            self._follow(one)
        return bool(rollouts) and all(one.state in ENDED for one in rollouts)

    def _see(self, node: SimNode, lane: Lane) -> None:
        """Note how one node stands."""
        doing = self._doing(node, lane.moments[-1][1] if lane.moments else Doing.WAITING)
        lane.say(self._at_s, doing)
        (self._asking.add if doing is Doing.STAGED else self._asking.discard)(node.name)
        running = settled = 0
        for name, service in self._stack.services.items():
            images = [box.container.image for box in self._fleet.boxes(node.name, service_key(self._stack.name, name))]
            is_tried = self._fleet.invariants.tries(node.name, service_key(self._stack.name, name))
            running += bool(images)
            settled += images == [service.container.image] and not is_tried
        self._counts[node.name] = (running, settled)

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

    def _mark(self) -> None:
        """Note which shares of the tasks have settled."""
        tasks, settled = map(sum, zip(*self._counts.values(), strict=True))
        self.told.updated, self.told.tasks = settled, max(tasks, self.told.tasks)
        if settled and self._reached == 0:
            self._say("the first task has settled")
            self._reached = 1
        while self._reached and self._reached <= len(MARKS) and settled >= MARKS[self._reached - 1] * self.told.tasks:
            self._say(f"{MARKS[self._reached - 1]:.0%} of {self.told.tasks} tasks have settled")
            self._reached += 1

    def _rollouts(self) -> tuple[RolloutStatus, ...]:
        """How the updates of this very manifest stand, by the controller's own word; as it was while there is none."""
        knows = self._fleet.head.fleet
        record = knows.stacks.get(self._stack.name) if knows is not None else None
        if knows is None or record is None or record.manifest != self._fleet.digest(self._script.manifest):
            return self._known
        if record.verdict is Verdict.REFUSED:
            raise NotConvergedError("; ".join(f"line {fault.line}: {fault.reason}" for fault in record.faults))
        keys = (service_key(self._stack.name, name) for name in self._stack.services)
        self._known = tuple(rollout_status(knows, knows.rollouts[key]) for key in keys if key in knows.rollouts)
        return self._known

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
