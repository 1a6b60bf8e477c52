"""May one more task begin now? Parallelism and ramp, the delay after the last one, and the budget of its group of nodes.

Whoever may not is told why in one sentence. A place is taken when a slot is granted, and given back by its node's report alone,
never by time. What is out of work anyhow, because its node is away or it does not run, takes its place in the budget of its group,
and may itself be updated whatever the others do: it can only get better, so nobody starves.
"""

from __future__ import annotations

from math import inf

from controller.decide.fleet import Fleet
from controller.decide.rollouts import outages
from controller.decide.rollouts.census import census
from controller.decide.rollouts.outages import Group
from controller.decide.rollouts.slot import Rollout, Slot, returning
from protocol.update import Disruption, Update

NAMES_SHOWN = 5

EPSILON = 1e-9
"""A ramp of 1.1 is no exact number; its tenth round must not miss a whole one by a rounding."""


def full(fleet: Fleet, rollout: Rollout, now_mono_s: float) -> str:
    """Why nothing more of a service may begin now; empty if something may."""
    policy, service = rollout.policy, rollout.service
    counts = census(fleet, service)
    held = counts.held
    most = at_once(policy, len(fleet.tasks.of("service", service)), rollout.well)
    if held >= most:
        silent = counts.lost + counts.forgiven
        lost = f", {silent} of them on nodes that went silent" if silent else ""
        return f"waits for room: {held} of {most} are changing{lost}"
    if now_mono_s < free_mono_s(fleet, rollout):
        return f"waits for the delay of {policy.delay_s:g} s after the last one"
    return ""


def free_mono_s(fleet: Fleet, rollout: Rollout) -> float:
    """When the delay after the last task that settled is over."""
    last_mono_s = fleet.settled_mono_s.get(rollout.service)
    return -inf if last_mono_s is None else last_mono_s + rollout.policy.delay_s


def crowded_out(fleet: Fleet, rollout: Rollout, slot: Slot) -> str:
    """Why this one may not begin because of the others of its group; empty if it may."""
    disruption = rollout.policy.disruption
    if disruption is None:
        return ""
    value, group = outages.group(fleet, slot.service, disruption.label, slot.node)
    return crowded(disruption, value, group, slot.task) if group else ""


def at_once(update: Update, tasks: int, well: int) -> int:
    """How many of so many tasks may be changing at once, when so many have settled without a failure."""
    size = float(update.at_once(tasks))
    if update.ramp > 1:
        while well >= int(size) and size < tasks:
            well -= int(size)
            size = size * update.ramp + EPSILON
    return min(int(size), tasks)


def most_ever(update: Update, rollback: Update | None, tasks: int) -> int:
    """How many of so many tasks may be changing at once in whatever round, on the way there or back."""
    return max(at_once(update, tasks, tasks), at_once(returning(update, rollback), tasks, 0))


def crowded(disruption: Disruption, value: str, group: Group, task: str) -> str:
    """Why one more task of a group may not be taken down; empty if it may, or if it is out of work already."""
    most = disruption.most.of(group.tasks)
    if task in group.out or len(group.out) < most:
        return ""
    names = sorted(set(group.out.values()))
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    who = f": {', '.join(names[:NAMES_SHOWN])}{more}" if names else ""
    return f"{disruption.label} {value} has {len(group.out)} of {most} out of work{who}"
