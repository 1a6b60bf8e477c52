"""Which of two copies of a task stays when a node that was replaced has returned and been steady (Nomad's `reconcile`).

A copy that runs beats one that does not, and a copy of an older revision never comes back. Between two that run the service's
policy chooses. Pure: everything it needs stands in `Copies`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from protocol.stack import Reconcile


class Stays(StrEnum):
    """Which copy goes on; LATER is not to be said yet."""

    ORIGINAL = "original"
    REPLACEMENT = "replacement"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Copies:
    """The original and its replacement as they stand.

    `is_welcome`: nothing but its absence speaks against the original's node. `is_same_container`: the original was not begun anew
    while it was away. `is_better`: the scheduler would rather choose its node.
    """

    original_runs: bool
    replacement_runs: bool
    is_current: bool = True
    is_welcome: bool = True
    is_unsteady: bool = False
    is_same_container: bool = True
    is_better: bool = False


def stays(policy: Reconcile, copies: Copies) -> Stays:
    """Choose."""
    if not copies.is_current or not copies.is_welcome:
        return Stays.REPLACEMENT
    if copies.original_runs != copies.replacement_runs:
        return Stays.ORIGINAL if copies.original_runs else Stays.REPLACEMENT
    if copies.is_unsteady:
        return Stays.LATER if policy is Reconcile.KEEP_ORIGINAL else Stays.REPLACEMENT
    keeps_original = {
        Reconcile.KEEP_ORIGINAL: True,
        Reconcile.KEEP_REPLACEMENT: False,
        Reconcile.LONGEST_RUNNING: copies.is_same_container,
        Reconcile.BEST_SCORE: copies.is_better,
    }
    return Stays.ORIGINAL if keeps_original[policy] else Stays.REPLACEMENT
