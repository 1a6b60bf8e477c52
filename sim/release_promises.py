"""What is promised of agents that update themselves, held against the disks, the processes and the engines of a history.

After a power cut in any moment a node has a release to start that was well. Whoever tries one that is not well is back on the old
one in its time, and starts it three times at most. No more try one than the budget has, and what failed is tried nowhere else. What
is kept was known to the controller, and has stayed. No container notices. What a release is like nobody but the story knows.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.adapters.releases import folder_of
from agent.launcher.markers import Try
from controller.decide.fleet import Fleet
from controller.decide.releases import KEY
from controller.decide.rollouts.slot import RolloutState
from protocol.observed import OfferState
from sim.boxes import Box
from sim.head import Head
from sim.natures import Nature
from sim.node import SimNode
from sim.release_disk import ARROW, Names
from sim.releases import Launch
from sim.truth import task_of
from sim.violation import ViolationError
from sim.ways import STOPPED
from sim.world import World

STARTS_MOST = 3
KILL_S = 10.0
"""Between asking a release to end and killing it."""

LATE_S = 10.0
"""What a busy machine adds to that."""

BASE = "base"


@dataclass(slots=True)
class _Trial:
    """A try as it was begun on a node: since when its process runs, and until when it must be kept or be gone."""

    name: str
    begun_s: float
    until_s: float


@dataclass(slots=True)
class ReleasePromises:
    """The checks. `stops` says of a bad version on how many nodes it may ever be tried."""

    world: World
    head: Head
    nodes: Mapping[str, SimNode]
    parallelism: int
    monitor_s: float
    stops: dict[str, int] = field(default_factory=dict)
    _trials: dict[str, _Trial] = field(default_factory=dict)
    _starts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _given_up: set[tuple[str, str, str]] = field(default_factory=set)
    _tried: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _seen: dict[str, int] = field(default_factory=dict)
    _current: dict[str, str] = field(default_factory=dict)
    _containers: dict[str, tuple[int, dict[str, int]]] = field(default_factory=dict)

    def look(self) -> None:
        """Look at every node whose disk has changed, and at the time of those that try something."""
        for name, node in self.nodes.items():
            launch = node.launch
            if launch is None:
                continue
            if self._seen.get(name) != launch.disk.changes:
                self._seen[name] = launch.disk.changes
                self._disk(name, launch)
                self._budget()
            self._watchdog(name, launch)
            self._reasons(name, node)

    def witness(self, launch: Launch, what: str) -> None:
        """A launcher starts or tries something, or an agent hands over to it."""
        name, node = launch.process.name, self.nodes[launch.process.name]
        if what == "hands over":
            self._hands_over(name, node)
            return
        self._go_on(name, node)
        self._trials.pop(name, None)
        if launch.child is not None:
            self._begins(name, launch, launch.child)
            return
        if node.engine.disk_full:  # nothing could be counted, and nothing told
            self._starts = Counter({key: count for key, count in self._starts.items() if key[0] != name})
        if launch.running != _linked(launch.disk.names):
            kept = _linked(launch.disk.names)
            raise ViolationError("launcher", f"{name} starts {launch.running}, and has kept {kept}")

    def _hands_over(self, name: str, node: SimNode) -> None:
        busy = node.node.busy if node.node is not None else frozenset()
        boxes = [box for box in node.engine.running() if task_of(box) and not busy & {task_of(box), box.id}]
        self._containers[name] = (node.process.boot, {box.id: box.starts for box in boxes})

    def _begins(self, name: str, launch: Launch, tried: Try) -> None:
        self._starts[name, tried.name, tried.rollout] += 1
        if self._starts[name, tried.name, tried.rollout] > STARTS_MOST:
            raise ViolationError("launcher", f"{name} starts {tried.name} once more, after {STARTS_MOST} times")
        if (name, tried.name, tried.rollout) in self._given_up:
            raise ViolationError("launcher", f"{name} tries {tried.name} again, which it gave up")
        stretch_s = LATE_S + KILL_S + 2 * launch.process.stretch
        self._trials[name] = _Trial(tried.name, self.world.now_s, self.world.now_s + tried.within_s + stretch_s)
        version = tried.name.rpartition("-")[0]
        if launch.nature is not Nature.WELL:
            self._tried[version].add(name)
            if len(self._tried[version]) > self.stops.get(version, len(self.nodes)):
                raise ViolationError(
                    "F24", f"{version} {launch.nature}, and is tried by {sorted(self._tried[version])}"
                )

    def forgive(self) -> None:
        """An operator has said what shall become of a rollout: what failed may be tried again."""
        self.stops.clear()

    def _disk(self, name: str, launch: Launch) -> None:
        """A release that starts, whatever becomes of what is not synced yet; and the one that runs is not taken away."""
        names: Names = {}
        for names in launch.disk.outcomes():
            current = _linked(names)
            if current != BASE and f"{current}/complete" not in names:
                raise ViolationError("releases", f"{name} is to start {current} next, which is not whole")
            if launch.catalogue.nature(current) is not Nature.WELL:
                nature = launch.catalogue.nature(current)
                raise ViolationError("releases", f"{name} has kept {current}, which {nature}")
        is_there = launch.running == BASE or f"{launch.running}/complete" in names
        if launch.process.is_alive and not is_there:
            raise ViolationError("releases", f"{name} runs {launch.running}, and has removed it")
        verdict = _document(names, "verdict.json")
        if verdict:
            self._given_up.add((name, verdict["name"], verdict["rollout"]))
        self._kept(name, launch, _linked(names))

    def _kept(self, name: str, launch: Launch, current: str) -> None:
        """What becomes the current one was known to the controller as it ran, and has stayed since."""
        before, self._current[name] = self._current.get(name, BASE), current
        trial, fleet = self._trials.get(name), self.head.fleet
        if current == before or trial is None or current != launch.running:
            return
        known = fleet.nodes.get(name) if fleet is not None else None
        is_known = known is None or current.endswith(f"-{known.release}") or current == known.release
        if not is_known:
            said = known.release if known is not None else ""
            raise ViolationError("releases", f"{name} keeps {current}, and the controller knows of {said!r}")
        if self.world.now_s - trial.begun_s < self.monitor_s:
            raise ViolationError("releases", f"{name} keeps {current} after {self.world.now_s - trial.begun_s:.1f} s")

    def _budget(self) -> None:
        """S1, of agents."""
        trying = sorted(name for name, node in self.nodes.items() if node.launch is not None and _tries(node.launch))
        if len(trying) > self.parallelism:
            raise ViolationError("S1", f"{self.parallelism} may try another agent, and {trying} do")

    def _watchdog(self, name: str, launch: Launch) -> None:
        trial = self._trials.get(name)
        if trial is None or launch.child is None or launch.is_kept or not launch.process.is_alive:
            return
        is_still = self.world.now_s <= launch.process.stopped_until_s + LATE_S
        if self.world.now_s > trial.until_s and not is_still:
            raise ViolationError("launcher", f"{name} still tries {trial.name}, whose time is over")

    def _reasons(self, name: str, node: SimNode) -> None:
        mine = node.node.releasing if node.node is not None else None
        if mine is not None and mine.state is OfferState.FAILED and not mine.reason:
            raise ViolationError("law 9", f"{name} does not say why it gave {mine.key.revision} up")

    def _go_on(self, name: str, node: SimNode) -> None:
        """Every container that nobody was at work on is as it was before the switch."""
        boot, before = self._containers.pop(name, (0, {}))
        if boot != node.process.boot:
            return
        boxes = {box.id: box for box in node.engine.boxes.values()}
        for id_, starts in before.items():
            box = boxes.get(id_)
            if box is None or box.starts != starts or (not box.runs and box.exit_code in STOPPED):
                raise ViolationError(
                    "containers go on", f"{_shown(box)} on {name} did not, while its agent was another"
                )


def unsettled_release(node: SimNode, knows: Fleet) -> Iterator[str]:
    """What of a node's agent is not yet as it is wanted."""
    service, launch = knows.catalogue.services.get(KEY), node.launch
    if service is None or service.release is None or launch is None:
        return
    wanted, names = folder_of(service.release), launch.disk.names
    if (launch.running, _linked(names)) != (wanted, wanted) or "trying.json" in names:
        yield f"{node.name} runs the release {launch.running}, would start {_linked(names)}, and {wanted} is wanted"
    if knows.nodes[node.name].release != service.release.revision:
        yield f"the controller believes that {node.name} runs the release {knows.nodes[node.name].release}"
    rollout = knows.rollouts.get(KEY)
    if rollout is not None and rollout.state is not RolloutState.DONE:
        yield f"the rollout of the agents is {rollout.state}: {rollout.reason}"


def _shown(box: Box | None) -> str:
    return f"{box.name}, which ended with {box.exit_code}," if box is not None else "a container"


def _tries(launch: Launch) -> bool:
    """Whether a node has left what it was settled on, and has neither kept the other nor given it up."""
    names = launch.disk.names
    what, verdict = _document(names, "trying.json"), _document(names, "verdict.json")
    same = ("name", "rollout", "nonce")
    is_over = bool(verdict) and [verdict[key] for key in same] == [what.get(key) for key in same]
    return bool(what) and what["name"] != _linked(names) and not is_over


def _linked(names: Names) -> str:
    return names.get("current", f"{ARROW}{BASE}").removeprefix(ARROW)


def _document(names: Names, name: str) -> Any:
    return json.loads(names[name]) if name in names else {}
