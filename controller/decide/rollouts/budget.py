"""May one more task begin now? Parallelism and ramp, the delay after the last one, and the budget of its group of nodes.

Whoever may not is told why in one sentence. A place is taken when a slot is granted, and given back by its node's report alone,
never by time. What is out of work anyhow, because its node is away or it does not run, takes its place in the budget of its group,
and may itself be updated whatever the others do: it can only get better, so nobody starves.
"""

from __future__ import annotations

from math import inf

from controller.decide.fleet import Fleet
from controller.decide.rollouts import outages, phases
from controller.decide.rollouts.census import census
from controller.decide.rollouts.outages import Group
from controller.decide.rollouts.slot import GRANTING, Rollout, Slot, Standing, returning
from protocol.durations import said
from protocol.update import Disruption, Update

NAMES_SHOWN = 5

EPSILON = 1e-9
"""A ramp of 1.1 is no exact number; its tenth round must not miss a whole one by a rounding."""


def full(fleet: Fleet, rollout: Rollout, now_mono_s: float) -> str:
    """Why nothing more of a service may begin now; empty if something may."""
    policy, service = rollout.policy, rollout.service
    counts, most = census(fleet, service), places(fleet, rollout)
    if counts.held >= most:
        lost = f", {counts.silent} of them on nodes that went silent" if counts.silent else ""
        return f"waits for room: {counts.held} of {most} are changing{lost}"
    if now_mono_s < free_mono_s(fleet, rollout):
        return f"waits for the delay of {said(policy.delay_s)} after the last one"
    return ""


def places(fleet: Fleet, rollout: Rollout) -> int:
    """How many tasks of a rollout may be changing at once now."""
    return at_once(rollout.policy, len(fleet.tasks.of("service", rollout.service)), rollout.well)


def is_silenced(fleet: Fleet, rollout: Rollout) -> bool:
    """Whether nobody can begin because nodes that went silent have all the places: who is there is not slow."""
    counts = census(fleet, rollout.service)
    return not counts.trying and 0 < counts.silent >= places(fleet, rollout)


def held_up(fleet: Fleet, rollout: Rollout) -> str:
    """Who has all the places and does not tell, and what an operator can do; empty for a rollout that somebody can move on."""
    service = rollout.service
    if rollout.state not in GRANTING or not census(fleet, service).open or not is_silenced(fleet, rollout):
        return ""
    lost = [
        *fleet.slots.of("standing", (service, Standing.LOST)),
        *fleet.slots.of("standing", (service, Standing.FORGIVEN)),
    ]
    first = min(fleet.slots[task].node for task in lost)
    taken = f"{len(lost)} of {places(fleet, rollout)} places are held by {phases.named(fleet, lost)}, lost while trying"
    return f"nobody can begin: {taken}; {_ENDS.format(first)}"


_ENDS = "a place is free when its node returns, or after `bramble node decommission {}`"


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
