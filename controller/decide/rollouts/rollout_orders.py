"""The orders about rollouts: each finds what it is about, has it done, and answers in one sentence.

What is done is decided in `steering`. A verb that fits the state no more, because it was given before, says so and is no failure.
"""

from __future__ import annotations

from collections.abc import Callable

from controller.decide import answers
from controller.decide.fleet import Fleet
from controller.decide.rollouts import pins, steering
from controller.decide.rollouts.slot import HOLDING, Slot, SlotState
from protocol.observed import Answer
from protocol.operator import OperatorOrder
from protocol.refusal import Refusal

NAME_CHARS = 100
"""Of whoever orders: a user and a host, with room; it is what he says of himself, and kept for years."""


def pause(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Grant nothing more; `arguments.reason` is told to whoever asks why."""
    reason = str(asked.arguments.get("reason", ""))
    return _steered(fleet, asked, lambda service: steering.pause(fleet, service, reason))


def resume(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Have it go on."""
    return _steered(fleet, asked, lambda service: steering.resume(fleet, service))


def confirm(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Let the next batch begin."""
    return _steered(fleet, asked, lambda service: steering.confirm(fleet, service))


def abort(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Take it back everywhere."""
    return _steered(fleet, asked, lambda service: steering.abort(fleet, service))


def override(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Have it mind no lock on one node; `arguments.by` is who wants it, for the history."""
    node = str(asked.arguments.get("node", ""))
    if node not in fleet.nodes:
        return answers.no_node(node)
    by = str(asked.arguments.get("by", ""))[:NAME_CHARS]
    who = f"an operator ({by})" if by else "an operator"
    return _steered(fleet, asked, lambda service: steering.override(fleet, service, node, who))


def pin(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Keep a node at what it runs of a service. While an update is tried there, nobody knows what that is."""
    service, node = asked.target, str(asked.arguments.get("node", ""))
    refused = no_service(fleet, asked) or (None if node in fleet.nodes else answers.no_node(node))
    if refused is not None:
        return refused
    found = [fleet.tasks[task] for task in fleet.tasks.of("node", node) if fleet.tasks[task].service == service]
    if not found:
        return answers.conflict(f"{node} runs no task of {service}")
    if any(_is_moving(fleet.slots.get(task.task)) for task in found):
        return answers.conflict(f"{node} is trying an update of {service}; pin it when that has ended")
    pins.put(fleet, service, node)
    said = f"{service} on {node} is {pins.reason(found[0])}; `bramble unpin {service} --node {node}` ends it"
    return Answer("", ok=True, message=said)


def unpin(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Have updates of a service reach a node again."""
    service, node = asked.target, str(asked.arguments.get("node", ""))
    refused = no_service(fleet, asked) or (None if node in fleet.nodes else answers.no_node(node))
    if refused is not None:
        return refused
    pins.drop(fleet, service, node)
    return Answer("", ok=True, message=f"{service} on {node} is not pinned; updates reach it")


def no_service(fleet: Fleet, asked: OperatorOrder) -> Answer | None:
    """The answer to an order about a service that is not there, or None."""
    if asked.target in fleet.catalogue.services:
        return None
    return answers.not_found(f"there is no service {asked.target!r}; write it as stack.service")


def _is_moving(slot: Slot | None) -> bool:
    """Whether a task's node is trying something, or has not heard yet that it may keep it."""
    return slot is not None and (slot.state in HOLDING or (slot.state is SlotState.SETTLED and not slot.is_kept))


def _steered(fleet: Fleet, asked: OperatorOrder, steer: Callable[[str], str | Refusal]) -> Answer:
    missing = no_service(fleet, asked)
    if missing is not None:
        return missing
    said = steer(asked.target)
    return answers.conflict(said.reason) if isinstance(said, Refusal) else Answer("", ok=True, message=said)
