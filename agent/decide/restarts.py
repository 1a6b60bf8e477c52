"""When a task that ended, or that cannot be made, is tried again. The agent is the only supervisor: Docker's own policy is `no`.

The first end of a task that had run well is answered at once: whatever killed it, it is back as soon as Docker's own policy would
have it. Further ends in a row wait, twice as long each time, and a stable stretch forgets them all. A policy with a delay of its
own has exactly that one. An end that nobody watched (the node or the engine was down) is no failure of the task: it is started
again at once.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide.inputs import ContainerSeen, Phase
from agent.decide.now import Now
from agent.decide.task import Seen, Task, advance
from protocol.desired import Restart, RestartCondition
from protocol.observed import TaskState

WELL_S = 10.0
# Docker's own policy takes a container that ran so long for one that works.
FIRST_DELAY_S = 10.0
# Long enough that a crash loop costs a Pi Zero less than a tenth of its time (a start takes some 0.5 s there).
LONGEST_DELAY_S = 300.0
# What kubelet takes too: an operator who repaired something does not wait longer than a coffee.
STABLE_S = 600.0
# Twice the longest delay: a task that dies every five minutes keeps its long delay.
LOOP_FAILURES = 3
# Two ends in a row happen to everybody; the third is what people call a crash loop.


def delay_s(failures: int) -> float:
    """The pause after so many failures in a row; none after none."""
    return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures - 1, 10)) if failures else 0.0


def ended(task: Task, restart: Restart, container: ContainerSeen, now: Now) -> Task:
    """Account for the end (or the ill health) of one start of a container, and say when the next attempt is."""
    well = container.phase is Phase.EXITED and container.exit_code == 0
    task = replace(_counted(task, now), accounted=instance(container), running_since_mono_s=None, retry_s=None)
    reason = _end(container, task.attempt)
    if not _runs_again(restart, well=well):
        state = advance(task.state, Seen.ENDED_WELL if well else Seen.ENDED_BADLY)
        return replace(task, state=state, due_mono_s=None, reason=reason)
    state = advance(task.state, Seen.ENDED_BADLY)
    if _is_spent(task, restart, now):
        reason = f"{reason}; not tried again after {restart.max_attempts} restarts"
        return replace(task, state=state, due_mono_s=None, reason=reason)
    wait_s = delay_s(task.failures) if restart.delay_s is None else restart.delay_s
    if task.failures >= LOOP_FAILURES:
        reason = f"crash loop: {reason}"
    task = _restarting(task, restart, now)
    return replace(task, state=state, due_mono_s=now.mono_s + wait_s, retry_s=wait_s, reason=reason)


def interrupted(task: Task, restart: Restart, container: ContainerSeen) -> Task:
    """Account for an end that nobody watched: ready to be started at once, unless it ended well and need not run again."""
    well = container.phase is Phase.EXITED and container.exit_code == 0
    task = replace(task, accounted=instance(container), running_since_mono_s=None, passed="")
    if _runs_again(restart, well=well):
        return replace(task, state=advance(task.state, Seen.RETRIED), due_mono_s=0.0, retry_s=None)
    state = advance(task.state, Seen.ENDED_WELL if well else Seen.ENDED_BADLY)
    return replace(task, state=state, due_mono_s=None, retry_s=None, reason=_end(container, task.attempt))


def retried(task: Task, now: Now) -> Task:
    """Begin the next attempt when its time has come."""
    if task.state not in (TaskState.FAILED, TaskState.REJECTED) or task.due_mono_s is None:
        return task
    if not now.has_come(task.due_mono_s):
        return task
    attempt = task.attempt + 1 if task.state is TaskState.FAILED else task.attempt
    return replace(task, state=advance(task.state, Seen.RETRIED), attempt=attempt, retry_s=None)


def instance(container: ContainerSeen) -> str:
    """Name one start of one container."""
    return f"{container.id} {container.started}"


def _counted(task: Task, now: Now) -> Task:
    """Count an end: the first after a time of running well is pardoned, the others are failures."""
    ran_s = 0.0 if task.running_since_mono_s is None else now.mono_s - task.running_since_mono_s
    if ran_s >= STABLE_S:
        task = replace(task, failures=0, pardoned=False)
    if ran_s >= WELL_S and not task.failures and not task.pardoned:
        return replace(task, pardoned=True)
    return replace(task, failures=task.failures + 1)


def _is_spent(task: Task, restart: Restart, now: Now) -> bool:
    """Whether no attempt is left: of all, or of those within the window."""
    if restart.max_attempts is None:
        return False
    return (len(_within(task, restart, now)) if restart.window_s else task.restarts) >= restart.max_attempts


def _restarting(task: Task, restart: Restart, now: Now) -> Task:
    """Count an attempt; the moments of attempts are kept only where a window asks for them."""
    counts_moments = restart.max_attempts is not None and restart.window_s > 0
    moments = (*_within(task, restart, now), now.mono_s) if counts_moments else ()
    return replace(task, restarts=task.restarts + 1, restarts_mono_s=moments)


def _within(task: Task, restart: Restart, now: Now) -> tuple[float, ...]:
    return tuple(at for at in task.restarts_mono_s if not now.has_come(at + restart.window_s))


def _runs_again(restart: Restart, *, well: bool) -> bool:
    return restart.condition is RestartCondition.ANY or (restart.condition is RestartCondition.ON_FAILURE and not well)


def _end(container: ContainerSeen, attempt: int) -> str:
    if container.phase is Phase.RUNNING:
        return f"is unhealthy (attempt {attempt})"
    code = "an unknown code" if container.exit_code is None else f"code {container.exit_code}"
    memory = ", out of memory" if container.out_of_memory else ""
    return f"exited with {code}{memory} (attempt {attempt})"
