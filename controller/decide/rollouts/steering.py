"""What an operator may do to a rollout: pause it, have it go on, confirm a batch, take it all back, override a lock.

Each verb is a function of the fleet and gives one sentence of what came of it, or a refusal that says which verb is the right one.
Given twice it changes nothing the second time. None of them takes a place in the budget away: what a node is trying it goes on
trying, and its own report frees the place.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide.fleet import Fleet
from controller.decide.rollouts import history, patience, phases
from controller.decide.rollouts.census import census
from controller.decide.rollouts.course import become
from controller.decide.rollouts.course import put as _put
from controller.decide.rollouts.slot import (
    ENDED,
    HALTED,
    OPEN,
    Cause,
    Rollout,
    RolloutSeen,
    RolloutState,
    SlotState,
)
from protocol.refusal import Refusal

CONFIRM = "bramble rollout confirm {}"
RESUME = "bramble rollout resume {}"


def pause(fleet: Fleet, service: str, reason: str = "") -> str | Refusal:
    """Grant nothing more, until it is resumed; what is being tried is tried to its end."""
    rollout = fleet.rollouts.get(service)
    if rollout is None or rollout.state in ENDED:
        return _nothing(service, rollout, "to pause")
    if rollout.paused_by in (Cause.HAND, Cause.FAILURES):
        return f"the rollout of {service} is paused already, and goes on when it is resumed"
    said = f"an operator paused it{f': {reason}' if reason else ''}; `{RESUME.format(service)}` has it go on"
    if rollout.state in HALTED:
        _put(fleet, replace(rollout, paused_by=Cause.HAND, reason=said))
        return f"the rollout of {service} waited for a confirmation, and goes on only when it is resumed"
    become(fleet, rollout, RolloutSeen.HELD, said, Cause.HAND)
    return f"the rollout of {service} is paused; what is being tried is tried to its end"


def resume(fleet: Fleet, service: str) -> str | Refusal:
    """Go on. What failed is forgiven, and tried again under another name; who is lost does not count as failed any more."""
    rollout = fleet.rollouts.get(service)
    is_done = rollout is not None and rollout.state is RolloutState.DONE and census(fleet, service).failed > 0
    if rollout is None or (rollout.state in ENDED and not is_done):
        return _nothing(service, rollout, "to resume")
    if rollout.state not in (*HALTED, *ENDED):
        return f"the rollout of {service} is going on already"
    if rollout.paused_by is Cause.PROMOTION:
        return Refusal(f"{rollout.reason}")
    forgiven = _forgive(fleet, rollout) if is_done or rollout.paused_by is Cause.FAILURES else 0
    become(fleet, fleet.rollouts[service], RolloutSeen.RESUMED, "")
    patience.moved(fleet, service)
    again = f"; {forgiven} that failed or are lost are tried again" if forgiven else ""
    return f"the rollout of {service} goes on{again}"


def confirm(fleet: Fleet, service: str) -> str | Refusal:
    """Let the next batch begin, or, when all are done, let the nodes remove what they kept of the revision before."""
    rollout = fleet.rollouts.get(service)
    if rollout is None:
        return _nothing(service, rollout, "to confirm")
    if rollout.paused_by is Cause.PROMOTION:
        name = rollout.update.batches[rollout.batch].name
        _put(fleet, replace(rollout, confirmed=rollout.batch + 1))
        become(fleet, fleet.rollouts[service], RolloutSeen.CONFIRMED, "")
        patience.moved(fleet, service)
        return f"{name} is confirmed; the rollout of {service} goes on"
    if whom := phases.holder(fleet, rollout):
        batch = rollout.update.batches[rollout.batch]
        _put(fleet, replace(rollout, confirmed=rollout.batch + 1))
        patience.moved(fleet, service)
        return f"{batch.name} waits no more for {whom}; the rollout of {service} goes on"
    if rollout.state is RolloutState.DONE and rollout.update.conduct.keeps_previous:
        return _let_go(fleet, rollout)
    return f"nothing of the rollout of {service} waits to be confirmed"


def abort(fleet: Fleet, service: str) -> str | Refusal:
    """Take the revision back wherever it is, under the budget of a rollback."""
    rollout = fleet.rollouts.get(service)
    if rollout is not None and rollout.is_back:
        return f"the rollout of {service} is {_AS_IS[rollout.state]} already"
    is_open = rollout is not None and (rollout.state is not RolloutState.DONE or _keeps(rollout))
    if rollout is None or not is_open:
        return Refusal(
            f"{service} is not being updated; `bramble rollout undo {service}` goes back to the revision before"
        )
    become(fleet, rollout, RolloutSeen.ABORTED, "an operator aborted it")
    return f"the rollout of {service} is taken back; {service} returns to {rollout.previous}"


def override(fleet: Fleet, service: str, node: str, who: str) -> str | Refusal:
    """Have the update of a service on one node mind no lock, as long as this rollout lasts. `who` said so stands in the history."""
    slots = [fleet.slots[task] for task in sorted(fleet.slots.of("node", node)) if fleet.slots[task].service == service]
    waiting = [slot for slot in slots if slot.state in (*OPEN, SlotState.GRANTED, SlotState.LOST)]
    if not waiting:
        return Refusal(f"no update of {service} waits on {node}")
    if all(slot.overrides_lock for slot in waiting):
        return f"the update of {service} on {node} minds no lock already"
    for slot in waiting:
        fleet.slots.put(slot.task, replace(slot, overrides_lock=True))
    fleet.unsettled.offers.add(node)
    fleet.remark(service, f"{who} overrides the lock on {node}")
    history.remember(fleet, service, f"{service} on {node}: {who} overrode the lock")
    return f"the update of {service} on {node} minds no lock"


def _keeps(rollout: Rollout) -> bool:
    """Whether nodes still keep what was before."""
    return rollout.update.conduct.keeps_previous and not rollout.is_confirmed


def _let_go(fleet: Fleet, rollout: Rollout) -> str:
    if rollout.is_confirmed:
        return f"the rollout of {rollout.service} is confirmed already"
    _put(fleet, replace(rollout, is_confirmed=True))
    fleet.unsettled.offers |= {fleet.slots[task].node for task in fleet.slots.of("service", rollout.service)}
    return f"the rollout of {rollout.service} is confirmed; nodes remove what they kept of {rollout.previous}"


def _forgive(fleet: Fleet, rollout: Rollout) -> int:
    """Have what failed tried again, under a name that its nodes have not seen, and count who is lost no more as failed."""
    after = replace(rollout, attempt=rollout.attempt + 1)
    _put(fleet, after)
    count = 0
    for task in sorted(fleet.slots.of("service", rollout.service)):
        slot = fleet.slots[task]
        if slot.state is SlotState.FAILED and rollout.owns(slot):
            fresh = replace(
                slot,
                state=SlotState.WAITING,
                wave=after.wave,
                reason="",
                withdrawn_at=0,
                was_staging=False,
                has_overridden=False,
            )
            fleet.slots.put(task, fresh)
        elif slot.state is SlotState.LOST and not slot.is_forgiven:
            fleet.slots.put(task, replace(slot, is_forgiven=True))
        else:
            continue
        count += 1
        fleet.unsettled.offers.add(slot.node)
    return count


def _nothing(service: str, rollout: Rollout | None, what: str) -> Refusal:
    said = f"it is {_AS_IS[rollout.state]}" if rollout else "it is not being updated"
    return Refusal(f"there is nothing {what} of {service}: {said}")


_AS_IS = {
    RolloutState.DONE: "done",
    RolloutState.ROLLING_BACK: "being taken back",
    RolloutState.ROLLBACK_PAUSED: "being taken back",
    RolloutState.ROLLED_BACK: "rolled back",
}
