"""The promises of the design, S1 to S9, as checks on ground truth: engines, stores and ledgers, never on reports.

What costs little is checked after everything that touched a node; the rest from time to time, and when the fleet is at rest. A
broken promise raises with its name, in the middle of the event that broke it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from protocol.observed import OfferState
from sim.bounds import Bounds
from sim.boxes import Box
from sim.calls import Calls
from sim.durable import check_head, check_node
from sim.facts import Facts
from sim.follows import Follows
from sim.head import Head
from sim.holds import Holds
from sim.honesty import Honesty
from sim.node import SimNode
from sim.runs import Runs
from sim.truth import LABEL, WELL, owns, revision_of, service_of, task_of
from sim.violation import ViolationError
from sim.ways import STOPPED, Ways
from sim.world import World

_TASK = f"{LABEL}task"


@dataclass(slots=True)
class _Memory:
    """What was seen of one node, so that going back shows.

    `taken`: the tasks that an update took, by which trial, and whether they ran before. `excused`: those whose node was drained
    meanwhile, so that it is the operator who takes them.
    """

    assignment: tuple[int, int] = (0, 0)
    offers: tuple[int, int] = (0, 0)
    taken: dict[str, tuple[str, bool]] = field(default_factory=dict)
    excused: set[str] = field(default_factory=set)


class Invariants:
    """The checks, and what they remember. `forbidden` and `bad` are images: of refused documents, and of updates that must fail.

    `replaced` are the services with `replace: true`, which may have a second copy while a node is away.
    """

    def __init__(self, world: World, nodes: Mapping[str, SimNode], head: Head) -> None:
        self._world, self._nodes, self._head = world, nodes, head
        self._memory = {name: _Memory() for name in nodes}
        self._foreign: dict[str, dict[str, str]] = {}
        self._sweep_s = 0.0
        self.forbidden, self.bad = set[str](), set[str]()
        self.drained, self.doubted = set[str](), set[str]()  # whose word may be another's: see `sim.clones`
        self.most_down: dict[str, int] = {}
        self.budgets: dict[str, int] = {}
        self.start_first, self.replaced = set[str](), set[str]()
        self.facts = Facts(head)
        self.honesty = Honesty(world, head, nodes)
        self.ways = Ways(world, head, nodes)
        self.holds = Holds(head, nodes)
        self.calls = Calls()
        self.follows = Follows(world, head, nodes)
        self.runs = Runs(head, nodes, self.facts, self.follows)
        self.bounds = Bounds(nodes, head, world.straits)
        self._parts = (self.honesty, self.ways, self.holds, self.calls, self.follows)
        self.is_restored = False
        self._cards = 0
        self._unwanted = set[str]()

    def forget(self, name: str, events: int) -> None:
        """A node has another card, and knows nothing of before: it may go back, and run again what it ran."""
        self._cards += 1
        self._memory[name] = _Memory()
        for part in (self.runs, *self._parts):
            part.forget(name)
        self.facts.forget(name, events)

    @property
    def has_forgotten(self) -> bool:
        """Whether somebody has lost what only he knew: what was asked of him is done by nobody."""
        return self.is_restored or self._cards > 0

    def forgive(self, node: str) -> None:
        """Its card was put back as it was some time ago: what it knows now is older than what was seen of it."""
        self._memory[node].assignment = self._memory[node].offers = (0, 0)
        self.facts.forget(node, 0)
        for part in self._parts:
            part.forget(node)

    def restored(self) -> None:
        """The controller has an older store, and cannot know what it has granted, moved or ended since: no store could."""
        self.is_restored = True
        self.runs.restored()
        self.facts.restored()
        self.honesty.restored()
        self.ways.restored()
        self.holds.restored()
        self.follows.restored()

    def look(self) -> None:
        """Check what has been touched."""
        touched, self._world.touched = self._world.touched, []
        for name in dict.fromkeys(touched):
            if name in self._nodes:
                self._node(name)
            elif name == self._head.process.name:
                self.holds.look({node: memory.assignment for node, memory in self._memory.items()})
                self.bounds.look_at_head()
        if self._world.now_s >= self._sweep_s:
            self._sweep_s = self._world.now_s + self._world.pace.sweep_s
            self.sweep()

    def sweep(self) -> None:
        """Check everything else."""
        for name, node in self._nodes.items():
            self._gate(name, node)
            self._strangers(name, node)
        self.runs.sweep()
        self.bounds.sweep()
        self.facts.check()
        self.facts.handled(self._accepted, at_rest=False)
        self.honesty.sweep()
        self.follows.sweep()

    def at_rest(self) -> None:
        """Check what must be so once nothing is under way."""
        self.sweep()
        for name, node in self._nodes.items():
            self._others(name, _ours(node), frozenset())
        self.facts.handled(self._accepted, at_rest=True)
        self.follows.at_rest()
        self.bounds.at_rest()
        check_head(self._head)
        for node in self._nodes.values():
            check_node(node)

    @property
    def _accepted(self) -> int:
        return sum(len(node.accepted) for node in self._nodes.values())

    def remember(self, struck: Box) -> None:
        """Note what is well now, before something befalls a container that is no update's doing, unless it is being tried.

        Where the new one was started first, the old one runs on beside it, and what befalls that is not the update's doing either.
        """
        task = task_of(struck)
        for name, node in self._nodes.items():
            self._take(name, _ours(node), task)
            key, _ = self._memory[name].taken.get(task, ("", False))
            if key and struck in node.engine.boxes.values() and not key.endswith(f" {revision_of(struck)}"):
                self._memory[name].taken[task] = (key, False)

    def tries(self, node: str, service: str) -> bool:
        """Whether an update has this service of this node in its hands."""
        return any(service_of(task) == service for task in self._memory[node].taken)

    # After each touch.

    def _node(self, name: str) -> None:
        node, memory = self._nodes[name], self._memory[name]
        ours = _ours(node)
        self._forward(name, node, memory)
        self._budget(name, ours)
        self._copies(name, ours)
        self._allowed(name, node.engine.boxes.values())
        self.runs.look(name, node)
        self.bounds.look(name, node)
        self.facts.look(name, node)
        self.honesty.look(name, node)
        self.ways.look(name, node)
        self.follows.look(name, node)

    def _forward(self, name: str, node: SimNode, memory: _Memory) -> None:
        """S4: what was applied is never older than what was applied before; what no full card could take was not."""
        if node.node is None or (node.store is not None and node.store.fault):
            return
        for what, desire in (("assignment", node.node.assignment), ("offers", node.node.offers)):
            seen, before = (desire.epoch, desire.generation), getattr(memory, what)
            if seen < before:
                raise ViolationError("S4", f"{name} went back from {what} {before} to {seen}")
            setattr(memory, what, seen)

    def _budget(self, name: str, ours: list[Box]) -> None:
        """S1: a task is taken from the moment its trial begins until it is kept, or the old one runs well again."""
        self._take(name, ours)
        for service in {service_of(task) for task in self._memory[name].taken}:
            if len(self._taken(service)) > self.budgets.get(service, len(self._nodes)):
                for other in self._nodes:  # what has become well by itself shows only when somebody looks
                    self._take(other, _ours(self._nodes[other]))
            taken = self._taken(service)
            self.ways.wishes.taken(service, [entry.rpartition(" on ")[2] for entry in self._taken(service, well=True)])
            self.most_down[service] = max(self.most_down.get(service, 0), len(taken))
            if len(taken) > self.budgets.get(service, len(taken)) and not self.is_restored:
                raise ViolationError(
                    "S1", f"{service} may lose {self.budgets[service]} to its update, and lost {taken}"
                )

    def _take(self, name: str, ours: list[Box], struck: str = "") -> None:
        node, memory = self._nodes[name], self._memory[name]
        if node.node is None:  # it may have died right after it had kept them
            memory.taken = {task: taken for task, taken in memory.taken.items() if taken[0] not in node.kept}
            return
        trials, assigned = node.node.trials, {spec.task for spec in node.node.assignment.tasks}
        well = {box.labels.get(_TASK, "") for box in ours if box.health(self._world.now_s) in WELL}
        trying = {trial.task: trial.key for trial in trials.values() if trial.state is OfferState.TRYING}
        memory.excused &= trying.keys()
        if name in self.drained:
            memory.excused |= trying.keys()
        for task, key in trying.items():
            _, was_well = memory.taken.get(task, ("", task in well))
            memory.taken[task] = (key, was_well)
        for task, (key, was_well) in list(memory.taken.items()):
            trial = trials.get(key)
            # What befalls a task that was kept is not the update's doing.
            is_kept = trial is not None and trial.state is OfferState.SETTLED
            is_over = task not in trying and (task in well or is_kept or not was_well or task == struck)
            if task not in assigned or task in memory.excused or is_over or name in self.doubted:
                del memory.taken[task]

    def _taken(self, service: str, *, well: bool = False) -> list[str]:
        """What an update has taken of a service, or of what ran well; nobody misses what the operator scales away meanwhile."""
        everywhere = [(name, *kept) for name, memory in self._memory.items() for kept in memory.taken.items()]
        fleet = self._head.fleet
        if fleet is not None:
            self._unwanted = {task for _, task, _ in everywhere if task not in fleet.tasks}
        its = [(name, task) for name, task, (_, was) in everywhere if service_of(task) == service and was >= well]
        return sorted(f"{task} on {name}" for name, task in its if task not in self._unwanted)

    def _copies(self, name: str, boxes: list[Box]) -> None:
        """S2, on one node: one container per task, two while an update starts the new one first."""
        for task, count in Counter(box.labels.get(_TASK, "") for box in boxes).items():
            most = 2 if service_of(task) in self.start_first else 1
            if task and count > most:
                raise ViolationError("S2", f"{count} containers of {task} run on {name}")
        self._others(name, boxes, self.replaced)

    def _others(self, name: str, boxes: list[Box], replaced: AbstractSet[str]) -> None:
        """S2, between nodes: one copy; a service that has its tasks replaced may have two while a node is away, and not at rest."""
        for task in {box.labels[_TASK] for box in boxes if _TASK in box.labels}:
            if service_of(task) in replaced or task.endswith(f".{name}") or self.is_restored:
                continue  # a global service's task names its node
            others = [other for other in self._nodes if other != name and self._runs_task(other, task)]
            if others and not self.doubted & {name, *others}:
                raise ViolationError("S2", f"{task} runs on {name} and on {others[0]}")

    def _runs_task(self, name: str, task: str) -> bool:
        if task.endswith(f".{name}"):
            return False  # a global service's task names its node, and no other can have it
        engine = self._nodes[name].engine
        return any(box.runs and box.labels.get(_TASK) == task for box in engine.boxes.values())

    def _allowed(self, name: str, boxes: Iterable[Box]) -> None:
        """S3: nothing exists that came from a refused document."""
        for box in boxes:
            if box.container.image in self.forbidden:
                raise ViolationError("S3", f"{box.name} on {name} has {box.container.image}, from a refused document")

    # From time to time.

    def _gate(self, name: str, node: SimNode) -> None:
        """S7: nothing is settled that cannot pass its gate, on either side."""
        if node.node is not None:
            for spec in (target.spec for target in node.node.settled().values()):
                if spec.container.image in self.bad:
                    raise ViolationError("S7", f"{name} has settled {spec.container.image} for {spec.task}")
        told = self._head.fleet.assignments.get(name) if self._head.fleet else None
        for spec in told.tasks if told else ():
            if spec.container.image in self.bad:
                raise ViolationError("S7", f"{name} is assigned {spec.container.image} for {spec.task}")

    def _strangers(self, name: str, node: SimNode) -> None:
        """S8: what is not ours is as it was."""
        foreign = {
            b.name: f"{b.id} {b.starts} {b.exit_code in STOPPED}"
            for b in node.engine.boxes.values()
            if not _is_ours(node, b)
        }
        before = self._foreign.setdefault(name, foreign)
        if foreign != before:
            raise ViolationError("S8", f"foreign containers of {name} were touched: {before} became {foreign}")


def _is_ours(node: SimNode, box: Box) -> bool:
    return owns(node.fleet, node.name, box.labels)


def _ours(node: SimNode) -> list[Box]:
    return [box for box in node.engine.running() if _is_ours(node, box)]
