"""The tables of the agent's machines: what they promise, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from agent.decide import invocation, task, trial
from agent.decide.invocation import State
from protocol.observed import OfferState, TaskState

MACHINES = [
    pytest.param(task.NEXT, TaskState, task.Seen, TaskState.ASSIGNED, id="task"),
    pytest.param(trial.NEXT, OfferState, trial.Seen, OfferState.STAGING, id="trial"),
    pytest.param(invocation.NEXT, State, invocation.Seen, State.PENDING, id="invocation"),
]
Table = Mapping[tuple[Any, Any], Any]


@pytest.mark.parametrize(("table", "states", "seen", "first"), MACHINES)
def test_every_state_can_be_reached_and_every_observation_counts(
    table: Table, states: type[StrEnum], seen: type[StrEnum], first: StrEnum
) -> None:
    """No state is dead, no observation is without meaning, and no entry leads to itself."""
    reached = {first} | set(table.values())
    assert reached == set(states)
    assert {observation for _, observation in table} == set(seen)
    assert all(after != before for (before, _), after in table.items())


@pytest.mark.parametrize("end", [OfferState.SETTLED, OfferState.FAILED])
def test_a_trial_ends_for_good(end: OfferState) -> None:
    """What was settled or failed stays so, whatever is seen; but what never had its image may yet get it."""
    assert {trial.advance(end, seen) for seen in trial.Seen if seen is not trial.Seen.CORRECTED} == {end}


@pytest.mark.parametrize("end", [State.DONE, State.FAILED, State.EXPIRED, State.SKIPPED])
def test_an_invocation_ends_for_good(end: State) -> None:
    """Done, failed, expired and skipped are ends."""
    assert {invocation.advance(end, seen) for seen in invocation.Seen} == {end}


def test_only_a_grant_starts_a_trial() -> None:
    """No observation but `granted`, in no state but `staged`, leads to `trying`."""
    ways = {
        (state, seen)
        for state, seen in product(OfferState, trial.Seen)
        if state is not OfferState.TRYING and trial.advance(state, seen) is OfferState.TRYING
    }
    assert ways == {(OfferState.STAGED, trial.Seen.GRANTED)}


def test_what_has_begun_does_not_expire() -> None:
    """`expired` is only for what never ran."""
    assert invocation.advance(State.DISPATCHED, invocation.Seen.TOO_LATE) is State.DISPATCHED
