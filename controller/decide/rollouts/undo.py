"""The orders about a service's history: what it was updated to, and back to one of those.

To go back is an ordinary update: the same budget, watched, and an absent node gets it when it returns. Ordered twice it changes
nothing; without a number it means the revision before the manifest's own, so a second order does not go forth again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from controller.decide import answers, force, manifests, scales
from controller.decide.fleet import Fleet
from controller.decide.records import Past, Undo
from controller.decide.rollouts import history
from controller.decide.rollouts.rollout_orders import no_service
from protocol.observed import Answer
from protocol.operator import OperatorOrder
from protocol.stack import Service, Stack


def rows(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """What a service was updated to, the newest first."""
    refused = no_service(fleet, asked)
    return refused or answers.rows([asdict(row) for row in history.shown(fleet, asked.target)])


def undo(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Have an earlier revision of a service in force."""
    refused = no_service(fleet, asked)
    if refused is not None:
        return refused
    key, row = asked.target, _meant(fleet, asked)
    if isinstance(row, Answer):
        return row
    if row.revision == fleet.catalogue.revisions[key]:
        return Answer("", ok=True, message=f"{key} is at number {row.number}, revision {row.revision}, already")
    refused = _go_back(fleet, key, row)
    if refused is not None:
        return refused
    said = f"{key} goes back to number {row.number}, revision {row.revision}, as an update, until its manifest changes"
    return Answer("", ok=True, message=said)


def _meant(fleet: Fleet, asked: OperatorOrder) -> Past | Answer:
    """The row that an order is about."""
    key, number = asked.target, asked.arguments.get("number")
    if number is None:
        undone = fleet.undos.get(key)
        if undone is not None:
            said = f"{key} has gone back to number {undone.number} already; name a number to go elsewhere"
            return Answer("", ok=True, message=said)
        return history.before(fleet, key) or answers.conflict(f"{key} has no earlier revision that was not taken back")
    if not isinstance(number, int) or isinstance(number, bool):
        return answers.refused("`number` is one of the history's")
    found = next((row for row in history.past(fleet, key) if row.number == number), None)
    return found or answers.not_found(
        f"{key} has no revision number {number}; `bramble rollout history {key}` lists them"
    )


def _go_back(fleet: Fleet, key: str, row: Past) -> Answer | None:
    """Put a revision in force; the manifest's own needs no word of an operator. What would not go together is refused."""
    stack = row.service.stack
    written = fleet.stacks[stack].stack
    assert written is not None, "its service is in force"
    before = fleet.undos.drop(key)
    plain = force.in_force(fleet, written).services[row.service.name]
    if plain.revision != row.revision:
        fingerprint = history.fingerprint(written.services[row.service.name])
        fleet.undos.put(key, Undo(key, row.number, row.service, scales.restarts(fleet, key), fingerprint))
    refused = next(_objections(fleet, force.in_force(fleet, written)), "")
    if not refused:
        force.enforce(fleet, stack)
        return None
    fleet.undos.drop(key)
    if before is not None:
        fleet.undos.put(key, before)
    return answers.conflict(f"{key} cannot go back to number {row.number}: {refused}")


def _objections(fleet: Fleet, stack: Stack) -> Iterator[str]:
    """What has come since that does not go with what was then: another stack's claim, or dependencies."""
    yield from (fault.reason for fault in manifests.conflicts(fleet, stack))
    for name, service in stack.services.items():
        for other in (dependency.service for dependency in service.depends_on):
            if other not in stack.services:
                yield f"it depends on {other!r}, which the stack does not have any more"
            elif name in _needed(stack.services, other):
                yield f"it depends on {other!r}, which depends on it now"


def _needed(services: Mapping[str, Service], name: str) -> set[str]:
    """Everything that a service depends on, by however many steps."""
    found: set[str] = set()
    open_names = [name]
    while open_names:
        service = services.get(open_names.pop())
        more = {dependency.service for dependency in service.depends_on} - found if service else set()
        found |= more
        open_names += more
    return found
