"""May one more task begin now? Parallelism and ramp, the delay after the last one, and the budget of its group of nodes.

Whoever may not is told why in one sentence. A place is taken when a slot is granted, and given back by its node's report alone,
never by time. What is out of work anyhow, because its node is away or it does not run, takes its place in the budget of its group,
and may itself be updated whatever the others do: it can only get better, so nobody starves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from controller.decide.census import census
from controller.decide.fleet import Fleet
from controller.decide.presence import Presence
from controller.decide.records import Task
from controller.decide.slot import HOLDING, Rollout, Slot
from protocol.observed import TaskState
from protocol.update import Disruption, Update

NAMES_SHOWN = 5

EPSILON = 1e-9
"""A ramp of 1.1 is no exact number; its tenth round must not miss a whole one by a rounding."""


@dataclass(slots=True)
class Group:
    """The tasks on nodes with one value of a label: how many there are, and on which nodes which of them are out of work."""

    tasks: int = 0
    out: dict[str, str] = field(default_factory=dict)


Groups = dict[str, dict[str, Group]]
"""By service and value: made once in a turn, because a look at every task is dear."""


def full(fleet: Fleet, rollout: Rollout, now_mono_s: float) -> str:
    """Why nothing more of a service may begin now; empty if something may."""
    policy, service = rollout.policy, rollout.service
    held = census(fleet, service).held
    most = at_once(policy, len(fleet.tasks.of("service", service)), rollout.well)
    if held >= most:
        return f"waits for room: {held} of {most} are changing"
    if now_mono_s < free_mono_s(fleet, rollout):
        return f"waits for the delay of {policy.delay_s:g} s after the last one"
    return ""


def free_mono_s(fleet: Fleet, rollout: Rollout) -> float:
    """When the delay after the last task that settled is over."""
    last_mono_s = fleet.settled_mono_s.get(rollout.service)
    return -inf if last_mono_s is None else last_mono_s + rollout.policy.delay_s


def crowded_out(fleet: Fleet, rollout: Rollout, slot: Slot, groups: Groups) -> str:
    """Why this one may not begin because of the others of its group; empty if it may."""
    disruption = rollout.policy.disruption
    if disruption is None:
        return ""
    value = _value(fleet, disruption, slot.node)
    group = groups_of(fleet, slot.service, disruption, groups).get(value)
    return crowded(disruption, value, group, slot.task) if group else ""


def at_once(update: Update, tasks: int, well: int) -> int:
    """How many of so many tasks may be changing at once, when so many have settled without a failure."""
    size = float(update.at_once(tasks))
    if update.ramp > 1:
        while well >= int(size) and size < tasks:
            well -= int(size)
            size = size * update.ramp + EPSILON
    return min(int(size), tasks)


def crowded(disruption: Disruption, value: str, group: Group, task: str) -> str:
    """Why one more task of a group may not be taken down; empty if it may, or if it is out of work already."""
    most = disruption.most.of(group.tasks)
    if task in group.out or len(group.out) < most:
        return ""
    names = sorted(set(group.out.values()))
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    who = f": {', '.join(names[:NAMES_SHOWN])}{more}" if names else ""
    return f"{disruption.label} {value} has {len(group.out)} of {most} out of work{who}"


def groups_of(fleet: Fleet, service: str, disruption: Disruption, groups: Groups) -> dict[str, Group]:
    """The groups of a service by the value of their label; nodes without the label are in none."""
    if service not in groups:
        tasks = (fleet.tasks[task] for task in fleet.tasks.of("service", service))
        groups[service] = _grouped(fleet, disruption, tasks)
    return groups[service]


def taken(fleet: Fleet, rollout: Rollout, slot: Slot, groups: Groups) -> None:
    """Note that a task was granted, for whoever asks later in the same turn."""
    disruption = rollout.policy.disruption
    if disruption is not None and slot.service in groups:
        group = groups[slot.service].get(_value(fleet, disruption, slot.node))
        if group is not None:
            group.out[slot.task] = slot.node


def _grouped(fleet: Fleet, disruption: Disruption, tasks: Iterable[Task]) -> dict[str, Group]:
    found: dict[str, Group] = {}
    for task in tasks:
        value = _value(fleet, disruption, task.node)
        if value:
            group = found.setdefault(value, Group())
            group.tasks += 1
            if is_out(fleet, task):
                group.out[task.task] = task.node
    return found


def is_out(fleet: Fleet, task: Task) -> bool:
    """Whether a task is out of work, or may be: its node is away, an update has it in its hands, or it does not run."""
    if task.is_completed:
        return False
    slot, shown = fleet.slots.get(task.task), fleet.seen.get((task.node, task.task))
    is_changing = slot is not None and slot.state in HOLDING
    runs = shown is not None and shown.state is TaskState.RUNNING
    return is_changing or not runs or fleet.presence(task.node) is not Presence.ONLINE


def _value(fleet: Fleet, disruption: Disruption, node: str) -> str:
    found = fleet.nodes.get(node)
    return found.labels.get(disruption.label, "") if found else ""
