"""What the node's tasks are, and how each stands after the last look at its containers.

A task follows from what should run: a new content begins a new task. A task without a target is told until a look has shown that
nothing of it runs any more, and only then forgotten: by that word another node may start it (S2). How a task stands follows from
its one wanted container, the one of the right revision and spec hash; all others of it are leftovers, and the plan's business.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide import attest, restarts, silence
from agent.decide.inputs import ContainerSeen, EngineSeen, Phase
from agent.decide.known import Wanted
from agent.decide.node import Node, Now
from agent.decide.target import Target
from agent.decide.task import Seen, Task, advance
from protocol.desired import Restart, RestartCondition, TaskSpec
from protocol.observed import TaskState

WELL = frozenset({"", "none", "healthy"})
"""What the engine says of the health of a container without a check, or with one that passes."""

Rest = tuple[Task, TaskSpec, ContainerSeen]
"""A task that ran as it should, and what it was judged by."""


def judge(node: Node, now: Now) -> None:
    """Bring the tasks in line with what should run and with what was seen."""
    targets = node.targets()
    for key in node.tasks:
        if key not in targets and is_gone(node, key):
            node.tasks.drop(key)
            node.known.forget(key)
            _forget_completions(node, key)
    _adopt(node, targets)
    seen = wanted(node, targets) if isinstance(node.engine, EngineSeen) else {}
    rests = node.known.rests
    for key, target in targets.items():
        rest = rests.get(key)
        if rest is None or not _still(rest, node.tasks.get(key), target, seen.get(key)) or key in node.interrupted:
            _judge(node, key, target, seen.get(key), now)


def _still(rest: Rest, task: Task | None, target: Target, container: ContainerSeen | None) -> bool:
    """Whether a task that ran as it should is judged by the very same as then: it is what it was."""
    return rest[0] is task and rest[1] is target.spec and rest[2] is container


def _judge(node: Node, key: str, target: Target, container: ContainerSeen | None, now: Now) -> None:
    """Bring one task in line, and note if it runs as it should, whatever the time."""
    before, spec = node.tasks.get(key), target.spec
    task = _begun(node, target) if before is None or before.content != target.content else before
    if isinstance(node.engine, EngineSeen) and not (task.state is TaskState.ASSIGNED and _is_moving(node, key)):
        if not task.silenced:
            task = judged(task, spec, container, now, watched=key not in node.interrupted)
        node.interrupted.discard(key)
        task = silence.judged(task, spec, container, too_long=silence.is_too_long(node, spec, now))
    if runs_once(spec) and task.state is TaskState.STOPPED and not task.silenced:
        node.completed.put(_completion(task), "")
    node.tasks.put(key, restarts.retried(task, now))
    is_running = container is not None and container.phase is Phase.RUNNING and task.state is TaskState.RUNNING
    if container is not None and is_running and task is before and spec.stop_after_s <= 0 and not task.silenced:
        node.known.rests[key] = (task, spec, container)


def _adopt(node: Node, targets: dict[str, Target]) -> None:
    """Tell what runs and is not wanted here, also what we never heard of: a lost store knew it, and others wait for it."""
    for container in node.containers():
        is_strange = container.task and container.task not in targets and container.task not in node.tasks
        if is_strange and container.phase is Phase.RUNNING:
            content = f"{container.revision} {container.spec_hash}"
            task = Task(container.task, container.revision, content, TaskState.RUNNING, container=container.id)
            node.tasks.put(container.task, task)


def runs_once(spec: TaskSpec) -> bool:
    """Whether this is a job that never runs again once it has run to its end with this content."""
    return spec.job is not None and not spec.job.schedule


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
    """The one container of each task that is what it should be; of two, the one that runs. Whoever reads them changes nothing."""
    containers, known = node.containers(), node.known.wanted
    is_same = known is not None and known.containers is containers and known.strays is node.strays
    if known is None or not is_same or known.targets is not targets:
        found = _wanted(node, containers, targets)
        known = node.known.wanted = Wanted(containers, targets, node.strays, found)
    return known.found


def _wanted(node: Node, containers: tuple[ContainerSeen, ...], targets: dict[str, Target]) -> dict[str, ContainerSeen]:
    found: dict[str, ContainerSeen] = {}
    for container in containers:
        target = targets.get(container.task)
        if target is not None and matches(container, target) and not attest.is_condemned(node, container):
            known = found.get(container.task)
            if known is None or (known.phase is not Phase.RUNNING and container.phase is Phase.RUNNING):
                found[container.task] = container
    return found


def matches(container: ContainerSeen, target: Target) -> bool:
    """Whether this container is what the task should be."""
    return target.content == f"{container.revision} {container.spec_hash}"


def _begun(node: Node, target: Target) -> Task:
    """A new task; a job that has completed with this very content before a trial of another has completed."""
    task = Task(target.spec.task, target.spec.revision, target.content)
    return _done(task) if _completion(task) in node.completed else task


def _done(task: Task) -> Task:
    return replace(task, state=advance(task.state, Seen.ENDED_WELL), due_mono_s=None, reason="has completed")


def _completion(task: Task) -> str:
    """Under which key it is remembered that a job has run to its end."""
    return f"{task.task} {task.content}"


def judged(task: Task, spec: TaskSpec, container: ContainerSeen | None, now: Now, *, watched: bool) -> Task:
    """How a task stands, given its wanted container. `watched` is false for the first look after we or the engine were away."""
    if container is None:
        state = advance(task.state, Seen.GONE)
        return task.altered(container="", health="", instance="", running_since_mono_s=None, state=state)
    task = task.altered(container=container.id, image=container.image, health=container.health)
    if container.phase is Phase.RUNNING:
        return _running(task, spec, container, now)
    if container.phase is Phase.CREATED:
        return task.altered(instance="", running_since_mono_s=None)
    return _ended(task, spec, container, now, watched=watched)


def _running(task: Task, spec: TaskSpec, container: ContainerSeen, now: Now) -> Task:
    instance = restarts.instance(container)
    if container.health == "unhealthy":
        return task if task.accounted == instance else restarts.ended(task, _restart(spec), container, now)
    if container.health not in WELL:
        return task.altered(state=advance(task.state, Seen.STARTS), instance=instance)
    since = task.running_since_mono_s if task.instance == instance else None
    state = advance(task.state, Seen.RUNS)
    since = now.mono_s if since is None else since
    return task.altered(
        state=state, instance=instance, reason="", retry_s=None, due_mono_s=0.0, running_since_mono_s=since
    )


def _ended(task: Task, spec: TaskSpec, container: ContainerSeen, now: Now, *, watched: bool) -> Task:
    instance = restarts.instance(container)
    if task.accounted == instance or task.state in (TaskState.STOPPED, TaskState.REJECTED):
        return task
    if task.state is TaskState.ASSIGNED:
        # It ended before it was wanted: a container kept through a trial, or found after a lost store. Its end is no failure, but
        # a job that it has completed is not done twice.
        task = replace(task, accounted=instance)
        return _done(task) if runs_once(spec) and container.exit_code == 0 else task
    if not watched:
        return restarts.interrupted(task, _restart(spec), container)
    return restarts.ended(task, _restart(spec), container, now)


def _forget_completions(node: Node, task: str) -> None:
    for key in node.completed:
        if key.startswith(f"{task} "):
            node.completed.drop(key)


def _restart(spec: TaskSpec) -> Restart:
    """The policy of a task; a job that ended well is never restarted."""
    if spec.job is not None and spec.restart.condition is RestartCondition.ANY:
        return replace(spec.restart, condition=RestartCondition.ON_FAILURE)
    return spec.restart
