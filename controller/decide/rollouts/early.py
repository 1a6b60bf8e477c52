"""Requests of tasks that may not begin yet: their batch has not begun, or their rollout is paused.

They are kept, and join those that wait for room as soon as that has changed, so that no batch begins with a wait for the next
asking of its nodes. A request is kept for as long as one that waits for room; its node asks again. It costs a look only when a
batch begins or a rollout goes on.
"""

from __future__ import annotations

from controller.decide.fleet import Fleet
from controller.decide.rollouts import phases
from controller.decide.rollouts.slot import GRANTING, OPEN, Rollout, Slot
from controller.decide.unsettled import Early, Waiting
from protocol.observed import Request


def keep(fleet: Fleet, rollout: Rollout, one: Waiting) -> None:
    """Keep a request until what is in its way has changed."""
    fleet.early.setdefault(rollout.service, Early(_stage(rollout))).requests[one.request.task] = one


def let_in(fleet: Fleet, service: str, now_mono_s: float) -> None:
    """If the rollout of a service stands otherwise than when they were kept, have those that may go wait for room."""
    early, rollout = fleet.early.get(service), fleet.rollouts.get(service)
    if early is None or (rollout is not None and early.stage == _stage(rollout)):
        return
    fleet.early.pop(service)
    for task, one in early.requests.items() if rollout is not None else ():
        slot = fleet.slots.get(task)
        if rollout is None or slot is None or now_mono_s > one.until_mono_s or not is_about(rollout, slot, one.request):
            continue
        if may_go(rollout, slot):
            fleet.waiting.setdefault(service, {})[task] = one
        else:
            keep(fleet, rollout, one)


def may_go(rollout: Rollout, slot: Slot) -> bool:
    """Whether nothing but room is in the way of a task."""
    return rollout.state in GRANTING and phases.may_go(rollout, slot)


def is_about(rollout: Rollout, slot: Slot, request: Request) -> bool:
    """Whether a request asks for what the rollout wants of a task."""
    is_same = (slot.wave, slot.revision) == (request.rollout, request.revision)
    return is_same and slot.state in OPEN and rollout.owns(slot) and not slot.withdrawn_at


def _stage(rollout: Rollout) -> tuple[object, ...]:
    return rollout.id, rollout.state, rollout.batch, len(rollout.quotas)
