"""How updates go about it, on every node: what a trial must not begin without, and what it must leave alone while it lasts.

S7 on the way: the settled container stays until the trial has ended, a held lock stops every hand, a window that is closed opens no
trial, a canary goes alone, what is depended on goes first, and a revision that fails is tried nowhere else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.decide.trial import Trial
from protocol.desired import Strategy
from protocol.ids import service_key
from protocol.observed import OfferState
from sim.boxes import Box
from sim.head import Head
from sim.node import SimNode
from sim.truth import revision_of, task_of
from sim.violation import ViolationError
from sim.wishes import Wishes
from sim.works import Works
from sim.world import World

STOPPED = (0, 137)
"""How a container ends that its agent has stopped."""

MINUTE_S = 60.0


@dataclass(slots=True)
class _Way:
    """A trial under way: the settled containers that it must leave in place, and which of them ran while their lock was held."""

    kept: set[str]
    settled: str
    locked: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Ways:
    """The checks. What they go by is told by whoever publishes.

    `canaries`: how many go first, by service. `stops`: on how many tasks a bad image may ever be tried. `after`: of which images
    one must have run somewhere before another is tried. `windows`: the services that may only begin in minutes of an even number.
    `locks`: those that hold a lock now and then.
    """

    world: World
    head: Head
    nodes: Mapping[str, SimNode]
    canaries: dict[str, int] = field(default_factory=dict)
    stops: dict[str, int] = field(default_factory=dict)
    after: dict[str, set[str]] = field(default_factory=dict)
    windows: set[str] = field(default_factory=set)
    locks: set[str] = field(default_factory=set)
    works: Works = field(init=False)
    wishes: Wishes = field(init=False)
    _ways: dict[tuple[str, str], _Way] = field(default_factory=dict)
    _begun: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _well: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _tried: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    _ran: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.works, self.wishes = Works(self.head), Wishes(self.world, self.head, self.nodes)

    def look(self, name: str, node: SimNode) -> None:
        """Look at every trial of a node."""
        self.works.look(name, node)
        self.wishes.look(name, node)
        if node.node is None:
            return
        boxes = [box for box in node.engine.boxes.values() if task_of(box)]
        self._waits(name, node, boxes)
        self._ran |= {box.container.image for box in boxes if box.runs}
        trying = set()
        for trial in node.node.trials.values():
            if trial.state is OfferState.SETTLED:
                self._well[trial.offer.rollout].add(trial.task)
            if trial.state is not OfferState.TRYING:
                continue
            trying.add((name, trial.key))
            way = self._ways.get((name, trial.key))
            if way is None:
                self._begins(name, node, trial)
                way = self._ways[name, trial.key] = _Way(*_settled(node, trial, boxes))
            self._goes(name, node, trial, way, boxes)
        for key in [key for key in self._ways if key[0] == name and key not in trying]:
            del self._ways[key]

    def forget(self, name: str) -> None:
        """A node has another card."""
        self.works.forget(name)
        for key in [key for key in self._ways if key[0] == name]:
            del self._ways[key]

    def drained(self, name: str) -> None:
        """An operator takes a node away: what it is trying comes to no end, so the next one is tried in its place."""
        for tried in self._tried.values():
            for task in [task for task, node in tried.items() if node == name]:
                del tried[task]

    def restored(self) -> None:
        """The controller has an older store, and knows nothing of what has begun since."""
        self.works.restored()
        for told in (self.canaries, self.stops, self.after):
            told.clear()

    def _waits(self, name: str, node: SimNode, boxes: list[Box]) -> None:
        """Promise 1: what runs goes on until an assignment has said what should run."""
        if node.node is not None and node.node.assignments.get("") is None:
            touched = node.node.busy & {key for box in boxes for key in (task_of(box), box.id)}
            if touched:
                raise ViolationError(
                    "the edge", f"{name} changes {sorted(touched)}, and was never told what should run"
                )

    def _begins(self, name: str, node: SimNode, trial: Trial) -> None:
        service, image = service_key(trial.offer.task.stack, trial.offer.task.service), trial.offer.task.container.image
        if service in self.windows and not trial.offer.rollout.endswith("-back") and not trial.resumes:
            is_open = node.wall_off_s == 0 and int(self.world.now_s // MINUTE_S) % 2 == 0
            if trial.offer.conduct.window is not None and not is_open:
                raise ViolationError("window", f"{name} begins {trial.task} outside of its window")
        begun = self._begun[trial.offer.rollout]
        begun.add(trial.task)
        most = self.canaries.get(service, len(self.nodes))
        if len(begun) > most and not self._well[trial.offer.rollout] and "-back" not in trial.offer.rollout:
            raise ViolationError("canary", f"{service} is tried by {sorted(begun)}, and none of {most} is settled yet")
        self._tried[image][trial.task] = name
        if len(self._tried[image]) > self.stops.get(image, len(self.nodes)):
            raise ViolationError("F24", f"{image} fails, and is tried by {sorted(self._tried[image])}")
        before = self.after.get(image)
        if before and not before & self._ran:
            raise ViolationError("depends_on", f"{name} begins {image}, and {sorted(before)} have run nowhere yet")

    def _goes(self, name: str, node: SimNode, trial: Trial, way: _Way, boxes: list[Box]) -> None:
        knows = node.node
        settled = knows.settled().get(trial.task) if knows is not None else None
        if settled is None or settled.content != way.settled:
            return
        there = {box.id: box for box in boxes}
        lost = way.kept - there.keys()
        if lost and trial.offer.conduct.strategy is not Strategy.DELETE_THEN_DOWNLOAD:
            raise ViolationError("S7", f"{name} removed the settled container of {trial.task} while it tried another")
        lock = None if _is_overridden(trial, node.process.mono_s) else trial.offer.conduct.lock
        for id_ in way.kept & there.keys():
            box = there[id_]
            is_held = lock is not None and lock.path in box.held
            if is_held and box.runs:
                way.locked.add(id_)
            elif not is_held:
                way.locked.discard(id_)
            elif id_ in way.locked and box.exit_code in STOPPED:
                raise ViolationError("lock", f"{name} stopped {box.name} while it held {lock.path if lock else ''}")


def _is_overridden(trial: Trial, mono_s: float) -> bool:
    """Whether a lock holds up nothing any more: an operator says so, or its limit is over. Its own notice is no proof."""
    lock, since_mono_s = trial.offer.conduct.lock, trial.locked_mono_s
    is_over = lock is not None and since_mono_s is not None and mono_s - since_mono_s >= lock.most_s
    return trial.offer.overrides_lock or is_over


def _settled(node: SimNode, trial: Trial, boxes: list[Box]) -> tuple[set[str], str]:
    """The containers of what is settled as a trial begins, and what that is."""
    settled = node.node.settled().get(trial.task) if node.node is not None else None
    if settled is None:
        return set(), ""
    mine = (box for box in boxes if task_of(box) == trial.task and revision_of(box) == settled.spec.revision)
    spec_hash = settled.spec.container.spec_hash
    return {box.id for box in mine if box.labels.get("io.bramble.spec-hash") == spec_hash}, settled.content
