"""What a task waits for before it starts: Compose's `depends_on`, among the tasks of this node.

Only the start waits; the image and the container are made meanwhile. It waits for the first start of a content, and again after a
boot or an end that nobody watched, so that the order of a stack holds over a power cut. Later restarts wait for nothing, and what
runs is never stopped because of what it depends on. A service that has no task on this node is not waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.decide.inputs import ContainerSeen, EngineSeen, Phase
from agent.decide.node import Node
from agent.decide.target import Target
from agent.decide.task import Task
from agent.decide.tasks import wanted
from protocol.desired import Dependency, DependencyCondition
from protocol.observed import TaskState

WAITING = frozenset({TaskState.ASSIGNED, TaskState.PREPARING})
WORDS: Mapping[DependencyCondition, str] = {
    DependencyCondition.STARTED: "to be started",
    DependencyCondition.HEALTHY: "to be healthy",
    DependencyCondition.COMPLETED: "to complete",
}


@dataclass(frozen=True, slots=True)
class _Other:
    """A task that is waited for, as it stands."""

    task: Task
    container: ContainerSeen | None

    @property
    def runs(self) -> bool:
        return self.container is not None and self.container.phase is Phase.RUNNING

    @property
    def is_done(self) -> bool:
        ended_well = (
            self.container is not None and self.container.phase is Phase.EXITED and self.container.exit_code == 0
        )
        return (self.task.state is TaskState.STOPPED and not self.task.silenced) or ended_well

    @property
    def is_hopeless(self) -> bool:
        for_good = self.task.state is TaskState.FAILED and self.task.due_mono_s is None
        return for_good or self.task.state is TaskState.REJECTED


def hold(node: Node) -> None:
    """Say of every task that may not start yet what it waits for."""
    node.held.clear()
    targets = node.targets()
    waiting = {key: target for key, target in targets.items() if target.spec.depends_on}
    if not waiting or not isinstance(node.engine, EngineSeen):
        return
    here = wanted(node, targets)
    for key, target in waiting.items():
        task = node.tasks.get(key)
        if task is None or task.passed == node.boot:
            continue
        if _has_begun(task, here.get(key)):
            node.tasks.put(key, replace(task, passed=node.boot))
        elif task.state in WAITING:
            reasons = (_unmet(need, _others(node, target, need, here)) for need in target.spec.depends_on)
            reason = "; ".join(filter(None, reasons))
            if reason:
                node.held[key] = reason


def _has_begun(task: Task, container: ContainerSeen | None) -> bool:
    """Whether it needs no leave any more: it runs, or a trial that failed gives its place back to a container that ran before."""
    if container is None:
        return False
    return container.phase is Phase.RUNNING or (task.state is TaskState.ASSIGNED and bool(container.started))


def _others(node: Node, target: Target, need: Dependency, here: Mapping[str, ContainerSeen]) -> list[_Other]:
    keys = [
        key
        for key, other in node.targets().items()
        if (other.spec.stack, other.spec.service) == (target.spec.stack, need.service)
    ]
    return [_Other(task, here.get(key)) for key in keys if (task := node.tasks.get(key)) is not None]


def _unmet(need: Dependency, others: list[_Other]) -> str:
    """What is still waited for, or nothing."""
    late = next((other for other in others if not _is_met(need, other)), None)
    if late is None:
        return ""
    reason = f"waits for {need.service} {WORDS[need.condition]}"
    if late.is_hopeless:
        return f"{reason}, which {late.task.state}: {late.task.reason}"
    if need.condition is DependencyCondition.HEALTHY and late.task.state is TaskState.RUNNING and not late.task.health:
        return f"{reason}, which has no health check"
    return reason


def _is_met(need: Dependency, other: _Other) -> bool:
    if other.is_hopeless and not need.required:
        return True
    match need.condition:
        case DependencyCondition.STARTED:
            return other.runs or other.is_done or other.task.state is TaskState.FAILED
        case DependencyCondition.HEALTHY:
            return other.runs and other.task.health == "healthy"
        case DependencyCondition.COMPLETED:
            return other.is_done
