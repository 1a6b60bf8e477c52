"""Which sensors, actuators and functions are in force: those of the assignment, or the ones that an offer brings with its revision.

What is offered is in force exactly while every task that changes with it is to be of its new revision, tried or kept: it comes in
the very commit in which the last of these trials begins, and goes in the one in which the first of them fails. So in no commit are
a stack's sections some of the new and some of the old, or new beside a task that is old. Nothing is stored for it: it follows from
the assignment and the trials, after a power cut too. Of what the assignment has taken over, it has the word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from agent.decide.target import Target
from agent.decide.trial import Trial
from protocol.desired import Assignment, Offer, Sections
from protocol.function import FunctionSpec
from protocol.observed import OfferState
from protocol.sections import joined, of_stacks, yielding

LIVE = (OfferState.STAGING, OfferState.STAGED, OfferState.TRYING, OfferState.SETTLED)
"""The states of a trial whose sections are needed, or may yet be."""


def in_force(assignment: Assignment, overlays: Iterable[Trial], targets: Mapping[str, Target]) -> Sections:
    """What is in force, given the trials that put another revision over the assignment's; of two that bring some, the newer."""
    brought = {
        trial.offer.task.stack: trial.offer.sections
        for trial in overlays
        if trial.offer.sections is not None and _are_all_new(trial.offer.sections, targets)
    }
    assigned = Sections(assignment.sensors, assignment.actuators, assignment.functions)
    if not brought:
        return assigned
    kept = {(one.stack, one.name): one.keep for one in assignment.functions}
    newer = joined(*(_keeping(sections, kept) for sections in brought.values()))
    return joined(yielding(of_stacks(assigned, lambda stack: stack not in brought), newer), newer)


def functions(assignment: Assignment, trials: Iterable[Trial]) -> Iterator[FunctionSpec]:
    """Every function that runs here, or may without another word of the controller."""
    yield from (one for one in assignment.functions if not one.is_away)
    yield from (function for trial in trials if trial.state in LIVE for function in brought(trial.offer))


def brought(offer: Offer) -> tuple[FunctionSpec, ...]:
    """The functions that come with an offer, to be run here."""
    return tuple(one for one in offer.sections.functions if not one.is_away) if offer.sections is not None else ()


def _keeping(sections: Sections, kept: Mapping[tuple[str, str], int]) -> Sections:
    """How many instances are kept ready is the assignment's word alone: an offer does not follow the load."""
    return replace(
        sections, functions=tuple(replace(f, keep=kept.get((f.stack, f.name), 0)) for f in sections.functions)
    )  # fmt: skip


def _are_all_new(sections: Sections, targets: Mapping[str, Target]) -> bool:
    found = {task: targets.get(task) for task in sections.revisions}
    return all(one is not None and one.spec.revision == sections.revisions[task] for task, one in found.items())
