"""*When* a revision arrives: the signature page. *Where* it runs is the scheduler's business.

The assignment is what is settled; the offer is what is being tried. A new revision of a service that has tasks begins a rollout:
every task gets a slot, every slot an offer, so its node may stage, and ask. A request is granted when the rollout goes on, what the
service depends on is done, the task's batch has begun, and the budget has room; a request that finds none waits for it, and for no
longer than its node would take the answer. A second request for a granted slot is granted again and takes no more room.

The node tries, and keeps the revision or forgets it; its report settles the slot and so its assignment, or fails it. Slots are
given back by reports alone, never by time. Nodes that are away wait, take no room, and are counted as unseen. A newer rollout, or a
rollback, inherits the slots that are held.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide.fleet import Fleet
from controller.decide.records import service_of
from controller.decide.rollouts import alignment, granting, history, patience, phases, switching
from controller.decide.rollouts.census import census
from controller.decide.rollouts.course import become, look_again, move, put
from controller.decide.rollouts.slot import (
    HOLDING,
    Cause,
    Rollout,
    RolloutSeen,
    RolloutState,
    Slot,
    SlotSeen,
    SlotState,
    Standing,
    advance,
)
from controller.decide.rollouts.verdict import verdict
from protocol.observed import NodeStatus, OfferState, OfferStatus, TaskState
from protocol.update import LostAction

SEEN = {
    OfferState.STAGING: SlotSeen.UNSTAGED,
    OfferState.STAGED: SlotSeen.STAGED,
    OfferState.SETTLED: SlotSeen.SETTLED,
    OfferState.FAILED: SlotSeen.FAILED,
}
"""What a node says of an offer → what that means for its slot. A trial under way changes nothing: its slot is granted already."""

GONE = "{0} went offline while it was trying; it keeps its place until it returns, or until `bramble node decommission {0}`"

UNDER_WAY = (TaskState.ASSIGNED, TaskState.PREPARING)
"""A task that does not run yet."""


def roll(fleet: Fleet, now_mono_s: float) -> None:
    """Begin rollouts, bring slots in line, judge, and answer who asked."""
    changed, fleet.unsettled.rollouts = sorted(fleet.unsettled.rollouts), set()
    for service in changed:
        alignment.begin(fleet, service)
    judged: set[str] = set()
    while fleet.unsettled.slots or fleet.unsettled.judged:
        tasks, services = sorted(fleet.unsettled.slots), fleet.unsettled.judged
        fleet.unsettled.slots, fleet.unsettled.judged = set(), set()
        for task in tasks:
            alignment.align(fleet, task)
        for service in sorted(services | {service_of(task) for task in tasks}):
            _judge(fleet, service)
            judged.add(service)
    granting.answer(fleet, judged, now_mono_s)
    for service in sorted(judged):
        patience.watch(fleet, service, now_mono_s)


def report(fleet: Fleet, status: NodeStatus, now_mono_s: float) -> None:
    """Move the slots of a node by what it says of its offers."""
    said = {(offer.rollout, offer.task, offer.revision): offer for offer in status.offers}
    for task in sorted(fleet.slots.of("node", status.node)):
        slot = fleet.slots[task]
        offer = said.get((slot.wave, slot.task, slot.revision))
        slot = history.audited(fleet, slot, offer)
        seen = _seen(slot, offer, status)
        if seen is SlotSeen.SETTLED:
            _settle(fleet, slot, now_mono_s)
        elif seen is not None:
            move(
                fleet, replace(slot, was_staging=bool(offer and offer.was_staging)), seen, offer.reason if offer else ""
            )
            _correct(fleet, slot)
        _release(fleet, task, status)


def absent(fleet: Fleet, node: str) -> None:
    """A node went offline: what it was granted is lost, and keeps its place in the budget."""
    for task in sorted(fleet.slots.of("node", node)):
        fleet.slots.put(task, alignment.away(fleet.slots[task]))
        move(fleet, fleet.slots[task], SlotSeen.SILENT, GONE.format(node))
        fleet.unsettled.judged.add(fleet.slots[task].service)


def returned(fleet: Fleet, node: str) -> None:
    """A node is back: it may be updated, and what it was granted is under way again until it says what became of it."""
    for task in sorted(fleet.slots.of("node", node)):
        fleet.slots.put(task, replace(fleet.slots[task], is_away=False))
        move(fleet, fleet.slots[task], SlotSeen.HEARD, "")
        fleet.unsettled.slots.add(task)


def _seen(slot: Slot, offer: OfferStatus | None, status: NodeStatus) -> SlotSeen | None:
    if offer is not None:
        is_returned = offer.state is OfferState.STAGED and slot.state in HOLDING and offer.nonce == slot.nonce != ""
        seen = SlotSeen.RETURNED if is_returned else SEEN.get(offer.state)
    elif 0 < slot.withdrawn_at <= status.offers_generation:
        seen = SlotSeen.FREED
    else:
        return None
    if slot.state is SlotState.FAILED and not slot.was_staging:
        return None
    is_over = seen in (SlotSeen.FAILED, SlotSeen.FREED, SlotSeen.RETURNED)
    return None if is_over and slot.state in HOLDING and not _is_back(slot, status) else seen


def _correct(fleet: Fleet, before: Slot) -> None:
    """A node stages again what it could not get: a rollout that paused because of nothing else goes on."""
    rollout, slot = fleet.rollouts.get(before.service), fleet.slots[before.task]
    if before.state is not SlotState.FAILED or slot.state is SlotState.FAILED or rollout is None:
        return
    if rollout.paused_by is Cause.FAILURES and not _failed(fleet, rollout):
        become(fleet, rollout, RolloutSeen.RESUMED, "")
        fleet.remark(before.service, f"goes on: {before.node} gets the image now that its registry is asked otherwise")
    patience.moved(fleet, before.service)


def _is_back(slot: Slot, status: NodeStatus) -> bool:
    """Whether the task stands again as it did before: falling back takes it down too, so the slot is held until then."""
    shown = next((task for task in status.tasks if task.task == slot.task), None)
    return shown is None or (shown.revision != slot.revision and shown.state not in UNDER_WAY)


def _settle(fleet: Fleet, slot: Slot, now_mono_s: float) -> None:
    """The node keeps the revision, so from now on it is what the task is assigned."""
    state = advance(slot.state, SlotSeen.SETTLED)
    task, rollout = fleet.tasks.get(slot.task), fleet.rollouts.get(slot.service)
    if state is slot.state or task is None:
        return
    fleet.slots.put(slot.task, replace(slot, state=state, reason="", withdrawn_at=0, is_kept=False, is_forgiven=False))
    fleet.settled_mono_s[slot.service] = now_mono_s
    if rollout is not None and rollout.owns(slot) and rollout.policy.ramp > 1:
        put(fleet, replace(rollout, well=rollout.well + 1))
    if task.node == slot.node:
        fleet.tasks.put(task.task, replace(task, revision=slot.revision))
        switching.kept(fleet, slot)
        fleet.unsettled.assignments.add(slot.node)
    patience.moved(fleet, slot.service)
    look_again(fleet, slot)


def _release(fleet: Fleet, task: str, status: NodeStatus) -> None:
    """Withdraw the offer of a settled revision once its node has it in its assignment, and need keep nothing of what was before."""
    slot, told = fleet.slots[task], fleet.assignments.get(status.node)
    if slot.state is not SlotState.SETTLED or slot.is_kept or told is None:
        return
    knows = (status.observed_epoch, status.observed_generation) >= (told.epoch, told.generation)
    is_assigned = any(spec.task == task and spec.revision == slot.revision for spec in told.tasks)
    if knows and is_assigned and _has_let_go(fleet, slot, status):
        fleet.slots.put(task, replace(slot, is_kept=True))
        fleet.unsettled.offers.add(status.node)


def _has_let_go(fleet: Fleet, slot: Slot, status: NodeStatus) -> bool:
    """Whether a node has seen that it need not keep the container before; where it keeps none, it has."""
    rollout, offered = fleet.rollouts.get(slot.service), fleet.offers.get(slot.node)
    if rollout is None or offered is None or not rollout.owns(slot) or not rollout.policy.conduct.keeps_previous:
        return True
    is_said = any(offer.task.task == slot.task and offer.is_confirmed for offer in offered.offers)
    return is_said and status.offers_generation >= offered.generation


def _judge(fleet: Fleet, service: str) -> None:
    """Decide what the slots of a rollout mean for the whole, and let its next batch begin."""
    rollout = fleet.rollouts.get(service)
    if rollout is None:
        return
    counts = census(fleet, service)
    said = verdict(rollout, counts, _failed(fleet, rollout))
    if said.seen is None or (said.seen is RolloutSeen.ALL_SETTLED and counts.failed):
        after, of_batches = phases.go_on(fleet, rollout)
        if after is not rollout:
            put(fleet, after)
            patience.moved(fleet, service)
            rollout = after
        # What the whole tolerates may be too much for the last batch.
        said = of_batches if said.seen is None or of_batches.cause is Cause.FAILURES else said
    if said.seen is RolloutSeen.ROLL_BACK:
        said = replace(said, reason="; ".join(filter(None, (said.reason, _remedy(fleet, rollout)))))
    if said.seen is not None:
        is_anew = said.seen is RolloutSeen.MORE and rollout.state is RolloutState.DONE  # how it ended is over
        become(fleet, rollout, said.seen, said.reason or ("" if is_anew else rollout.reason), said.cause)


def _remedy(fleet: Fleet, rollout: Rollout) -> str:
    """What to do where a revision is taken back for want of its image alone: unlike a pause, no word of a node ends that."""
    tasks = sorted(fleet.slots.of("standing", (rollout.service, Standing.FAILED)))
    failed = [fleet.slots[task] for task in tasks if rollout.owns(fleet.slots[task])]
    if not failed or not all(slot.was_staging for slot in failed):
        return ""
    return (
        f"{failed[0].node} could not get its image{failed[0].reason and f' ({failed[0].reason})'}: "
        f"when that is corrected, `bramble restart {rollout.service}` tries it again"
    )


def _failed(fleet: Fleet, rollout: Rollout) -> int:
    """How many failed at what the rollout does now; what failed, or was lost, at something else says nothing about this."""
    standings = (Standing.FAILED, Standing.LOST) if rollout.policy.lost is LostAction.FAIL else (Standing.FAILED,)
    tasks = [task for one in standings for task in fleet.slots.of("standing", (rollout.service, one))]
    return sum(rollout.owns(fleet.slots[task]) for task in tasks)
