"""How a rollout ends that did not go well everywhere: done with what is tolerated, or halted."""

from __future__ import annotations

import pytest

from controller.decide.rollouts import steering
from controller.decide.rollouts.census import Census
from controller.decide.rollouts.slot import Cause, Rollout, RolloutSeen, RolloutState
from controller.decide.rollouts.verdict import verdict
from protocol.update import FailureAction, Update
from tests.controller.gradual import SERVICE, Bed
from tests.controller.pi import Pi

ROLLING, PAUSED, DONE = RolloutState.ROLLING, RolloutState.PAUSED, RolloutState.DONE
BACK, BACK_PAUSED = RolloutState.ROLLING_BACK, RolloutState.ROLLBACK_PAUSED
PAUSE, CONTINUE, ROLLBACK = FailureAction.PAUSE, FailureAction.CONTINUE, FailureAction.ROLLBACK
ENDS, HALTS, TURNS, MORE = RolloutSeen.ALL_SETTLED, RolloutSeen.PAUSE, RolloutSeen.ROLL_BACK, RolloutSeen.MORE
TOLERATED = "what failed is tolerated; `bramble rollout resume shop.web` tries it again"


@pytest.mark.parametrize(
    ("state", "cause", "policy", "counts", "seen"),
    [
        (ROLLING, Cause.NONE, (PAUSE, 0.0), Census(settled=3), ENDS),
        (ROLLING, Cause.NONE, (PAUSE, 0.5), Census(settled=2, failed=1), ENDS),
        (ROLLING, Cause.NONE, (PAUSE, 0.5), Census(settled=1, failed=1, open=1), None),
        (ROLLING, Cause.NONE, (PAUSE, 0.5), Census(settled=1, failed=1, trying=1), None),
        (ROLLING, Cause.NONE, (PAUSE, 0.5), Census(settled=1, failed=1, lost=1), None),
        (ROLLING, Cause.NONE, (PAUSE, 0.5), Census(settled=1, failed=1, away=1), None),
        (ROLLING, Cause.NONE, (PAUSE, 0.3), Census(settled=1, failed=1), HALTS),
        (ROLLING, Cause.NONE, (ROLLBACK, 0.5), Census(settled=2, failed=1), ENDS),
        (ROLLING, Cause.NONE, (ROLLBACK, 0.3), Census(settled=1, failed=1), TURNS),
        (ROLLING, Cause.NONE, (CONTINUE, 0.0), Census(settled=1, failed=2), ENDS),
        (ROLLING, Cause.NONE, (CONTINUE, 0.0), Census(failed=2), HALTS),
        (ROLLING, Cause.NONE, (PAUSE, 1.0), Census(failed=2), HALTS),
        (ROLLING, Cause.NONE, (ROLLBACK, 1.0), Census(failed=2), TURNS),
        (ROLLING, Cause.NONE, (CONTINUE, 0.0), Census(failed=2, away=1), None),
        (PAUSED, Cause.HAND, (PAUSE, 0.5), Census(settled=1, failed=1), ENDS),
        (PAUSED, Cause.FAILURES, (PAUSE, 0.5), Census(settled=1, failed=1), None),
        (PAUSED, Cause.FAILURES, (PAUSE, 0.5), Census(settled=2), ENDS),
        (DONE, Cause.NONE, (PAUSE, 0.1), Census(settled=1, failed=1), ENDS),
        (DONE, Cause.NONE, (PAUSE, 0.1), Census(settled=9, failed=1, open=1), MORE),
        (BACK, Cause.NONE, (PAUSE, 0.5), Census(settled=1, failed=1), RolloutSeen.ALL_BACK),
        (BACK, Cause.NONE, (PAUSE, 0.0), Census(settled=1, failed=1), HALTS),
        (BACK, Cause.NONE, (CONTINUE, 0.0), Census(settled=1, failed=1), RolloutSeen.ALL_BACK),
    ],
)
def test_how_the_counts_end_a_rollout(
    state: RolloutState,
    cause: Cause,
    policy: tuple[FailureAction, float],
    counts: Census,
    seen: RolloutSeen | None,
) -> None:
    """As in Swarm it is done with what is tolerated; never while anybody's end is awaited, and never where nothing is well."""
    update = Update(failure_action=policy[0], max_failure_ratio=policy[1])
    rollout = Rollout("r", SERVICE, "two", "one", state, update, paused_by=cause)
    assert verdict(rollout, counts, counts.failed).seen is seen


def tolerant() -> Bed:
    """One of three failed, which is less than half."""
    bed = Bed(3, parallelism="0", max_failure_ratio="0.5")
    bed.end(bed.ask()[0], well=False)
    bed.end()
    return bed


def test_it_is_done_with_what_is_tolerated_and_says_what_failed() -> None:
    """The failed are counted and listed, their nodes run what they ran, and nothing tries them again by itself."""
    bed = tolerant()
    assert (bed.rollout.state, bed.status.report) == (DONE, "2 updated, 1 failed")
    assert bed.rollout.reason == TOLERATED
    assert bed.images() == ["web:1", "web:2", "web:2"]
    assert bed.rounds() == []
    assert bed.desk.stack("shop").converged is False


def test_resuming_what_is_done_tries_again_what_failed() -> None:
    """Once; when all are well there is nothing to resume."""
    bed = tolerant()
    assert (
        steering.resume(bed.desk.fleet, SERVICE)
        == "the rollout of shop.web goes on; 1 that failed or are lost are tried again"
    )
    bed.desk.turn()
    assert bed.rollout.state is ROLLING
    assert bed.rounds() == [["pi-1"]]
    assert (bed.rollout.state, bed.status.report, bed.rollout.reason) == (DONE, "3 updated", "")


def test_who_joins_after_it_is_done_begins_with_the_revision() -> None:
    """It is known to be well; the one failure is no reason to go through the gate again, and stays one."""
    bed = tolerant()
    Pi(bed.desk, "pi-9").join()
    assert list(bed.desk.tasks("pi-9").values()) == ["web:2"]
    assert (bed.rollout.state, bed.status.failed) == (DONE, 1)


def test_a_node_that_leaves_does_not_undo_what_was_tolerated() -> None:
    """One of two is more than was tolerated of three, but it was decided then."""
    bed = Bed(3, parallelism="0", max_failure_ratio="0.4")
    bed.end(bed.ask()[0], well=False)
    bed.end()
    bed.desk.fleet.slots.drop("shop.web.pi-2")
    bed.desk.fleet.unsettled.judged.add(SERVICE)
    bed.desk.turn()
    assert bed.rollout.state is DONE


def test_a_batch_that_failed_is_not_done_with_the_last_of_its_tasks() -> None:
    """What the whole tolerates was too much for the batch: an operator decides."""
    bed = Bed(2, "{canary: {count: 2}}", parallelism="0", max_failure_ratio="0.5")
    first, second = bed.ask()
    bed.end(first, well=False)
    bed.end(second)
    assert (bed.rollout.state, bed.rollout.paused_by) == (PAUSED, Cause.FAILURES)


def test_where_everything_failed_nothing_is_done_and_who_joins_has_what_was_before() -> None:
    """Though every failure is to be continued after: it pauses, and a newcomer is spared."""
    bed = Bed(2, parallelism="0", failure_action="continue")
    bed.ask()
    bed.end(well=False)
    assert (bed.rollout.state, bed.rollout.paused_by) == (PAUSED, Cause.FAILURES)
    assert bed.rollout.reason == "all 2 failed, so nothing runs the revision"
    Pi(bed.desk, "pi-9").join()
    assert list(bed.desk.tasks("pi-9").values()) == ["web:1"]
