"""Whether a task that is placed must leave its node, and how.

The causes are exactly these: its service counts in another way now, its node is gone or is to be, it has lost what the service
needs, is drained, or no longer meets a constraint. Never load, and never a better place.
"""

from __future__ import annotations

from enum import Enum, auto

from controller.decide.fleet import Fleet
from controller.decide.placement import surplus
from controller.decide.placement.filters import BROKEN, LEAVING, candidate
from controller.decide.placement.need import need_of
from controller.decide.records import Task
from protocol.ids import task_id
from protocol.stack import Service


class Leave(Enum):
    """How a task goes that must not stay where it is."""

    AT_ONCE = auto()
    IN_TURN = auto()


def leave(fleet: Fleet, task: Task, service: Service) -> Leave | None:
    """Whether, and how, a task must go; None if it stays."""
    if not is_of_mode(task, service):
        return Leave.AT_ONCE
    if task.is_completed and (task.node in fleet.nodes or task.completed == fleet.catalogue.revisions[task.service]):
        return None
    if task.node not in fleet.nodes:
        return Leave.AT_ONCE
    need = need_of(fleet, service)
    one = candidate(fleet, task.node, need)
    if any(object_to(one, need) for object_to in BROKEN):
        return Leave.AT_ONCE
    if any(object_to(one, need) for object_to in LEAVING):
        return Leave.AT_ONCE if service.mode.is_global else Leave.IN_TURN
    return None


def is_of_mode(task: Task, service: Service) -> bool:
    """Whether a task is called as the tasks of its service are: by their node where they are everywhere, else by a number."""
    if service.mode.is_global:
        return task.task == task_id(service.stack, service.name, task.node)
    return bool(surplus.number(task.task))
