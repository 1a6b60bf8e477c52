"""Which batch of an update is under way, which tasks belong to it, and what comes after it.

A batch takes tasks in when it begins, and as their nodes return: those whose nodes pass its constraints and are there, in order of
name, up to `most`. Who is in stays in, unless its node goes away before it has begun. When every one of them that is seen has come
to its end, and enough of them are well, the next batch begins. The late lane needs no rule of its own: whoever returns or joins is
taken in by the first batch that has begun and wants it, and may go at once; after the last batch everybody may.

A batch all of whose nodes are away waits for any one of them, because nothing has been proved. One that is well enough without the
nodes that were lost while they tried goes on without them, and any other waits for them (with `lost: hold`); `confirm` goes on
without, in both. A batch that no node could ever be in is over as soon as it begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from controller.decide.fleet import Fleet
from controller.decide.placement import constraints
from controller.decide.rollouts.census import of_batch
from controller.decide.rollouts.slot import NO_BATCH, Cause, Rollout, RolloutSeen, RolloutState, Slot, Standing
from controller.decide.rollouts.verdict import BatchState, Verdict, failure
from controller.decide.rollouts.verdict import of_batch as state_of
from protocol.update import Batch, FailureAction

EVERYBODY = 2**31
"""The quota of a batch without `most`."""

NAMES_SHOWN = 5

CONFIRM = "`bramble rollout confirm {}` goes on"


@dataclass(frozen=True, slots=True)
class Awaited(Verdict):
    """The batch is over, and an operator's word is awaited."""

    @property
    def cause(self) -> Cause:
        """Nothing failed."""
        return Cause.PROMOTION


def may_go(rollout: Rollout, slot: Slot) -> bool:
    """Whether a task's batch has begun; a rollback has none."""
    return rollout.is_back or under_way(rollout) is None or slot.batch != NO_BATCH


def under_way(rollout: Rollout) -> Batch | None:
    """The batch that is under way; None before and after batches, when everybody may go."""
    batches = rollout.policy.batches
    return batches[rollout.batch] if rollout.batch < len(batches) else None


def title(rollout: Rollout) -> str:
    """What an operator reads of it."""
    batch = under_way(rollout)
    if batch is not None:
        return f"{batch.name} ({rollout.batch + 1} of {len(rollout.update.batches)})"
    return "the rest" if rollout.policy.batches and rollout.state is not RolloutState.DONE else ""


def admit(fleet: Fleet, rollout: Rollout, slot: Slot) -> Slot:
    """Take a task into the first batch that has begun and wants it, if its node is there."""
    if rollout.is_back or slot.batch != NO_BATCH or slot.is_away:
        return slot
    for number, quota in enumerate(rollout.quotas):
        has_room = of_batch(fleet, rollout.service, number).total < quota
        if has_room and passes(fleet, rollout.update.batches[number], slot.node):
            return replace(slot, batch=number)
    return slot


def go_on(fleet: Fleet, rollout: Rollout) -> tuple[Rollout, Verdict]:
    """End batches that are over and begin the next, until one of them is under way or awaits a word."""
    while rollout.state is RolloutState.ROLLING and (batch := under_way(rollout)) is not None:
        if len(rollout.quotas) <= rollout.batch:
            rollout = _begin(fleet, rollout, batch)
        said = _judge(fleet, rollout, batch)
        if said is not None:
            return rollout, said
        rollout = replace(rollout, batch=rollout.batch + 1)
    return rollout, Verdict()


def held_up(fleet: Fleet, rollout: Rollout) -> str:
    """For whom a batch waits if for nobody who is there, and what an operator can do; empty for any other."""
    batch, whom = under_way(rollout), holder(fleet, rollout)
    return f"{batch.name} waits for {whom}; {CONFIRM.format(rollout.service)} without them" if batch and whom else ""


