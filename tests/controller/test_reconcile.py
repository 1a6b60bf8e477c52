"""Which of two copies stays, as a table."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from controller.decide.placement.reconcile import Copies, Stays, stays
from protocol.stack import Reconcile

BOTH = Copies(original_runs=True, replacement_runs=True)


@pytest.mark.parametrize(
    ("policy", "copies", "expected"),
    [
        (Reconcile.KEEP_ORIGINAL, BOTH, Stays.ORIGINAL),
        (Reconcile.KEEP_REPLACEMENT, BOTH, Stays.REPLACEMENT),
        (Reconcile.LONGEST_RUNNING, BOTH, Stays.ORIGINAL),
        (Reconcile.LONGEST_RUNNING, replace(BOTH, is_same_container=False), Stays.REPLACEMENT),
        (Reconcile.BEST_SCORE, replace(BOTH, is_better=True), Stays.ORIGINAL),
        (Reconcile.BEST_SCORE, BOTH, Stays.REPLACEMENT),
        (Reconcile.KEEP_ORIGINAL, replace(BOTH, is_unsteady=True), Stays.LATER),
        (Reconcile.BEST_SCORE, replace(BOTH, is_unsteady=True, is_better=True), Stays.REPLACEMENT),
        (Reconcile.LONGEST_RUNNING, replace(BOTH, is_unsteady=True), Stays.REPLACEMENT),
        (Reconcile.KEEP_ORIGINAL, replace(BOTH, original_runs=False), Stays.REPLACEMENT),
        (Reconcile.KEEP_REPLACEMENT, replace(BOTH, replacement_runs=False), Stays.ORIGINAL),
        (Reconcile.KEEP_ORIGINAL, replace(BOTH, original_runs=False, replacement_runs=False), Stays.ORIGINAL),
        (Reconcile.KEEP_REPLACEMENT, replace(BOTH, original_runs=False, replacement_runs=False), Stays.REPLACEMENT),
    ],
)
def test_the_policy_chooses_between_two_that_run(policy: Reconcile, copies: Copies, expected: Stays) -> None:
    """And what runs beats what does not."""
    assert stays(policy, copies) is expected


@pytest.mark.parametrize("policy", Reconcile)
@pytest.mark.parametrize("spoiled", ["is_current", "is_welcome"])
def test_an_original_that_is_outdated_or_unwelcome_never_stays(policy: Reconcile, spoiled: str) -> None:
    """Whatever else is true of the two."""
    for runs, other, better in itertools.product((True, False), repeat=3):
        copies = Copies(runs, other, is_better=better)
        assert stays(policy, replace(copies, **{spoiled: False})) is Stays.REPLACEMENT
