"""Answers the nodes that ask whether they may try what they have staged; what else waits, and for what, is said here too.

A request that finds no room waits for it in the order of asking, for half of the time that a grant is good: the other half is the
answer's way. So the next one begins as soon as the last one is done. A request that is forgotten costs nothing: its node asks
again.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from controller.decide.fleet import Fleet
from controller.decide.presence import Presence
from controller.decide.records import stack_of
from controller.decide.rollouts import budget, early, phases, precedence
from controller.decide.rollouts.course import move
from controller.decide.rollouts.slot import GRANTING, HALTED, HOLDING, OPEN, Rollout, Slot, SlotSeen, SlotState
from controller.decide.unsettled import Waiting
from protocol.desired import Grant
from protocol.observed import Request
from protocol.topics import GrantTopic

KIND = "delay"
"""Wakes a service when the delay after its last task is over."""

WAITS_RATIO = 0.5
"""How much of the time for which a grant is good a request may wait for room."""


LOOKED_AT_MOST = 100
"""Of those that wait, in one turn: where groups are crowded a whole fleet may wait, and whoever asks is looked at anyhow."""


def answer(fleet: Fleet, changed: set[str], now_mono_s: float) -> None:
    """Answer who asked in this turn, and who waits for room where something changed."""
    asked: dict[str, list[str]] = {}
    requests, fleet.requests = fleet.requests, []
    until_mono_s = now_mono_s + fleet.terms.grant_valid_s * WAITS_RATIO
    for service in sorted(changed & fleet.early.keys()):
        early.let_in(fleet, service, now_mono_s)
    for node, request in requests:
        slot = _asks_for(fleet, node, request)
        if slot is None:
            continue
        if slot.state in HOLDING:
            changed.add(slot.service)
            _grant(fleet, slot, request)
            continue
        fleet.tally("requests", "waiting")
        one, rollout = Waiting(node, request, until_mono_s), fleet.rollouts[slot.service]
        if early.may_go(rollout, slot):
            changed.add(slot.service)
            asked.setdefault(slot.service, []).append(slot.task)
            fleet.waiting.setdefault(slot.service, {})[slot.task] = one
        else:
            early.keep(fleet, rollout, one)
    stacks = {stack_of(service) for service in changed}  # a service may have waited for another of its stack
    for service in sorted(service for service in fleet.waiting if stack_of(service) in stacks):
        _serve(fleet, service, asked.get(service, []), now_mono_s)


def obstacle(fleet: Fleet, rollout: Rollout, now_mono_s: float) -> str:
    """Why nothing of a service may begin now; empty if something may."""
    if rollout.state not in GRANTING:
        return rollout.reason or f"the rollout is {rollout.state}"
    return precedence.objection(fleet, rollout) or budget.full(fleet, rollout, now_mono_s)


def wait(fleet: Fleet, slot: Slot, now_mono_s: float) -> str:
    """For what a task waits, in one sentence; empty for one that waits for nothing."""
    rollout, status = fleet.rollouts[slot.service], fleet.statuses.get(slot.node)
    if slot.state not in OPEN:
        return slot.reason or _TRIES.get(slot.state, "")
    if slot.is_away:
        return "its node is away; it is updated when it returns"
    if rollout.state not in GRANTING:
        return obstacle(fleet, rollout, now_mono_s)
    if not phases.may_go(rollout, slot):
        held_up = phases.held_up(fleet, rollout)
        return f"waits for its batch: {phases.title(rollout)} goes first{f'; {held_up}' if held_up else ''}"
    said = {(offer.rollout, offer.task): offer.reason for offer in status.offers} if status else {}
    if slot.state is SlotState.WAITING:
        return said.get((slot.wave, slot.task)) or "its node has not got the image yet"
    blocked = obstacle(fleet, rollout, now_mono_s)
    blocked = blocked or budget.crowded_out(fleet, rollout, slot)
    return blocked or said.get((slot.wave, slot.task)) or "may begin as soon as its node asks"


_TRIES = {
    SlotState.GRANTED: "its node is trying it",
    SlotState.LOST: "its node went silent while it was trying; it keeps its place until it reports",
}


def _asks_for(fleet: Fleet, node: str, request: Request) -> Slot | None:
    """The slot that a request is about, if its rollout still wants it."""
    slot = fleet.slots.get(request.task)
    if slot is None or (slot.node, slot.wave, slot.revision) != (node, request.rollout, request.revision):
        fleet.tally("requests", "stale")
        return None
    rollout = fleet.rollouts[slot.service]
    is_wanted = rollout.owns(slot) and not slot.withdrawn_at and rollout.state in (*GRANTING, *HALTED)
    if not is_wanted or slot.state not in (*OPEN, *HOLDING) or (slot.state in HOLDING and rollout.state in HALTED):
        fleet.tally("requests", "refused")
        return None
    return slot


def _serve(fleet: Fleet, service: str, asked: list[str], now_mono_s: float) -> None:
    """Grant what may begin now, in the order of asking."""
    waiting = fleet.waiting[service]
    for task in dict.fromkeys([*islice(waiting, LOOKED_AT_MOST), *asked]):
        one = waiting[task]
        slot, rollout = fleet.slots.get(task), fleet.rollouts.get(service)
        is_young = now_mono_s <= one.until_mono_s and slot is not None and slot.node == one.node
        if slot is None or rollout is None or not is_young or not _is_still_so(fleet, rollout, slot, one.request):
            del waiting[task]
        elif obstacle(fleet, rollout, now_mono_s):
            _wake(fleet, rollout, now_mono_s)
            break
        elif not budget.crowded_out(fleet, rollout, slot):
            del waiting[task]
            _grant(fleet, slot, one.request)
    if not waiting:
        del fleet.waiting[service]


def _is_still_so(fleet: Fleet, rollout: Rollout, slot: Slot, request: Request) -> bool:
    """Whether its node, too, is still there: one that has gone since it asked would take a place, and asks again when it is back.

    It counts as out of work already, so its group's budget would not hold it back, and it may run well where nobody sees it.
    """
    is_here = fleet.presence(slot.node) is Presence.ONLINE
    return is_here and early.is_about(rollout, slot, request) and phases.may_go(rollout, slot)


def _wake(fleet: Fleet, rollout: Rollout, now_mono_s: float) -> None:
    free_mono_s = budget.free_mono_s(fleet, rollout)
    if rollout.state in GRANTING and now_mono_s < free_mono_s:
        fleet.deadlines.set(KIND, rollout.service, free_mono_s)


def _grant(fleet: Fleet, slot: Slot, request: Request) -> None:
    """The slot is durable before this is sent; granted again, it takes no more room."""
    fleet.slots.put(slot.task, replace(slot, nonce=request.nonce))
    for seen in (SlotSeen.HEARD, SlotSeen.GRANTED):
        move(fleet, fleet.slots[slot.task], seen, "")
    fleet.tally("requests", "granted")
    epoch = fleet.epoch_of(slot.node)
    grant = Grant(request.task, request.revision, request.nonce, fleet.terms.grant_valid_s, epoch)
    fleet.say(GrantTopic(fleet.name, slot.node), grant)
