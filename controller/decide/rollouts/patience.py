"""How long a rollout may stand still: `progress_deadline`, on the controller's own monotonic clock.

The clock runs while the link is up and somebody who is there could go on; it begins anew with every task that settles, with every
batch and every word of an operator, and after every interruption. So a night without a network, or a fleet that is away, is no
failure. Who waits in its node for a window or a lock cannot go on, and neither can those who wait for places, or for room in their
groups, that nodes hold which went silent: `rollout status` says at once who holds them.
"""

from __future__ import annotations

from controller.decide.fleet import Fleet
from controller.decide.rollouts import budget, phases, precedence
from controller.decide.rollouts.census import census, of_batch
from controller.decide.rollouts.course import become
from controller.decide.rollouts.slot import GRANTING, Rollout, SlotState, Standing
from controller.decide.rollouts.verdict import failure
from protocol import durations

KIND = "progress"


def watch(fleet: Fleet, service: str, now_mono_s: float) -> None:
    """Start the clock of a rollout that could go on, and stop that of any other."""
    rollout = fleet.rollouts.get(service)
    if rollout is None or not rollout.policy.progress_s or not fleet.is_up or not could_go_on(fleet, rollout):
        fleet.deadlines.drop(KIND, service)
    elif not fleet.deadlines.has(KIND, service):
        fleet.deadlines.set(KIND, service, now_mono_s + rollout.policy.progress_s)


def moved(fleet: Fleet, service: str) -> None:
    """Something settled, or was decided: the clock begins anew."""
    fleet.deadlines.drop(KIND, service)
    fleet.unsettled.judged.add(service)


def link_up(fleet: Fleet) -> None:
    """We hear again: nothing is held against anybody for the time when we did not."""
    for state in GRANTING:
        for service in sorted(fleet.rollouts.of("state", state)):
            moved(fleet, service)


def over(fleet: Fleet, service: str, _: float) -> None:
    """The clock has run out."""
    rollout = fleet.rollouts.get(service)
    if rollout is None or not fleet.is_up or not could_go_on(fleet, rollout):
        return
    if _is_crowded_out(fleet, rollout):
        moved(fleet, service)
        return
    said = failure(
        rollout.policy,
        f"nothing settled for {durations.said(rollout.policy.progress_s)}, although nodes are there that could go on",
    )
    fleet.remark(service, said.reason)
    fleet.unsettled.judged.add(service)
    if said.seen is not None:
        become(fleet, rollout, said.seen, said.reason, said.cause)


def could_go_on(fleet: Fleet, rollout: Rollout) -> bool:
    """Whether anybody who is there tries, or could stage or begin."""
    if rollout.state not in GRANTING or precedence.objection(fleet, rollout):
        return False
    if census(fleet, rollout.service).trying:
        return True
    if budget.is_silenced(fleet, rollout):
        return False
    waits_there = rollout.policy.conduct.window is not None or rollout.policy.conduct.lock is not None
    if waits_there:
        staging = (fleet.slots[task] for task in fleet.slots.of("state", (rollout.service, SlotState.WAITING)))
        return any(not slot.is_away for slot in staging)
    if phases.under_way(rollout) is None:
        return census(fleet, rollout.service).open > 0
    return any(of_batch(fleet, rollout.service, number).open for number in range(rollout.batch + 1))


def _is_crowded_out(fleet: Fleet, rollout: Rollout) -> bool:
    """Whether whoever could begin has no room in its group. Looks at all who wait, and only when the clock has run out."""
    if rollout.policy.disruption is None or census(fleet, rollout.service).trying:
        return False
    waiting = (fleet.slots[task] for task in fleet.slots.of("standing", (rollout.service, Standing.OPEN)))
    begun = [slot for slot in waiting if phases.may_go(rollout, slot)]
    return bool(begun) and all(budget.crowded_out(fleet, rollout, slot) for slot in begun)
