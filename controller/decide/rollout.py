"""*When* a revision arrives: slots, budget, threshold, rollback. *Where* it runs is the scheduler's business.

A new revision of a service that has tasks begins a rollout. Every task gets a slot, every slot an offer: its node may stage, and
ask. A request is granted while the budget has room; a second request for a granted slot is granted again and takes no more room.
The node tries, and keeps the revision or forgets it; its report settles the slot and so its assignment, or fails it. Nodes that are
away wait, take no room, and are counted as unseen. A newer rollout, or a rollback, inherits the slots that are held: each keeps its
room until its node has reported, and then goes where the rollout now wants it.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide import pins
from controller.decide.fleet import Fleet
from controller.decide.presence import Presence
from controller.decide.records import Task, service_of, stack_of
from controller.decide.scheduler import base_revision
from controller.decide.slot import (
    ENDED,
    GRANTING,
    HALTED,
    HOLDING,
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
from protocol.desired import Grant
from protocol.ids import digest
from protocol.observed import NodeStatus, OfferState, OfferStatus, Request, TaskState
from protocol.topics import GrantTopic
from protocol.update import FailureAction

SEEN = {
    OfferState.STAGING: SlotSeen.UNSTAGED,
    OfferState.STAGED: SlotSeen.STAGED,
    OfferState.SETTLED: SlotSeen.SETTLED,
    OfferState.FAILED: SlotSeen.FAILED,
}
"""What a node says of an offer → what that means for its slot. A trial under way changes nothing: its slot is granted already."""

UNDER_WAY = (TaskState.ASSIGNED, TaskState.PREPARING)
"""A task that does not run yet."""


def roll(fleet: Fleet, now_mono_s: float) -> None:
    """Begin, judge and end rollouts, align slots with tasks, and answer requests."""
    changed = sorted(fleet.unsettled.rollouts)
    fleet.unsettled.rollouts.clear()
    for service in changed:
        _begin(fleet, service)
    while fleet.unsettled.slots or fleet.unsettled.judged:
        tasks, services = sorted(fleet.unsettled.slots), fleet.unsettled.judged
        fleet.unsettled.slots, fleet.unsettled.judged = set(), set()
        for task in tasks:
            _align(fleet, task)
        for service in sorted(services | {service_of(task) for task in tasks}):
            _judge(fleet, service)
    requests, fleet.requests = fleet.requests, []
    for node, request in requests:
        _answer(fleet, node, request, now_mono_s)


def report(fleet: Fleet, status: NodeStatus, now_mono_s: float) -> None:
    """Move the slots of a node by what it says of its offers."""
    said = {(offer.rollout, offer.task, offer.revision): offer for offer in status.offers}
    for task in sorted(fleet.slots.of("node", status.node)):
        slot = fleet.slots[task]
        offer = said.get((slot.wave, slot.task, slot.revision))
        seen = _seen(slot, offer, status)
        if seen is SlotSeen.SETTLED:
            _settle(fleet, slot, now_mono_s)
        elif seen is not None:
            _move(fleet, slot, seen, offer.reason if offer else "")
        _confirm(fleet, task, status)


def absent(fleet: Fleet, node: str) -> None:
    """A node went offline: what it was granted is lost, and keeps its place in the budget."""
    for task in sorted(fleet.slots.of("node", node)):
        _move(fleet, fleet.slots[task], SlotSeen.SILENT, f"{node} went offline while it was trying")
        fleet.unsettled.judged.add(fleet.slots[task].service)


def returned(fleet: Fleet, node: str) -> None:
    """A node is back: what it was granted is under way again, until it says what became of it."""
    for task in sorted(fleet.slots.of("node", node)):
        _move(fleet, fleet.slots[task], SlotSeen.HEARD, "")
        fleet.unsettled.judged.add(fleet.slots[task].service)


def _seen(slot: Slot, offer: OfferStatus | None, status: NodeStatus) -> SlotSeen | None:
    if offer is not None:
        seen = SEEN.get(offer.state)
    elif 0 < slot.withdrawn_at <= status.offers_generation:
        seen = SlotSeen.FREED
    else:
        return None
    is_over = seen in (SlotSeen.FAILED, SlotSeen.FREED)
    return None if is_over and slot.state in HOLDING and not _is_back(slot, status) else seen


def _is_back(slot: Slot, status: NodeStatus) -> bool:
    """Whether the task stands again as it did before: falling back takes it down too, so the slot is held until then."""
    shown = next((task for task in status.tasks if task.task == slot.task), None)
    return shown is None or (shown.revision != slot.revision and shown.state not in UNDER_WAY)


def _move(fleet: Fleet, slot: Slot, seen: SlotSeen, reason: str) -> None:
    state = advance(slot.state, seen)
    if state is slot.state:
        return
    fleet.slots.put(
        slot.task, replace(slot, state=state, reason=reason, withdrawn_at=0 if state in OPEN else slot.withdrawn_at)
    )
    _look_again(fleet, slot)


def _look_again(fleet: Fleet, slot: Slot) -> None:
    fleet.unsettled.slots.add(slot.task)
    fleet.unsettled.offers.add(slot.node)
    fleet.unsettled.reports.add(stack_of(slot.service))


def _settle(fleet: Fleet, slot: Slot, now_mono_s: float) -> None:
    """The node keeps the revision, so from now on it is what the task is assigned."""
    state = advance(slot.state, SlotSeen.SETTLED)
    task = fleet.tasks.get(slot.task)
    if state is slot.state or task is None:
        return
    fleet.slots.put(slot.task, replace(slot, state=state, reason="", withdrawn_at=0, is_kept=False))
    fleet.settled_mono_s[slot.service] = now_mono_s
    if task.node == slot.node:
        fleet.tasks.put(task.task, replace(task, revision=slot.revision))
        fleet.unsettled.assignments.add(slot.node)
    _look_again(fleet, slot)


def _confirm(fleet: Fleet, task: str, status: NodeStatus) -> None:
    """Withdraw the offer of a settled revision once its node has seen it in its assignment."""
    slot, told = fleet.slots[task], fleet.assignments.get(status.node)
    if slot.state is not SlotState.SETTLED or slot.is_kept or told is None:
        return
    knows = (status.observed_epoch, status.observed_generation) >= (told.epoch, told.generation)
    if knows and any(spec.task == task and spec.revision == slot.revision for spec in told.tasks):
        fleet.slots.put(task, replace(slot, is_kept=True))
        fleet.unsettled.offers.add(status.node)


def _begin(fleet: Fleet, service: str) -> None:
    """Begin a rollout where tasks run another revision than the wanted one; one that is no longer wanted ends here."""
    wanted, before = fleet.catalogue.services.get(service), fleet.rollouts.get(service)
    tasks = sorted(fleet.tasks.of("service", service))
    fleet.unsettled.slots |= set(fleet.slots.of("service", service)) | set(tasks)
    if wanted is None or not tasks:
        fleet.rollouts.drop(service)
        fleet.settled_mono_s.pop(service, None)
        _forget_revisions(fleet, service)
        return
    revision = fleet.catalogue.revisions[service]
    if before is not None and before.revision == revision:
        fleet.rollouts.put(service, replace(before, update=wanted.update))
        return
    is_held = any(fleet.slots.of("state", (service, state)) for state in HOLDING)
    if not is_held and all(fleet.tasks[task].revision == revision for task in tasks):
        fleet.rollouts.drop(service)
        return
    number = fleet.count("rollouts")
    rollout_id = digest([service, revision, number])
    fleet.rollouts.put(
        service, Rollout(rollout_id, service, revision, base_revision(fleet, service), update=wanted.update)
    )
    fleet.tally("rollouts", "begun")


def _align(fleet: Fleet, key: str) -> None:
    """Give a task the slot that its rollout wants for it; a held slot stays as it is until its node has reported."""
    task, slot = fleet.tasks.get(key), fleet.slots.get(key)
    rollout = fleet.rollouts.get(service_of(key))
    if task is None or rollout is None:
        # A task that is drained away in the middle of its trial holds its place too; whoever drains a lost node gives it up.
        if slot is not None:
            fleet.unsettled.offers.add(slot.node)
            if rollout is None or slot.state is not SlotState.GRANTED:
                fleet.slots.drop(key)
        return
    is_held = slot is not None and slot.state in HOLDING
    if not is_held and pins.is_pinned(fleet, task.service, task.node):
        fleet.slots.drop(key)
        fleet.unsettled.offers.add(task.node)
        fleet.unsettled.reports.add(stack_of(task.service))
        return
    if slot is not None and (is_held or _is_as_wanted(slot, task, rollout)):
        fleet.unsettled.offers.add(slot.node)
        return
    fresh = Slot(key, task.service, task.node, rollout.target, rollout.wave)
    if task.revision == rollout.target:
        fresh = replace(fresh, state=SlotState.SETTLED, is_kept=True)
    fleet.slots.put(key, fresh)
    fleet.unsettled.offers |= {fresh.node} | ({slot.node} if slot else set())
    fleet.unsettled.reports.add(stack_of(task.service))


def _is_as_wanted(slot: Slot, task: Task, rollout: Rollout) -> bool:
    if slot.node != task.node:
        return False
    if slot.state is SlotState.FAILED and rollout.is_back and task.revision == rollout.target:
        return slot.wave.startswith(rollout.id)
    return rollout.owns(slot)


def _judge(fleet: Fleet, service: str) -> None:
    """Decide what the slots of a rollout mean for the whole."""
    rollout = fleet.rollouts.get(service)
    if rollout is None:
        return
    seen, reason = _verdict(fleet, rollout)
    if seen is not None:
        become(fleet, rollout, seen, reason or rollout.reason, Cause.FAILURES if reason else Cause.NONE)


def become(fleet: Fleet, rollout: Rollout, seen: RolloutSeen, reason: str, cause: Cause = Cause.NONE) -> None:
    """Move a rollout by what was seen of it, and look again at whatever depends on its state."""
    state = advance_rollout(rollout.state, seen)
    if state is rollout.state:
        return
    after = replace(rollout, state=state, reason=reason, paused_by=cause if state in HALTED else Cause.NONE)
    if after.is_back and not rollout.is_back:
        after = replace(after, attempt=0, well=0)
    fleet.rollouts.put(rollout.service, after)
    fleet.unsettled.reports.add(stack_of(rollout.service))
    fleet.unsettled.slots |= set(fleet.slots.of("service", rollout.service))
    fleet.tally("rollouts", state.value)
    if state in ENDED:
        _forget_revisions(fleet, rollout.service)


def _verdict(fleet: Fleet, rollout: Rollout) -> tuple[RolloutSeen | None, str]:
    counts = {state: len(fleet.slots.of("state", (rollout.service, state))) for state in SlotState}
    total, failed = sum(counts.values()), counts[SlotState.FAILED]
    if rollout.is_back:
        is_back = counts[SlotState.SETTLED] + failed == total
        return (RolloutSeen.ALL_BACK if is_back else RolloutSeen.MORE), ""
    if counts[SlotState.SETTLED] == total:
        return RolloutSeen.ALL_SETTLED, ""
    if not failed:
        return RolloutSeen.MORE, ""
    known = total - _unseen(fleet, rollout.service)
    if failed <= rollout.update.max_failure_ratio * known:
        return RolloutSeen.MORE, ""
    reason = f"{failed} of {known} that were seen failed; {rollout.update.max_failure_ratio:g} of them is tolerated"
    action = {FailureAction.PAUSE: RolloutSeen.PAUSE, FailureAction.ROLLBACK: RolloutSeen.ROLL_BACK}
    return action.get(rollout.update.failure_action), reason


def _unseen(fleet: Fleet, service: str) -> int:
    """Tasks that still wait for nodes which are away."""
    waiting = (task for state in OPEN for task in fleet.slots.of("state", (service, state)))
    return sum(fleet.presence(fleet.slots[task].node) is not Presence.ONLINE for task in waiting)


def _answer(fleet: Fleet, node: str, request: Request, now_mono_s: float) -> None:
    """Grant a request, or stay silent: the node asks again."""
    slot = fleet.slots.get(request.task)
    if slot is None or (slot.node, slot.wave, slot.revision) != (node, request.rollout, request.revision):
        fleet.tally("requests", "stale")
        return
    rollout = fleet.rollouts[slot.service]
    is_current = rollout.owns(slot) and not slot.withdrawn_at
    if not is_current or rollout.state not in GRANTING or slot.state not in (*OPEN, *HOLDING):
        fleet.tally("requests", "refused")
        return
    if slot.state in OPEN and not _has_room(fleet, rollout, now_mono_s):
        fleet.tally("requests", "waiting")
        return
    for seen in (SlotSeen.HEARD, SlotSeen.GRANTED):
        _move(fleet, fleet.slots[slot.task], seen, "")
    fleet.tally("requests", "granted")
    grant = Grant(request.task, request.revision, request.nonce, fleet.terms.grant_valid_s)
    fleet.say(GrantTopic(fleet.name, node), grant)


def _has_room(fleet: Fleet, rollout: Rollout, now_mono_s: float) -> bool:
    held = sum(len(fleet.slots.of("state", (rollout.service, state))) for state in HOLDING)
    last_mono_s = fleet.settled_mono_s.get(rollout.service)
    is_early = last_mono_s is not None and now_mono_s < last_mono_s + rollout.update.delay_s
    tasks = len(fleet.tasks.of("service", rollout.service))
    return not is_early and held < rollout.update.at_once(tasks)


def _forget_revisions(fleet: Fleet, service: str) -> None:
    """Drop the contents that nothing names any more."""
    rollout = fleet.rollouts.get(service)
    named = {fleet.catalogue.revisions.get(service, "")}
    named |= {rollout.revision, rollout.previous} if rollout else set()
    named |= {fleet.tasks[task].revision for task in fleet.tasks.of("service", service)}
    named |= {one.revision for task in fleet.tasks.of("service", service) if (one := fleet.originals.get(task))}
    for key in sorted(fleet.revisions.of("service", service)):
        if fleet.revisions[key].revision not in named:
            fleet.revisions.drop(key)
