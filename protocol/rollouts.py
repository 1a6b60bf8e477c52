"""What operators read of updates: how far one is, what was before it, and what a manifest would set going."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lane:
    """One task of a rollout on its node: the state of its slot, and what it waits for in one sentence."""

    task: str
    node: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """How far an update is. `updated + failed + unseen + in_progress` is the number of tasks it is about.

    `phase` names the batch under way; `lanes` are given only where they were asked for. `paused_by` is `hand`, `failures` or
    `promotion` while it is paused: an operator, what failed, or a batch that waits to be confirmed.
    """

    id: str
    service: str
    revision: str
    state: str
    updated: int = 0
    failed: int = 0
    unseen: int = 0
    in_progress: int = 0
    report: str = ""
    reasons: tuple[str, ...] = ()
    previous: str = ""
    phase: str = ""
    lanes: tuple[Lane, ...] = ()
    paused_by: str = ""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One revision that a service was updated to; `number` counts them, `state` is what became of the rollout, or `present`.

    `notes` are the last locks that were overridden meanwhile: the task or service, its node, by its `at_most` or by whom, and when
    by the controller's wall clock.
    """

    number: int
    revision: str
    image: str
    state: str
    reason: str = ""
    at: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanRow:
    """What a manifest would change of one service on one node. `pull_bytes` is None where the registry does not say."""

    node: str
    service: str
    change: str
    details: tuple[str, ...] = ()
    pull_bytes: int | None = None
    disk_free_bytes: int | None = None
    waits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to `plan`. In `likely_s` seconds 95 % of the tasks will probably be done; None where nothing is known.

    An answer holds a page of rows. `total` rows are on all pages, about so many `nodes`, with `pull_bytes` to pull and `unknown`
    rows of which nobody knows; where a page is not the last, `next` is the row that begins the one after it, and `plan` names the
    plan.
    """

    rows: tuple[PlanRow, ...]
    likely_s: float | None = None
    reasons: tuple[str, ...] = ()
    total: int = 0
    nodes: int = 0
    pull_bytes: int = 0
    unknown: int = 0
    plan: str = ""
    next: int = 0
