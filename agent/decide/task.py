"""The machine of one task on its node: assigned → preparing → running → stopped, failed or rejected.

A restart is a new attempt of the same task, so `failed` goes back to `preparing`. What is seen of a task is the engine's word, the
clock's or the link's; what follows from it (a container to make, a delay to wait) is decided elsewhere, from the state that this
table gives. A job that ended well is `stopped`, and one with a schedule is `stopped` between its times.
Stop and removal are not states: a task that is no longer wanted is no longer in the node's tables, only its containers are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from protocol.observed import TaskState


class Seen(StrEnum):
    """What can be seen of a task."""

    STEP = "a step was taken"
    RUNS = "its container runs and is well"
    STARTS = "its container runs and is not yet well"
    ENDED_WELL = "its container ended and need not run again"
    ENDED_BADLY = "its container ended or is unhealthy"
    CANNOT = "a step cannot work"
    RETRIED = "its time to be tried again has come"
    GONE = "its container is not there any more"
    RESTS = "its next time has not come"
    CALLED = "its next time has come, or the controller is heard again"
    SILENCED = "the controller was not heard for too long"


NEXT: Mapping[tuple[TaskState, Seen], TaskState] = {
    (TaskState.ASSIGNED, Seen.STEP): TaskState.PREPARING,
    (TaskState.ASSIGNED, Seen.STARTS): TaskState.PREPARING,
    (TaskState.ASSIGNED, Seen.RUNS): TaskState.RUNNING,
    (TaskState.ASSIGNED, Seen.CANNOT): TaskState.REJECTED,
    (TaskState.ASSIGNED, Seen.ENDED_WELL): TaskState.STOPPED,
    (TaskState.ASSIGNED, Seen.RESTS): TaskState.STOPPED,
    (TaskState.ASSIGNED, Seen.SILENCED): TaskState.STOPPED,
    (TaskState.PREPARING, Seen.RUNS): TaskState.RUNNING,
    (TaskState.PREPARING, Seen.ENDED_WELL): TaskState.STOPPED,
    (TaskState.PREPARING, Seen.ENDED_BADLY): TaskState.FAILED,
    (TaskState.PREPARING, Seen.CANNOT): TaskState.REJECTED,
    (TaskState.PREPARING, Seen.SILENCED): TaskState.STOPPED,
    (TaskState.RUNNING, Seen.STARTS): TaskState.PREPARING,
    (TaskState.RUNNING, Seen.ENDED_WELL): TaskState.STOPPED,
    (TaskState.RUNNING, Seen.ENDED_BADLY): TaskState.FAILED,
    (TaskState.RUNNING, Seen.CANNOT): TaskState.REJECTED,
    (TaskState.RUNNING, Seen.RETRIED): TaskState.PREPARING,
    (TaskState.RUNNING, Seen.GONE): TaskState.PREPARING,
    (TaskState.RUNNING, Seen.SILENCED): TaskState.STOPPED,
    (TaskState.STOPPED, Seen.RUNS): TaskState.RUNNING,
    (TaskState.STOPPED, Seen.STARTS): TaskState.PREPARING,
    (TaskState.STOPPED, Seen.CALLED): TaskState.PREPARING,
    (TaskState.FAILED, Seen.RUNS): TaskState.RUNNING,
    (TaskState.FAILED, Seen.RETRIED): TaskState.PREPARING,
    (TaskState.FAILED, Seen.CANNOT): TaskState.REJECTED,
    (TaskState.FAILED, Seen.CALLED): TaskState.PREPARING,
    (TaskState.FAILED, Seen.SILENCED): TaskState.STOPPED,
    (TaskState.REJECTED, Seen.RETRIED): TaskState.PREPARING,
    (TaskState.REJECTED, Seen.RUNS): TaskState.RUNNING,
    (TaskState.REJECTED, Seen.CALLED): TaskState.PREPARING,
    (TaskState.REJECTED, Seen.SILENCED): TaskState.STOPPED,
}


def advance(state: TaskState, seen: Seen) -> TaskState:
    """Return the next state; a pair missing from NEXT changes nothing."""
    return NEXT.get((state, seen), state)


@dataclass(frozen=True, slots=True)
class Task:
    """One task as this node knows it. All of it survives a restart of the agent.

    `content` names revision and spec hash: a task whose content changes begins again. `accounted` is the one start of a container
    whose end has been counted, so that a second look at the same end counts nothing. `failures` are the ends in a row that had to
    wait, after the one that was `pardoned`; `restarts` are all attempts after the first. `passed` is the boot in which its
    dependencies let it start; `silenced` tells a task that was stopped because the controller was not heard. `warning`
    is what the engine said when it made the container: a limit that its kernel ignores, for example.
    """

    task: str
    revision: str
    content: str
    state: TaskState = TaskState.ASSIGNED
    attempt: int = 1
    failures: int = 0
    reason: str = ""
    accounted: str = ""
    instance: str = ""
    container: str = ""
    image: str = ""
    health: str = ""
    due_mono_s: float | None = 0.0
    retry_s: float | None = None
    running_since_mono_s: float | None = None
    pardoned: bool = False
    restarts: int = 0
    restarts_mono_s: tuple[float, ...] = ()
    passed: str = ""
    silenced: bool = False
    warning: str = ""

    def altered(self, **parts: Any) -> Task:
        """Give this task other parts, or itself where they are as they were, as they are in nearly every turn."""
        is_other = any(getattr(self, name) != part for name, part in parts.items())
        return replace(self, **parts) if is_other else self
