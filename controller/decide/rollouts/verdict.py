"""What the counts of a rollout mean for the whole: go on, done, or failed, and then what its failure action makes of that.

Thresholds are shares of the tasks that were *seen*: who is away neither dilutes a failure nor holds up a success. With `lost: fail`
a task whose node went silent in the middle counts as failed, and keeps its place all the same. A rollout is done when nobody's
end is awaited, also with failures that are tolerated, if anything runs the revision at all.
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
    HELD = "held"
    OVER = "over"
    FAILED = "failed"
    UNSEEN = "unseen"


def verdict(rollout: Rollout, counts: Census, failed: int) -> Verdict:
    """Judge a rollout by all its tasks; `failed` of them failed at what it does now."""
    is_too_many = failed > rollout.policy.max_failure_ratio * counts.seen + EPSILON
    is_over = counts.settled + counts.failed == counts.total
    if is_over and (rollout.state in ENDED or _is_borne(rollout, counts, is_too_many=is_too_many)):
        return Verdict(RolloutSeen.ALL_BACK) if rollout.is_back else _done(rollout, counts)
    if rollout.state in ENDED:
        return Verdict(RolloutSeen.MORE)
    if is_over and not counts.settled and not rollout.is_back:
        return _nowhere(rollout, counts)
    if not is_too_many:
        return Verdict()
    tolerated = f"{rollout.policy.max_failure_ratio:g} of them is tolerated"
    return failure(rollout.policy, f"{failed} of {counts.seen} that were seen failed; {tolerated}")


def _is_borne(rollout: Rollout, counts: Census, *, is_too_many: bool) -> bool:
    """Whether a rollout may end with what failed. After a pause because of failures, an operator says what becomes of them."""
    if rollout.is_back:
        return not is_too_many or rollout.policy.failure_action is FailureAction.CONTINUE
    if not counts.failed:
        return True
    if rollout.paused_by is Cause.FAILURES or not counts.settled:
        return False
    return not is_too_many or rollout.policy.failure_action is FailureAction.CONTINUE


def _done(rollout: Rollout, counts: Census) -> Verdict:
    """Done, as in Swarm also with what failed, where that is tolerated; it is not tried again by itself."""
    said = (
        f"what failed is tolerated; `bramble rollout resume {rollout.service}` tries it again" if counts.failed else ""
    )
    return Verdict(RolloutSeen.ALL_SETTLED, said)


def _nowhere(rollout: Rollout, counts: Census) -> Verdict:
    """Everything failed: whatever is tolerated, that is not done, and what joins must not begin with it."""
    said = failure(rollout.policy, f"all {counts.failed} failed, so nothing runs the revision")
    return said if said.seen is not None else Verdict(RolloutSeen.PAUSE, said.reason)


def failure(policy: Update, reason: str) -> Verdict:
    """What a rollout does that has failed."""
    action = {FailureAction.PAUSE: RolloutSeen.PAUSE, FailureAction.ROLLBACK: RolloutSeen.ROLL_BACK}
    return Verdict(action.get(policy.failure_action), reason)


def of_batch(batch: Batch, counts: Census, lost: LostAction) -> BatchState:
    """Judge one batch: it has failed as soon as it cannot succeed any more, and is over when nobody's end is awaited.

    Who is lost is awaited only where the batch is not well enough without: then it is held. A batch of which nobody has been seen
    has proved nothing, so it is not over: nothing goes on to other nodes on its account.
    """
    failed, silent = counts.failures(lost), counts.lost if lost is LostAction.HOLD else 0
    seen = counts.settled + failed + silent + counts.awaited
    tolerated = (1 - batch.success) * seen + EPSILON
    if failed > tolerated:
        return BatchState.FAILED
    if counts.awaited:
        return BatchState.UNDER_WAY
    if failed + silent > tolerated:
        return BatchState.HELD
    return BatchState.OVER if seen or counts.forgiven else BatchState.UNSEEN
