"""Which rollout a service has, and which slot each of its tasks: whatever changed, this brings the two in line again.

A rollout begins where tasks run another revision than the wanted one. Every task gets a slot, but one that an operator has
pinned. A slot that is held stays as it is until its node has reported, whichever rollout granted it, and then goes where the
rollout wants it now.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide.fleet import Fleet
from controller.decide.placement.scheduler import base_revision
from controller.decide.presence import Presence
from controller.decide.records import Task, service_of, stack_of
from controller.decide.rollouts import patience, phases, pins, switching
from controller.decide.rollouts.course import become, forget_revisions, put
from controller.decide.rollouts.slot import HOLDING, NO_BATCH, OPEN, Cause, Rollout, RolloutSeen, Slot, SlotState
from protocol.ids import digest
from protocol.stack import Service


def begin(fleet: Fleet, service: str) -> None:
    """Begin a rollout where tasks run another revision than the wanted one; one that is no longer wanted ends here."""
    wanted, before = fleet.catalogue.services.get(service), fleet.rollouts.get(service)
    tasks = sorted(fleet.tasks.of("service", service))
    fleet.unsettled.slots |= set(fleet.slots.of("service", service)) | set(tasks)
    if wanted is None or not tasks:
        fleet.rollouts.drop(service)
        fleet.settled_mono_s.pop(service, None)
        fleet.waiting.pop(service, None)
        fleet.early.pop(service, None)
        fleet.outages.pop(service, None)
        forget_revisions(fleet, service)
        return
    revision = fleet.catalogue.revisions[service]
    if before is not None and before.revision == revision:
        _follow(fleet, before, wanted)
        return
    is_held = any(fleet.slots.of("state", (service, state)) for state in HOLDING)
    if not is_held and all(fleet.tasks[task].revision == revision for task in tasks):
        fleet.rollouts.drop(service)
        return
    rollout_id = digest([service, revision, fleet.count("rollouts")])
    previous = base_revision(fleet, service)
    _leave_batches(fleet, service)
    put(fleet, Rollout(rollout_id, service, revision, previous, update=wanted.update, rollback=wanted.rollback))
    patience.moved(fleet, service)
    fleet.tally("rollouts", "begun")


def _follow(fleet: Fleet, rollout: Rollout, wanted: Service) -> None:
    """The same revision under another policy: batches that are others now begin with the first."""
    after = replace(rollout, update=wanted.update, rollback=wanted.rollback)
    if rollout.update.batches != wanted.update.batches:
        after = replace(after, batch=0, quotas=(), confirmed=0)
        _leave_batches(fleet, rollout.service)
    put(fleet, after)
    if rollout.update.batches != wanted.update.batches and rollout.paused_by is Cause.PROMOTION:
        become(fleet, after, RolloutSeen.CONFIRMED, "")


def _leave_batches(fleet: Fleet, service: str) -> None:
    for task in sorted(fleet.slots.of("service", service)):
        fleet.slots.put(task, replace(fleet.slots[task], batch=NO_BATCH))


def align(fleet: Fleet, key: str) -> None:
    """Give a task the slot that its rollout wants for it."""
    task, slot = fleet.tasks.get(key), fleet.slots.get(key)
    rollout = fleet.rollouts.get(service_of(key))
    if task is None or rollout is None:
        # A task that is drained away in the middle of its trial holds its place too; whoever drains a lost node gives it up.
        if slot is not None and (rollout is None or slot.state is not SlotState.GRANTED):
            fleet.slots.drop(key)
    elif slot is None or slot.state not in HOLDING:
        _renew(fleet, task, slot, rollout)
    if slot is not None:
        fleet.unsettled.offers.add(slot.node)
    if task is not None and switching.has_any(fleet, stack_of(task.service)):
        fleet.unsettled.assignments.add(task.node)


def _renew(fleet: Fleet, task: Task, slot: Slot | None, rollout: Rollout) -> None:
    if pins.is_pinned(fleet, task.service, task.node):
        fleet.slots.drop(task.task)
    elif slot is not None and _is_as_wanted(slot, task, rollout):
        fleet.slots.put(task.task, phases.admit(fleet, rollout, slot))
    else:
        fleet.slots.put(task.task, phases.admit(fleet, rollout, _fresh(fleet, task, rollout)))
        fleet.unsettled.offers.add(task.node)
        fleet.unsettled.reports.add(stack_of(task.service))


def _fresh(fleet: Fleet, task: Task, rollout: Rollout) -> Slot:
    is_there = task.revision == rollout.target
    return Slot(
        task.task,
        task.service,
        task.node,
        rollout.target,
        rollout.wave,
        SlotState.SETTLED if is_there else SlotState.WAITING,
        is_kept=is_there,
        is_away=fleet.presence(task.node) in (Presence.OFFLINE, Presence.QUARANTINED),
    )


def _is_as_wanted(slot: Slot, task: Task, rollout: Rollout) -> bool:
    if slot.node != task.node:
        return False
    if slot.state is SlotState.FAILED and rollout.is_back and task.revision == rollout.target:
        return slot.wave.startswith(rollout.id)
    return rollout.owns(slot)


def away(slot: Slot) -> Slot:
    """A slot whose node went offline; one that has not begun leaves its batch to others, until its node returns."""
    return replace(slot, is_away=True, batch=NO_BATCH if slot.state in OPEN else slot.batch)
