"""The health gate: a tried revision is kept if one and the same start of its container is well through the whole monitor window.

Well means running the very image that its digest names and, where there is a health check, healthy. Whatever else is seen before
the window is over ends the trial: an end, a restart, ill health, also one that passed between two looks, because the engine
remembers it. So no lucky look promotes what flaps, and nothing is tried for longer than `healthy_s` and its monitor window.

A start that found no program to run, of an image that has not run here yet, says more of the image than of the revision: while that
is brought once more nothing is judged, and the next start is the one that is watched.
"""

from __future__ import annotations

from agent.decide import damage, glances, locks
from agent.decide.inputs import ContainerSeen, EngineSeen
from agent.decide.node import Node, Now
from agent.decide.task import Task
from agent.decide.trial import Seen, Trial
from agent.decide.verdicts import end
from protocol.durations import said
from protocol.observed import TaskState


def watch(node: Node, trial: Trial, now: Now) -> None:
    """Judge a trial by the last look."""
    task = node.tasks.get(trial.task)
    if task is None or task.content != trial.content or not isinstance(node.engine, EngineSeen):
        return
    if damage.hides(node, trial.task):
        node.watching.pop(trial.key, None)
    if reason := _unwell(node, trial, task):
        end(node, trial, Seen.UNWELL, reason)
    elif task.state is TaskState.STOPPED and not task.silenced:
        end(node, trial, Seen.WELL, task.reason)
    elif task.state is TaskState.RUNNING:
        _watch_running(node, trial, task, now)
    elif now.has_come(trial.until_mono_s):
        healthy_s = trial.offer.conduct.healthy_s
        end(node, trial, Seen.UNWELL, f"was not well within {said(healthy_s)}: {task.reason or task.state}")


def _unwell(node: Node, trial: Trial, task: Task) -> str:
    """What was seen of the container that a revision which is well does not do."""
    container, stray = _container(node, task), node.strays.get(task.container)
    if task.state in (TaskState.FAILED, TaskState.REJECTED):
        return task.reason
    if task.restarts:
        return f"restarted within its trial: {task.reason or task.state}"
    if stray is not None and not stray.is_condemned:
        return stray.reason
    if container is not None and container.has_been_ill:
        return "has been unhealthy since its start"
    if task.state not in (TaskState.RUNNING, TaskState.STOPPED) and trial.key in node.watching:
        return f"stopped being well within its monitor window: {task.reason or task.state}"
    return ""


def _container(node: Node, task: Task) -> ContainerSeen | None:
    return next((container for container in node.containers() if container.id == task.container), None)


def _watch_running(node: Node, trial: Trial, task: Task, now: Now) -> None:
    watched, since_mono_s = node.watching.setdefault(trial.key, (task.instance, now.mono_s))
    seen_mono_s = glances.seen_mono_s(node, task.container)
    if watched != task.instance:
        end(node, trial, Seen.UNWELL, "restarted within its monitor window")
    elif seen_mono_s is not None and seen_mono_s - since_mono_s >= trial.offer.monitor_s:
        if not locks.holds_up(node, trial, now):
            end(node, trial, Seen.WELL, "")
    elif now.has_come(since_mono_s + trial.offer.monitor_s):
        node.hinted = True  # the window ends with a look, not with the memory of one
