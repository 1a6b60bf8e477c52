"""What should run, minus what is there, gives at most one next step for each task. After it the world is looked at again (law 7).

No step remembers the one before: each follows from the last look alone, so a power cut between any two of them changes nothing.
The order within a task: the image, the new container (made, not started: what cannot be made disturbs nothing), then the old one's
stop and the new one's start in the order that was asked for, at last the removal of what is left over.

A start waits for what the task depends on, and before it nothing is stopped to make room. Each run of a job with a schedule has a
container of its own. While a revision is being tried, the container of the settled one is stopped and kept: falling back is
starting it again. So is, where its offer keeps it, the container before a settled one.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide import locks, ready
from agent.decide.effects import Clean, Create, Pull, Remove, Start, Step, Stop
from agent.decide.inputs import ContainerSeen, EngineSeen, Phase
from agent.decide.known import still
from agent.decide.node import Node, Now
from agent.decide.restarts import instance
from agent.decide.scene import Scene, scene_of
from agent.decide.task import Seen, Task, advance
from agent.decide.tasks import WELL, matches, wanted
from protocol.desired import Order, TaskSpec
from protocol.observed import TaskState

ORPHAN_GRACE_S = 10.0
# Docker's own default; the grace that its manifest asked for is not known any more.


def plan(node: Node, now: Now) -> None:
    """Give every task that is not busy its next step, if it needs one; none before an assignment has said what should run."""
    if not isinstance(node.engine, EngineSeen) or node.assignments.get("") is None:
        return
    targets = node.targets()
    found, shown = wanted(node, targets), node.known.shown.by_task(node.containers())
    for key in (*targets, *(key for key in shown if key not in targets)):
        here = shown.get(key, ())
        if key in node.busy or key in node.unseen or not now.has_come(node.waits.get(key, 0.0)):
            continue
        if _is_at_rest(node, node.tasks.get(key), found.get(key), here) or ready.is_under_way(node, key):
            continue
        scene = scene_of(node, key, targets.get(key), found.get(key), here)
        lock = locks.path_of(node.trying(key), now)
        step = next_step(replace(scene, lock=lock) if lock else scene, now)
        if step is not None:
            _begin(node, step)


def _is_at_rest(node: Node, task: Task | None, wanted: ContainerSeen | None, here: tuple[ContainerSeen, ...]) -> bool:
    """Whether a task runs as it should, alone or beside what was made for its next trial: most tasks in most turns."""
    if task is None or task.state is not TaskState.RUNNING or wanted is None or wanted.phase is not Phase.RUNNING:
        return False
    if len(here) == 1:
        return True
    key, of = task.task, (task, wanted, *here, *node.trials_of(task.task))
    if still(node.known.beside.get(key), of):
        return True
    is_at_rest = node.trying(key) is None and all(other is wanted or ready.is_ready(node, other) for other in here)
    if is_at_rest:
        node.known.beside[key] = of
    return is_at_rest


def next_step(scene: Scene, now: Now) -> Step | None:
    """The one step that this task needs now."""
    if scene.target is None or scene.task is None:
        return _cleared(scene, scene.others)
    if not _is_due(scene.task, now):
        return None
    if scene.task.state is TaskState.STOPPED:
        return _stopped(scene, scene.target.spec, scene.task, now)
    if scene.container is None:
        return _made(scene, scene.target.spec)
    return _moved(scene, scene.target.spec, scene.task, scene.container)


def _stopped(scene: Scene, spec: TaskSpec, task: Task, now: Now) -> Step | None:
    """What is left of a task that does not run; the image of a job is brought before its time, which may come without a network."""
    here = scene.container
    if task.silenced and here is not None and here.phase is Phase.RUNNING:
        return Stop(scene.key, here.id, spec.container.stop_grace_s)
    is_time = task.due_mono_s is None or now.has_come(task.due_mono_s)
    if spec.job is not None and spec.job.schedule and scene.missing is not None and is_time:
        return scene.missing
    return _cleared(scene, _unkept(scene))


def _made(scene: Scene, spec: TaskSpec) -> Step | None:
    brings = scene.missing or scene.fresher
    if brings is not None:
        return _brought(scene, brings)
    for other in scene.others:
        if other.revision == spec.revision:  # another content of one revision has the very name that the new one needs
            stop = Stop(scene.key, other.id, _grace_s(scene, other))
            return stop if other.phase is Phase.RUNNING else Remove(scene.key, other.id)
    return Create(scene.key, spec)


def _brought(scene: Scene, brings: Pull) -> Step | None:
    """The step that brings the image: at once, or where the disk is small after what it replaces has made room."""
    if not scene.is_late:
        return brings
    if scene.held:
        return None
    clears = _cleared(scene, _unkept(scene))
    return clears or (Clean(scene.key, scene.sheds) if scene.sheds else brings)


def _moved(scene: Scene, spec: TaskSpec, task: Task, container: ContainerSeen) -> Step | None:
    if container.phase is Phase.DEAD:
        return Remove(scene.key, container.id)
    if container.phase is Phase.RUNNING:
        if container.health not in WELL:
            is_over = task.state in (TaskState.ASSIGNED, TaskState.PREPARING) and task.accounted == instance(container)
            return Stop(scene.key, container.id, spec.container.stop_grace_s) if is_over else None
        return _cleared(scene, _unkept(scene))
    if container.started and spec.job is not None and spec.job.schedule:
        return Remove(scene.key, container.id)
    if scene.held:
        return None
    gives_way = _giving_way(scene)
    if gives_way is not None:
        return Stop(scene.key, gives_way.id, _grace_s(scene, gives_way), scene.lock)
    return Start(scene.key, container.id, spec)


def _giving_way(scene: Scene) -> ContainerSeen | None:
    """What has to stop before the new one starts: all that runs, or all but one; what a withdrawn trial has left goes first."""
    running = [other for other in scene.others if other.phase is Phase.RUNNING]
    unkept = [other for other in _unkept(scene) if other.phase is Phase.RUNNING]
    stay = 0 if scene.order is Order.STOP_FIRST else 1
    return next(iter((*unkept, *running)), None) if len(running) > stay else None


def _cleared(scene: Scene, leftovers: tuple[ContainerSeen, ...]) -> Step | None:
    """Stop what still runs, then remove; the kept one is stopped and stays."""
    running = next((other for other in scene.others if other.phase is Phase.RUNNING), None)
    if running is not None:
        return Stop(scene.key, running.id, _grace_s(scene, running), scene.lock)
    return Remove(scene.key, leftovers[0].id) if leftovers else None


def _unkept(scene: Scene) -> tuple[ContainerSeen, ...]:
    return tuple(other for other in scene.others if not any(matches(other, kept) for kept in scene.kept))


def _grace_s(scene: Scene, container: ContainerSeen) -> float:
    for target in (*scene.kept, scene.target):
        if target is not None and matches(container, target):
            return target.spec.container.stop_grace_s
    return scene.target.spec.container.stop_grace_s if scene.target is not None else ORPHAN_GRACE_S


def _is_due(task: Task, now: Now) -> bool:
    """A task that waits for its next attempt, or for ever, gets no step; one that runs may still need its leftovers removed."""
    if task.state in (TaskState.RUNNING, TaskState.STOPPED):
        return True
    if task.state in (TaskState.FAILED, TaskState.REJECTED):
        return False
    return task.due_mono_s is not None and now.has_come(task.due_mono_s)


def _begin(node: Node, step: Step) -> None:
    node.busy.add(step.key)
    node.effects.append(step)
    if isinstance(step, Clean):
        node.images.shed |= set(step.images)
    task = node.tasks.get(step.key)
    if task is not None:
        passed = node.boot if isinstance(step, Start) else task.passed
        node.tasks.put(step.key, replace(task, state=advance(task.state, Seen.STEP), passed=passed))
