"""What a node's status means for placement: a task that was on its way has arrived, and a job's task has run to its end.

Only the settled revision counts. A job with a schedule is never done: it stops, and runs anew when its time comes.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide.fleet import Fleet
from controller.decide.records import Task
from protocol.observed import NodeStatus, TaskState, TaskStatus


def seen(fleet: Fleet, status: NodeStatus) -> None:
    """Take in what a node runs."""
    for shown in status.tasks:
        task = fleet.tasks.get(shown.task)
        if task is None or task.node != status.node:
            continue
        if shown.state is TaskState.STOPPED:
            _stopped(fleet, task, shown)
        elif shown.state is TaskState.RUNNING and fleet.moves.is_under_way(task.task):
            _arrived(fleet, task)


def _stopped(fleet: Fleet, task: Task, shown: TaskStatus) -> None:
    service = fleet.catalogue.services.get(task.service)
    if service is None or not service.mode.is_job or shown.revision != task.revision:
        return
    if service.job is None or not service.job.schedule:
        fleet.tasks.put(task.task, replace(task, completed=task.revision))
        fleet.unsettled.freed.add(task.node)
    _arrived(fleet, task)


def _arrived(fleet: Fleet, task: Task) -> None:
    fleet.moves.arrive(task.task)
    fleet.unsettled.turns.add(task.service)
