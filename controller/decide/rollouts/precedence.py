"""A stack's services with `depends_on` are updated in order: what a service depends on goes first.

A service waits as a whole, not node by node: what it depends on may run on other nodes, and may yet fail on the last one and be
taken back, and then nothing may have been updated on its account. It waits for tasks that are seen only: those whose nodes are away
are updated when they return, before or after, so nothing waits for an absent device. A dependency whose rollout is paused, or was
taken back, is waited for, and the reason says so; a rollback waits for nobody.
"""

from __future__ import annotations

from controller.decide.fleet import Fleet
from controller.decide.records import stack_of
from controller.decide.rollouts.census import Census, census
from controller.decide.rollouts.slot import Rollout, RolloutState
from protocol.ids import service_key


def objection(fleet: Fleet, rollout: Rollout) -> str:
    """Why nothing of a service may begin because of what it depends on; empty if it may."""
    wanted = fleet.catalogue.services.get(rollout.service)
    if wanted is None or not wanted.depends_on or rollout.is_back:
        return ""
    for dependency in wanted.depends_on:
        key = service_key(stack_of(rollout.service), dependency.service)
        other = fleet.rollouts.get(key)
        if other is not None and (said := awaited(other, census(fleet, key))):
            return said
    return ""


def awaited(other: Rollout, counts: Census) -> str:
    """Why whoever depends on a service must wait for its rollout; empty if it need not."""
    if other.state is RolloutState.DONE:
        return ""
    if other.state is RolloutState.ROLLING:
        left = counts.open + counts.trying
        return f"waits for {other.service}: {left} of {counts.seen} are still to be updated" if left else ""
    return f"waits for {other.service}: its rollout {_STANDS[other.state]}"


_STANDS = {
    RolloutState.PAUSED: "is paused",
    RolloutState.ROLLING_BACK: "is being taken back",
    RolloutState.ROLLBACK_PAUSED: "is paused on its way back",
    RolloutState.ROLLED_BACK: "was taken back",
}
