"""Moves rollouts and slots from state to state, and has everything looked at again that depends on them."""

from __future__ import annotations

from dataclasses import replace

from controller.decide.fleet import Fleet
from controller.decide.records import stack_of
from controller.decide.rollouts.slot import (
    ENDED,
    HALTED,
    OPEN,
    Cause,
    Rollout,
    RolloutSeen,
    Slot,
    SlotSeen,
    SlotState,
    advance,
    advance_rollout,
)


def become(fleet: Fleet, rollout: Rollout, seen: RolloutSeen, reason: str, cause: Cause = Cause.NONE) -> None:
    """Move a rollout by what was seen of it; a pair that its table does not have changes nothing."""
    state = advance_rollout(rollout.state, seen)
    if state is rollout.state:
        return
    after = replace(rollout, state=state, reason=reason, paused_by=cause if state in HALTED else Cause.NONE)
    if after.is_back and not rollout.is_back:
        after = replace(after, attempt=0, well=0)
    put(fleet, after)
    fleet.unsettled.slots |= set(fleet.slots.of("service", rollout.service))
    fleet.tally("rollouts", state.value)
    if state in ENDED:
        forget_revisions(fleet, rollout.service)


def put(fleet: Fleet, rollout: Rollout) -> None:
    """Keep a rollout that stays in its state, and judge it again."""
    if fleet.rollouts.put(rollout.service, rollout):
        fleet.unsettled.judged.add(rollout.service)
        fleet.unsettled.reports.add(stack_of(rollout.service))


def move(fleet: Fleet, slot: Slot, seen: SlotSeen, reason: str) -> None:
    """Move a slot by what was seen of it; a failure begins the ramp of its rollout anew."""
    state = advance(slot.state, seen)
    if state is slot.state:
        return
    withdrawn_at, is_forgiven = 0 if state in OPEN else slot.withdrawn_at, slot.is_forgiven and state is SlotState.LOST
    was_staging = slot.was_staging and state is SlotState.FAILED
    after = replace(
        slot,
        state=state,
        reason=reason,
        withdrawn_at=withdrawn_at,
        is_forgiven=is_forgiven,
        was_staging=was_staging,
    )
    fleet.slots.put(slot.task, after)
    look_again(fleet, slot)
    rollout = fleet.rollouts.get(slot.service)
    if state is SlotState.FAILED and rollout is not None and rollout.owns(slot):
        put(fleet, replace(rollout, well=0))


def look_again(fleet: Fleet, slot: Slot) -> None:
    """Have a slot that changed looked at by whoever depends on it."""
    fleet.unsettled.slots.add(slot.task)
    fleet.unsettled.offers.add(slot.node)
    fleet.unsettled.reports.add(stack_of(slot.service))


def forget_revisions(fleet: Fleet, service: str) -> None:
    """Drop the contents that nothing names any more."""
    rollout = fleet.rollouts.get(service)
    named = {fleet.catalogue.revisions.get(service, "")}
    named |= {rollout.revision, rollout.previous} if rollout else set()
    named |= {fleet.tasks[task].revision for task in fleet.tasks.of("service", service)}
    named |= {one.revision for task in fleet.tasks.of("service", service) if (one := fleet.originals.get(task))}
    for key in sorted(fleet.revisions.of("service", service)):
        if fleet.revisions[key].revision not in named:
            fleet.revisions.drop(key)
