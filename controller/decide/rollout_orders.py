"""The orders about rollouts: each finds what it is about, has it done, and answers in one sentence.

What is done is decided in `steering`. A verb that fits the state no more, because it was given before, says so and is no failure.
"""

from __future__ import annotations

from collections.abc import Callable

from controller.decide import answers, steering
from controller.decide.fleet import Fleet
from protocol.observed import Answer
from protocol.operator import OperatorOrder
from protocol.refusal import Refusal


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
    """Have it mind no lock on one node."""
    node = str(asked.arguments.get("node", ""))
    if node not in fleet.nodes:
        return answers.no_node(node)
    return _steered(fleet, asked, lambda service: steering.override(fleet, service, node))


def no_service(fleet: Fleet, asked: OperatorOrder) -> Answer | None:
    """The answer to an order about a service that is not there, or None."""
    if asked.target in fleet.catalogue.services:
        return None
    return answers.not_found(f"there is no service {asked.target!r}; write it as stack.service")


def _steered(fleet: Fleet, asked: OperatorOrder, steer: Callable[[str], str | Refusal]) -> Answer:
    missing = no_service(fleet, asked)
    if missing is not None:
        return missing
    said = steer(asked.target)
    return answers.conflict(said.reason) if isinstance(said, Refusal) else Answer("", ok=True, message=said)
