"""When a task that ended, or that cannot be made, is tried again. The agent is the only supervisor: Docker's own policy is `no`.

The delay doubles with each failure in a row, and a stable stretch forgets them all. An end that nobody watched (the node or the
engine was down) is no failure of the task: it is started again at once.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide.inputs import ContainerSeen, Phase
from agent.decide.now import Now
from agent.decide.task import Seen, Task, advance
from protocol.desired import Restart, RestartCondition
from protocol.observed import TaskState

FIRST_DELAY_S = 10.0
# Long enough that a crash loop costs a Pi Zero less than a tenth of its time (a start takes some 0.5 s there).
LONGEST_DELAY_S = 300.0
# What kubelet takes too: an operator who repaired something does not wait longer than a coffee.
STABLE_S = 600.0
# Twice the longest delay: a task that dies every five minutes keeps its long delay.


def delay_s(failures: int) -> float:
    """The pause after so many failures in a row."""
    return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures - 1, 10))


def ended(task: Task, restart: Restart, container: ContainerSeen, now: Now) -> Task:
    """Account for the end (or the ill health) of one start of a container, and say when the next attempt is."""
    well = container.phase is Phase.EXITED and container.exit_code == 0
    failures = 1 if was_stable(task, now) else task.failures + 1
    task = replace(task, accounted=instance(container), running_since_mono_s=None)
    if not _runs_again(restart, well=well):
        state = advance(task.state, Seen.ENDED_WELL if well else Seen.ENDED_BADLY)
        return replace(task, state=state, due_mono_s=None, retry_s=None, reason=_end(container, task.attempt))
    state = advance(task.state, Seen.ENDED_BADLY)
    if restart.max_attempts is not None and failures > restart.max_attempts:
        reason = f"{_end(container, task.attempt)}; not tried again after {restart.max_attempts} restarts"
        return replace(task, state=state, failures=failures, due_mono_s=None, retry_s=None, reason=reason)
    wait_s = delay_s(failures)
    reason = _end(container, task.attempt)
    return replace(task, state=state, failures=failures, due_mono_s=now.mono_s + wait_s, retry_s=wait_s, reason=reason)


def interrupted(task: Task, restart: Restart, container: ContainerSeen) -> Task:
    """Account for an end that nobody watched: ready to be started at once, unless it ended well and need not run again."""
    well = container.phase is Phase.EXITED and container.exit_code == 0
    task = replace(task, accounted=instance(container), running_since_mono_s=None)
    if _runs_again(restart, well=well):
        return replace(task, state=advance(task.state, Seen.RETRIED), due_mono_s=0.0, retry_s=None)
    state = advance(task.state, Seen.ENDED_WELL if well else Seen.ENDED_BADLY)
    return replace(task, state=state, due_mono_s=None, retry_s=None, reason=_end(container, task.attempt))


def retried(task: Task, now: Now) -> Task:
    """Begin the next attempt when its time has come."""
    if (
        task.state not in (TaskState.FAILED, TaskState.REJECTED)
        or task.due_mono_s is None
        or task.due_mono_s > now.mono_s
    ):
        return task
    attempt = task.attempt + 1 if task.state is TaskState.FAILED else task.attempt
    return replace(task, state=advance(task.state, Seen.RETRIED), attempt=attempt, retry_s=None)


def was_stable(task: Task, now: Now) -> bool:
    """Whether it ran well for so long that earlier failures are forgotten."""
    return task.running_since_mono_s is not None and now.mono_s - task.running_since_mono_s >= STABLE_S


def instance(container: ContainerSeen) -> str:
    """Name one start of one container."""
    return f"{container.id} {container.started}"


def _runs_again(restart: Restart, *, well: bool) -> bool:
    return restart.condition is RestartCondition.ANY or (restart.condition is RestartCondition.ON_FAILURE and not well)


def _end(container: ContainerSeen, attempt: int) -> str:
    if container.phase is Phase.RUNNING:
        return f"is unhealthy (attempt {attempt})"
    code = "an unknown code" if container.exit_code is None else f"code {container.exit_code}"
    memory = ", out of memory" if container.out_of_memory else ""
    return f"exited with {code}{memory} (attempt {attempt})"