def holder(fleet: Fleet, rollout: Rollout) -> str:
    """Whom a batch has to wait for that are not there; empty where it waits for somebody who is, or an operator left them out."""
    batch = under_way(rollout)
    if rollout.state is not RolloutState.ROLLING or batch is None or rollout.confirmed > rollout.batch:
        return ""
    match state_of(batch, of_batch(fleet, rollout.service, rollout.batch), rollout.update.lost):
        case BatchState.UNSEEN:
            return "any one of its nodes, which are all away"
        case BatchState.HELD:
            lost = fleet.slots.of("batch", (rollout.service, rollout.batch, Standing.LOST))
            return f"{named(fleet, lost)}, lost while trying it"
    return ""


def named(fleet: Fleet, tasks: Iterable[str]) -> str:
    """The nodes of some tasks, as many as a person reads."""
    nodes = sorted({fleet.slots[task].node for task in tasks})
    more = f" and {len(nodes) - NAMES_SHOWN} more" if len(nodes) > NAMES_SHOWN else ""
    return f"{', '.join(nodes[:NAMES_SHOWN])}{more}"


def passes(fleet: Fleet, batch: Batch, node: str) -> bool:
    """Whether a node is one of those that a batch is about."""
    found = fleet.nodes.get(node)
    return found is not None and not constraints.objections(batch.nodes, found)


def chosen(slots: Iterable[Slot], quota: int) -> list[Slot]:
    """Whom a batch takes in as it begins: those whose nodes are there, in order of name."""
    return sorted((slot for slot in slots if slot.batch == NO_BATCH and not slot.is_away), key=lambda slot: slot.task)[
        :quota
    ]


def _begin(fleet: Fleet, rollout: Rollout, batch: Batch) -> Rollout:
    """Fix how many it is about, and take in whoever is there."""
    quota = EVERYBODY if batch.most is None else batch.most.of(len(_about(fleet, rollout, batch)))
    rollout = replace(rollout, quotas=(*rollout.quotas, quota))
    _take_in(fleet, rollout, batch)
    return rollout


def _take_in(fleet: Fleet, rollout: Rollout, batch: Batch) -> bool:
    """Fill a batch of which nobody is to be seen; whether there is anybody it could wait for."""
    about = _about(fleet, rollout, batch)
    for slot in chosen(about, rollout.quotas[rollout.batch]):
        fleet.slots.put(slot.task, replace(slot, batch=rollout.batch))
    return bool(about) and rollout.quotas[rollout.batch] > 0


def _about(fleet: Fleet, rollout: Rollout, batch: Batch) -> list[Slot]:
    slots = (fleet.slots[task] for task in fleet.slots.of("service", rollout.service))
    return [slot for slot in slots if slot.batch == NO_BATCH and passes(fleet, batch, slot.node)]


def _judge(fleet: Fleet, rollout: Rollout, batch: Batch) -> Verdict | None:
    """What keeps this batch from ending; None if nothing does."""
    counts, command = of_batch(fleet, rollout.service, rollout.batch), CONFIRM.format(rollout.service)
    match _state(fleet, rollout, batch):
        case BatchState.FAILED if rollout.update.failure_action is not FailureAction.CONTINUE:
            failed, share = counts.failures(rollout.update.lost), f"{batch.success:.1%}" if batch.success < 1 else "all"
            return failure(rollout.update, f"{failed} of {counts.seen} of {batch.name} failed; {share} must be well")
        case BatchState.UNDER_WAY | BatchState.UNSEEN:
            return Verdict()
        case BatchState.HELD if rollout.confirmed <= rollout.batch:
            return Verdict()
        case BatchState.FAILED if counts.awaited:
            return Verdict()
    if batch.is_confirmed_by_hand and rollout.confirmed <= rollout.batch and counts.total:
        return Awaited(
            RolloutSeen.AWAITED, f"{batch.name} is over: {counts.settled} of {counts.seen} are well; {command}"
        )
    return None


def _state(fleet: Fleet, rollout: Rollout, batch: Batch) -> BatchState:
    lost = rollout.update.lost
    state = state_of(batch, of_batch(fleet, rollout.service, rollout.batch), lost)
    if state is not BatchState.UNSEEN:
        return state
    if rollout.confirmed > rollout.batch or not _take_in(fleet, rollout, batch):
        return BatchState.OVER
    return state_of(batch, of_batch(fleet, rollout.service, rollout.batch), lost)
