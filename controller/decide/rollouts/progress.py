"""The answer to `rollout-status`: how far updates are, with a lane for each task and what it waits for.

A question of people, so it may look at a whole service; its lanes are as many as an answer holds, the troubled ones first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace

from controller.decide import answers, brief
from controller.decide.fleet import Fleet
from controller.decide.report import rollout_status
from controller.decide.rollouts import granting, pins
from controller.decide.rollouts.slot import Rollout, SlotState
from protocol.ids import service_key
from protocol.observed import Answer
from protocol.operator import OperatorOrder
from protocol.rollouts import Lane, RolloutStatus
from protocol.shapes import write

TROUBLED = (
    SlotState.FAILED,
    SlotState.LOST,
    SlotState.GRANTED,
    SlotState.STAGED,
    SlotState.WAITING,
    SlotState.SETTLED,
)  # fmt: skip
"""What a person looks for first; where not all lanes fit, those at the end are left out."""

AWAITED, LOOKED_UP = "awaited", "its manifest is accepted; its images are looked up at their registries"
"""The state of what is no rollout yet, and why."""

PINNED = "pinned"
"""The state of a task that has no slot."""


def status(fleet: Fleet, asked: OperatorOrder, now_mono_s: float) -> Answer:
    """How far the update of a service is, or those of a stack, or all."""
    services, awaited = answers.services_of(fleet, asked.target), list(_awaited(fleet, asked.target))
    if not services and not awaited and answers.is_nothing(fleet, asked.target):
        return answers.not_found(f"there is no stack or service {asked.target!r}")
    coming = {row.service for row in awaited}
    keys = [service_key(service.stack, service.name) for service in services]
    found = [fleet.rollouts[key] for key in keys if key in fleet.rollouts and key not in coming]
    room_bytes = brief.ROOM_BYTES // max(1, len(found))
    shown = [with_lanes(fleet, rollout, now_mono_s, room_bytes) for rollout in found]
    return answers.rows([asdict(row) for row in (*shown, *awaited)])


def _awaited(fleet: Fleet, target: str) -> Iterator[RolloutStatus]:
    """The services whose update, if it is one, begins when their images have been looked up."""
    for name in sorted(fleet.stacks):
        stack = fleet.stacks[name].awaited
        for key in [service_key(name, service) for service in stack.services] if stack else ():
            if target in ("", name, key):
                yield RolloutStatus("", key, fleet.catalogue.revisions.get(key, ""), AWAITED, report=LOOKED_UP)


def lanes(fleet: Fleet, rollout: Rollout, now_mono_s: float) -> Iterator[Lane]:
    """One lane per task of a rollout, the troubled ones first; what a lane waits for is worked out when it is asked for."""
    slots = [fleet.slots[task] for task in sorted(fleet.slots.of("service", rollout.service))]
    slots.sort(key=lambda slot: TROUBLED.index(slot.state))
    for slot in slots:
        yield Lane(slot.task, slot.node, slot.state, granting.wait(fleet, slot, now_mono_s))
    for task in pins.tasks(fleet, rollout.service):
        if task.task not in fleet.slots:
            yield Lane(task.task, task.node, PINNED, pins.reason(task))


def with_lanes(fleet: Fleet, rollout: Rollout, now_mono_s: float, room_bytes: int) -> RolloutStatus:
    """The status with as many lanes as there is room for."""
    whole = rollout_status(fleet, rollout)
    room_bytes -= len(write(whole)) + 1
    shown: list[Lane] = []
    for lane in lanes(fleet, rollout, now_mono_s):
        room_bytes -= len(write(asdict(lane))) + 1
        if room_bytes < 0:
            break
        shown.append(lane)
    kept = sum(task.task not in fleet.slots for task in pins.tasks(fleet, rollout.service))
    left_out = len(fleet.slots.of("service", rollout.service)) + kept - len(shown)
    reasons = (*whole.reasons, f"{left_out} more lanes are not shown") if left_out else whole.reasons
    return replace(whole, lanes=tuple(shown), reasons=reasons)
