"""A Docker Engine in virtual time: the seam of `agent.adapters.engine`, without Docker, clocks or threads.

Deterministic: same calls at the same times, same ids and answers. It is the daemon, so it outlives the agent that uses it, and its
containers outlive it (live-restore), but not a power cut. What it claims about Docker is held against the real one by
`tests/agent/test_engine_contract.py`. `perform` and `run` wait; a simulator, which owns the waiting, uses `cost_s` and `carry_out`,
`begin` and `end` instead, and may let the agent die in between.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.adapters import container_files, creation, host_config, troubles
from agent.adapters.creation import LABEL, Place
from agent.adapters.outfit import outfitted
from agent.decide.effects import Clean, Create, Probe, Pull, Remove, Run, Start, Stop, Warm
from agent.decide.inputs import (
    ContainerSeen,
    DiskSeen,
    Done,
    EngineLost,
    EngineSeen,
    GiveUp,
    Outcome,
    Phase,
    Retry,
    RunEnded,
)
from protocol.container import Container
from protocol.desired import TaskSpec
from protocol.ids import digest, full_reference
from sim.boxes import KILLED, Box
from sim.costs import cost_s
from sim.images import Behaviour, FakeRegistry, image_id, stored
from sim.shown import container_seen, instance_seen, result, run_seen
from sim.warmth import Warmth
from sim.wiring import Wiring

VERSION = "24.0.0-fake"

Step = Pull | Create | Start | Stop | Probe | Remove | Clean | Warm


class FakeEngine:
    """One node's engine. `clock` reads virtual seconds; `wait` lets them pass, for `perform` and `run` only."""

    def __init__(
        self, node: str, fleet: str, clock: Callable[[], float], wait: Callable[[float], None], registry: FakeRegistry
    ) -> None:
        self.place, self._clock, self._wait, self.registry = Place(fleet, node), clock, wait, registry
        self.architecture = "arm64"
        self.boxes: dict[str, Box] = {}
        self.images: dict[str, Behaviour] = {}
        self.away, self.warning = "", ""
        self.disk_full = False
        self.ran: list[tuple[str, int]] = []
        self.wiring, self.warmth = Wiring(self.place), Warmth(self.place, self.boxes)
        self.runtimes: tuple[str, ...] = ("runc",)
        self.disk_bytes = 32 * 10**9
        self._bodies: dict[str, str] = {}
        self._made = 0

    # The seam.

    def look(self) -> EngineSeen | EngineLost:
        """All containers of this node's tasks and runs, and the images that are here."""
        if self.away:
            return EngineLost(self.away)
        self._settle()
        ours = [box for box in self.boxes.values() if self.place.owns(box.labels)]
        tasks = tuple(container_seen(box, self._clock()) for box in ours if f"{LABEL}task" in box.labels)
        runs = tuple(run_seen(box) for box in ours if f"{LABEL}invocation" in box.labels)
        warm = tuple(instance_seen(box, self._clock()) for box in ours if f"{LABEL}instance" in box.labels)
        here, unused = tuple(stored(self.images)), self.wiring.unused(self.boxes.values())
        images = frozenset(self.images)
        return EngineSeen(VERSION, tasks, images, runs, here, unused, self.runtimes, self._disk(), warm)

    def perform(self, step: Step) -> Outcome:
        """Carry out one step, after the time it costs."""
        self._wait(self.cost_s(step))
        return self.carry_out(step)

    def glance(self, step: Step) -> ContainerSeen | None:
        """The container that a step has made, started or stopped, as it stands now; None where there is nothing to be seen."""
        if self.away or not isinstance(step, Create | Start | Stop):
            return None
        box = self._find(self.place.task_name(step.task) if isinstance(step, Create) else step.container)
        is_ours = box is not None and self.place.owns(box.labels) and f"{LABEL}task" in box.labels
        return container_seen(box, self._clock()) if box is not None and is_ours else None

    def run(self, step: Run) -> RunEnded:
        """`begin`, wait, `end`."""
        self._wait(self.begin(step))
        return self.end(step)

    # The same without waiting, for simulators.

    def cost_s(self, step: Step) -> float:
        """How long a step takes."""
        if isinstance(step, Pull):
            behaviour = self.registry.behaviour(step.image)
            return behaviour.pull_s if behaviour and not self.away else 0.0
        return cost_s(step, self._find(step.container) if isinstance(step, Stop) else None)

    def carry_out(self, step: Step) -> Outcome:
        """Carry out one step now."""
        if self.away:
            return Retry(self.away, troubles.ENGINE_RETRY_S)
        self._settle()
        match step:
            case Pull():
                return self._pull(step.image)
            case Create():
                body = creation.task_body(self.place, step.task)
                return self._create(self.place.task_name(step.task), step.task.container, body["Labels"])
            case Clean():
                return self._clean(step)
            case Warm():
                return self._warm(step)
            case _:
                return self._change(step)

    def begin(self, step: Run) -> float:
        """Start (or find) a function's container; the seconds until `end` may be called."""
        if step.instance:
            if (step.invocation, step.attempt) not in self.ran:  # a crash asks again with the same id, and says so
                self.ran.append((step.invocation, step.attempt))
            return self.warmth.begin(step, self._clock())
        if self.away:
            return 0.0
        self._settle()
        self.prepare(step)
        box = self.boxes.get(self.place.run_name(step.invocation, step.attempt))
        if box is None or not self.place.owns(box.labels):
            return 0.0
        if box.phase is Phase.CREATED:
            self._bodies[box.name] = step.body
            self.ran.append((step.invocation, step.attempt))
            box.complete(box.container)
            box.start(self._clock())
        due_s = box.started_s + step.function.timeout_s
        ends_s = min(due_s, box.exits_s if box.exits_s is not None else due_s) if box.runs else 0.0
        return max(0.0, ends_s - self._clock())

    def prepare(self, step: Run) -> None:
        """Have a function's container created, and its image pulled, but not started."""
        name, container = self.place.run_name(step.invocation, step.attempt), outfitted(step.function)
        if full_reference(container.image) not in self.images:
            self._pull(container.image)
        if full_reference(container.image) in self.images:
            self._create(name, container, creation.run_body(self.place, step)["Labels"])

    def end(self, step: Run) -> RunEnded:
        """The result of a function that was begun, at its end or timeout."""
        if step.instance:
            self._settle()
            return self.warmth.end(step, self._clock())
        if self.away:
            if (step.invocation, step.attempt) not in self.ran:
                return RunEnded(step.invocation, step.attempt, None, reason=self.away, is_unbegun=True)
            return RunEnded(step.invocation, step.attempt, None, reason=f"lost while it ran: {self.away}")
        self._settle()
        box = self.boxes.get(self.place.run_name(step.invocation, step.attempt))
        if box is None or not self.place.owns(box.labels):
            return self._not_begun(step, box)
        if box.runs:
            box.end(KILLED, self._clock())
            box.timed_out = True
        return result(step, box, self._bodies.get(box.name, ""))

    # What a simulator or a story does to it.

    def daemon_stops(self) -> None:
        """The engine goes away; its containers go on."""
        self.away = "the Docker Engine does not run"

    def daemon_starts(self) -> None:
        """The engine is back."""
        self.away = ""

    def power_cut(self) -> None:
        """Everything that runs ends; nothing starts again by itself."""
        self._settle()
        for box in self.boxes.values():
            if box.runs:
                box.end(255, self._clock())

    def put_foreign(self, name: str, container: Container) -> Box:
        """Run somebody else's container."""
        box = self._box(name, container, Behaviour(), {})
        box.start(self._clock())
        return box

    def running(self) -> tuple[Box, ...]:
        """The truth, whatever anybody reports."""
        self._settle()
        return tuple(box for box in self.boxes.values() if box.runs)

    def next_change_s(self) -> float | None:
        """When something here will change by itself: a good moment for a hint."""
        dues = [box.next_change_s(self._clock()) for box in self.boxes.values()]
        return min((due_s for due_s in dues if due_s is not None), default=None)

    # Inside.

    def _settle(self) -> None:
        for box in self.boxes.values():
            box.settle(self._clock())

    def _find(self, container: str) -> Box | None:
        found = self.boxes.get(container)
        return found or next((box for box in self.boxes.values() if box.id == container), None)

    def _pull(self, image: str) -> Outcome:
        if not self.registry.up:
            return troubles.pull_trouble(image, 500, "dial tcp: connection refused")
        self.registry.pulls += 1
        behaviour = self.registry.behaviour(image)
        if behaviour is None:
            return troubles.pull_trouble(image, 404, "manifest unknown")
        if self.disk_full:
            return troubles.pull_trouble(image, 500, "no space left on device")
        self.images |= {full_reference(image): behaviour, image_id(image, behaviour): behaviour}
        if behaviour.architecture not in {"", self.architecture}:
            return GiveUp(f"image {image} is made for {behaviour.architecture}, this node is {self.architecture}")
        return Done()

    def _disk(self) -> DiskSeen:
        taken = sum(image.size_bytes for image in stored(self.images))
        return DiskSeen(self.disk_bytes, 0 if self.disk_full else max(0, self.disk_bytes - taken))

    def _clean(self, step: Clean) -> Outcome:
        """Remove what nothing uses: Docker refuses the rest."""
        used = {box.image for box in self.boxes.values()}
        goes = {image.id: image for image in stored(self.images) if image.id in step.images and image.id not in used}
        gone = {name for image in goes.values() for name in (image.id, *image.references)}
        self.images = {name: behaviour for name, behaviour in self.images.items() if name not in gone}
        removed = [*goes, *(name for name in step.networks if self.wiring.remove(name, self.boxes.values()))]
        return Done(f"removed {len(removed)} of {len(step.images) + len(step.networks)}")

    def _warm(self, step: Warm) -> Outcome:
        name, container = self.warmth.name(step), outfitted(step.function)
        if full_reference(container.image) not in self.images and isinstance(
            out := self._pull(container.image), GiveUp
        ):
            return out
        made = self._create(name, container, creation.instance_body(self.place, step, "")["Labels"])
        return self.warmth.ready(self.boxes[name], self._clock()) if isinstance(made, Done) else made

    def _create(self, name: str, container: Container, labels: dict[str, str]) -> Outcome:
        prepared = self._prepared(container)
        if not isinstance(prepared, Done):
            return prepared
        existing = self.boxes.get(name)
        if existing and not self.place.owns(existing.labels):
            return GiveUp(f"the container {name} is not ours")
        if existing and existing.labels[f"{LABEL}spec-hash"] != container.spec_hash:
            return Retry(f"a container {name} of other content is in the way", troubles.ENGINE_RETRY_S)
        if existing:
            return Done("it existed")
        behaviour = self.images.get(full_reference(container.image))
        if behaviour is None:
            return troubles.trouble(container.image, 404, "No such image")
        self._box(name, container, behaviour, labels)
        return Done(warning=self.warning)

    def _prepared(self, container: Container) -> Outcome:
        if reason := container_files.misplaced(container) or host_config.lacks(container, VERSION):
            return GiveUp(reason)
        if container.runtime and container.runtime not in self.runtimes:
            return troubles.trouble(container.image, 400, f"Unknown runtime specified {container.runtime}")
        return self.wiring.prepare(container, self.boxes.values())

    def _box(self, name: str, container: Container, behaviour: Behaviour, labels: dict[str, str]) -> Box:
        self._made += 1
        id_ = digest([self.place.node, self._made], 64)
        first = () if container.network_mode else container.networks[:1]
        image = image_id(container.image, behaviour)
        self.boxes[name] = Box(id_, name, image, container, behaviour, labels, networks=first)
        return self.boxes[name]

    def _change(self, step: Start | Stop | Probe | Remove) -> Outcome:
        box = self._find(step.container)
        if box is None:
            gone = Retry(f"the container {step.container} is gone", troubles.ENGINE_RETRY_S)
            return gone if isinstance(step, Start) else Done("it was gone")
        if not self.place.owns(box.labels):
            return GiveUp(f"the container {step.container} is not ours")
        match step:
            case Start():
                return self._start(box, step.task)
            case Probe():
                return box.locked(step.path)
            case Stop():
                return box.stop(step.lock, self._clock())
            case Remove():
                if box.runs:
                    return Retry(f"the container {step.container} still runs", troubles.ENGINE_RETRY_S)
                del self.boxes[box.name]
                return Done()

    def _start(self, box: Box, task: TaskSpec | None) -> Outcome:
        if box.runs:
            return Done("it ran")
        if task is not None:
            self.wiring.prepare(task.container, self.boxes.values())
            if box.phase is Phase.CREATED:
                box.complete(task.container)
        taken = {port for other in self.boxes.values() if other.runs for port in other.ports}
        clash = sorted(box.ports & taken)
        if clash:
            return Retry(f"port {clash[0][0]} of the node is in use", troubles.PORT_RETRY_S)
        box.start(self._clock())
        return Done()

    def _not_begun(self, step: Run, box: Box | None) -> RunEnded:
        """Why it could not; what may pass uses up no retry."""
        outcome = GiveUp(f"the container {box.name} is not ours") if box else self._pull(step.function.container.image)
        reason = "" if isinstance(outcome, Done) else outcome.reason
        return RunEnded(step.invocation, step.attempt, None, reason=reason, is_unbegun=isinstance(outcome, Retry))
