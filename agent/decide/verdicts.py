"""How a trial ends: it is settled, it has failed, or it is forgotten.

A settled trial overlays the assignment that it was measured against, and takes the place of an earlier one of the same task. A
failed one stays known, so that the same rollout does not try the same revision here again. What this process only remembered of a
trial goes with its end.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide.node import Node
from agent.decide.trial import Seen, Trial, advance
from protocol.observed import OfferState


def end(node: Node, trial: Trial, seen: Seen, reason: str) -> None:
    """Settle or fail."""
    forget(node, trial)
    state = advance(trial.state, seen)
    base, generation = assigned(node, trial), node.assignment.generation
    was_staging = trial.state is OfferState.STAGING and state is OfferState.FAILED
    ended = replace(
        trial, state=state, reason=reason, base=base, settled_generation=generation, was_staging=was_staging
    )
    node.trials.put(trial.key, ended)
    node.tally("trials", state)
    for other in node.trials.values():
        same_task = other.task == trial.task and other.key != trial.key
        if state is OfferState.SETTLED and same_task and other.state is OfferState.SETTLED:
            drop(node, other)


def drop(node: Node, trial: Trial) -> None:
    """Let go of a trial altogether."""
    node.trials.drop(trial.key)
    forget(node, trial)


def forget(node: Node, trial: Trial) -> None:
    """Forget what only this process knew of a trial."""
    node.asked.pop(trial.key, None)
    node.known.asked.pop(trial.key, None)
    node.watching.pop(trial.key, None)
    node.locks.pop(trial.key, None)
    node.remarks.pop(trial.key, None)


def assigned(node: Node, trial: Trial) -> str:
    """The content that the assignment has for a trial's task."""
    target = node.assigned.get(trial.task)
    return target.content if target is not None else ""
