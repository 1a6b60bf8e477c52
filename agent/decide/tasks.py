"""What the node's tasks are, and how each stands after the last look at its containers.

A task follows from what should run: a new content begins a new task. A task without a target is told until a look has shown that
nothing of it runs any more, and only then forgotten: by that word another node may start it (S2). How a task stands follows from
its one wanted container, the one of the right revision and spec hash; all others of it are leftovers, and the plan's business.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide import restarts
from agent.decide.inputs import ContainerSeen, EngineSeen, Phase
from agent.decide.node import Node, Now
from agent.decide.target import Target
from agent.decide.task import Seen, Task, advance
from protocol.desired import TaskSpec
from protocol.observed import TaskState

WELL = frozenset({"", "none", "healthy"})
"""What the engine says of the health of a container without a check, or with one that passes."""


def judge(node: Node, now: Now) -> None:
    """Bring the tasks in line with what should run and with what was seen."""
    targets = node.targets()
    for key in node.tasks:
        if key not in targets and is_gone(node, key):
            node.tasks.drop(key)
    seen = wanted(node, targets) if isinstance(node.engine, EngineSeen) else None
    for key, target in targets.items():
        task = node.tasks.get(key)
        if task is None or task.content != target.content:
            task = Task(key, target.spec.revision, target.content)
        if seen is not None and not (task.state is TaskState.ASSIGNED and _is_moving(node, key)):
            task = judged(task, target.spec, seen.get(key), now, watched=key not in node.interrupted)
            node.interrupted.discard(key)
        node.tasks.put(key, restarts.retried(task, now))


def is_gone(node: Node, task: str) -> bool:
    """Whether nothing of a task runs here: an engine that cannot be seen may well be running it."""
    if not isinstance(node.engine, EngineSeen) or _is_moving(node, task):
        return False
    return not any(c.task == task and c.phase is Phase.RUNNING for c in node.engine.containers)


def _is_moving(node: Node, task: str) -> bool:
    """Whether a step for a task is newer than the last look. What is then seen of it says nothing of how it will stand.

    A trial that is forgotten while it stops the settled container must not be told as running: its place in the budget would be
    given away, and the stop that we asked for would be taken for a failure.
    """
    return task in node.busy or task in node.unseen


def wanted(node: Node, targets: dict[str, Target]) -> dict[str, ContainerSeen]:
    """The one container of each task that is what it should be; of two, the one that runs."""
    found: dict[str, ContainerSeen] = {}
    for container in node.containers():
        target = targets.get(container.task)
        if target is not None and matches(container, target):
            known = found.get(container.task)
            if known is None or (known.phase is not Phase.RUNNING and container.phase is Phase.RUNNING):
                found[container.task] = container
    return found


def matches(container: ContainerSeen, target: Target) -> bool:
    """Whether this container is what the task should be."""
    return target.content == f"{container.revision} {container.spec_hash}"


def judged(task: Task, spec: TaskSpec, container: ContainerSeen | None, now: Now, *, watched: bool) -> Task:
    """How a task stands, given its wanted container. `watched` is false for the first look after we or the engine were away."""
    if container is None:
        gone = replace(task, container="", health="", instance="", running_since_mono_s=None)
        return replace(gone, state=advance(task.state, Seen.GONE))
    task = replace(task, container=container.id, image=container.image, health=container.health)
    if container.phase is Phase.RUNNING:
        return _running(task, spec, container, now)
    if container.phase is Phase.CREATED:
        return replace(task, instance="", running_since_mono_s=None)
    return _ended(task, spec, container, now, watched=watched)


def _running(task: Task, spec: TaskSpec, container: ContainerSeen, now: Now) -> Task:
    instance = restarts.instance(container)
    if container.health == "unhealthy":
        return task if task.accounted == instance else restarts.ended(task, spec.restart, container, now)
    if container.health not in WELL:
        return replace(task, state=advance(task.state, Seen.STARTS), instance=instance)
    since = task.running_since_mono_s if task.instance == instance else None
    state = advance(task.state, Seen.RUNS)
    since = now.mono_s if since is None else since
    return replace(
        task, state=state, instance=instance, reason="", retry_s=None, due_mono_s=0.0, running_since_mono_s=since
    )


def _ended(task: Task, spec: TaskSpec, container: ContainerSeen, now: Now, *, watched: bool) -> Task:
    instance = restarts.instance(container)
    if task.accounted == instance or task.state in (TaskState.STOPPED, TaskState.REJECTED):
        return task
    if task.state is TaskState.ASSIGNED:
        # It ended before it was wanted: a container kept through a trial, or found after a lost store. Its end is no failure.
        return replace(task, accounted=instance)
    if not watched:
        return restarts.interrupted(task, spec.restart, container)
    return restarts.ended(task, spec.restart, container, now)
