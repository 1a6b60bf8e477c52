"""Which tasks of a service are out of work, by the value of a label of their nodes: for disruption budgets.

Made by one look at all tasks when a budget is first asked for; from then on only tasks about which something changed are looked at
again (law 10), so a turn costs the same in a fleet of ten and of ten thousand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from controller.decide.presence import Presence
from controller.decide.rollouts.slot import HOLDING
from protocol.observed import TaskState

if TYPE_CHECKING:
    from controller.decide.fleet import Fleet
    from controller.decide.records import Task


@dataclass(slots=True)
class Group:
    """The tasks on nodes with one value of a label: how many there are, and on which nodes which of them are out of work."""

    tasks: int = 0
    out: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Outages:
    """The groups of one service. `stirred` are the tasks to look at again before anybody is told anything."""

    label: str
    groups: dict[str, Group] = field(default_factory=dict)
    stirred: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)


def group(fleet: Fleet, service: str, label: str, node: str) -> tuple[str, Group | None]:
    """The value of a label that a node has, and the group of a service's tasks that share it; a node without it is in none."""
    outages = fleet.outages.get(service)
    if outages is None or outages.label != label:
        outages = fleet.outages[service] = Outages(label, stirred=set(fleet.tasks.of("service", service)))
    for task in outages.stirred:
        _look(fleet, outages, task)
    outages.stirred.clear()
    value = _value(fleet, label, node)
    return value, outages.groups.get(value)


def is_out(fleet: Fleet, task: Task) -> bool:
    """Whether a task is out of work, or may be: its node is away, an update has it in its hands, or it does not run."""
    if task.is_completed:
        return False
    slot, shown = fleet.slots.get(task.task), fleet.seen.get((task.node, task.task))
    is_changing = slot is not None and slot.state in HOLDING
    runs = shown is not None and shown.state is TaskState.RUNNING
    return is_changing or not runs or fleet.presence(task.node) is not Presence.ONLINE


def _look(fleet: Fleet, outages: Outages, name: str) -> None:
    before = outages.values.pop(name, "")
    if before:
        group = outages.groups[before]
        group.tasks -= 1
        group.out.pop(name, None)
    task = fleet.tasks.get(name)
    value = _value(fleet, outages.label, task.node) if task is not None else ""
    if task is None or not value:
        return
    outages.values[name] = value
    group = outages.groups.setdefault(value, Group())
    group.tasks += 1
    if is_out(fleet, task):
        group.out[name] = task.node


def _value(fleet: Fleet, label: str, node: str) -> str:
    found = fleet.nodes.get(node)
    return found.labels.get(label, "") if found else ""
