"""What the counts of a rollout mean for the whole: go on, done, or failed, and then what its failure action makes of that.

Thresholds are shares of the tasks that were *seen*: who is away neither dilutes a failure nor holds up a success. With `lost: fail`
a task whose node went silent in the middle counts as failed, and keeps its place all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.decide.rollouts.census import Census
from controller.decide.rollouts.slot import ENDED, Cause, Rollout, RolloutSeen
from protocol.update import Batch, FailureAction, LostAction, Update

EPSILON = 1e-9
"""Shares are not exact: 95 % of 20 must tolerate one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was seen, if anything, and why."""

    seen: RolloutSeen | None = None
    reason: str = ""

    @property
    def cause(self) -> Cause:
        """Why it is paused, if it is."""
        return Cause.FAILURES if self.reason else Cause.NONE


class BatchState(StrEnum):
    """How a batch stands."""

    UNDER_WAY = "under way"
    OVER = "over"
    FAILED = "failed"
    UNSEEN = "unseen"


def verdict(rollout: Rollout, counts: Census, failed: int) -> Verdict:
    """Judge a rollout by all its tasks; `failed` of them failed at what it does now."""
    is_too_many = failed > rollout.policy.max_failure_ratio * counts.seen + EPSILON
    is_over = counts.settled + (counts.failed if rollout.is_back else 0) == counts.total
    is_halted = is_too_many and rollout.policy.failure_action is FailureAction.PAUSE
    if is_over and not is_halted:
        return Verdict(RolloutSeen.ALL_BACK if rollout.is_back else RolloutSeen.ALL_SETTLED)
    if rollout.state in ENDED:
        return Verdict(RolloutSeen.MORE)
    if not is_too_many:
        return Verdict()
    tolerated = f"{rollout.policy.max_failure_ratio:g} of them is tolerated"
    return failure(rollout.policy, f"{failed} of {counts.seen} that were seen failed; {tolerated}")


def failure(policy: Update, reason: str) -> Verdict:
    """What a rollout does that has failed."""
    action = {FailureAction.PAUSE: RolloutSeen.PAUSE, FailureAction.ROLLBACK: RolloutSeen.ROLL_BACK}
    return Verdict(action.get(policy.failure_action), reason)


def of_batch(batch: Batch, counts: Census, lost: LostAction) -> BatchState:
    """Judge one batch: it has failed as soon as it cannot succeed any more, and is over when nobody's end is awaited.

    A batch of which nobody has been seen has proved nothing, so it is not over: nothing goes on to other nodes on its account.
    """
    failed, busy = counts.failures(lost), counts.busy(lost)
    seen = counts.settled + failed + busy
    if failed > (1 - batch.success) * seen + EPSILON:
        return BatchState.FAILED
    if busy:
        return BatchState.UNDER_WAY
    return BatchState.OVER if seen or counts.forgiven else BatchState.UNSEEN
