"""What could not be staged, because a registry refused it, and what becomes of it when it is asked otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.decide.rollouts import steering
from controller.decide.rollouts.slot import Cause, RolloutState, SlotState
from protocol.observed import OfferState
from protocol.operator import OrderVerb
from tests.controller.gradual import SERVICE, Bed

FAILED, STAGED, SETTLED = SlotState.FAILED, SlotState.STAGED, SlotState.SETTLED


def refused(nodes: int = 2, path: Path | None = None, **update: str) -> Bed:
    """The registry refuses the first node the image."""
    bed = Bed(nodes, path=path, parallelism="0", **update)
    bed.pis[0].refuse()
    bed.pis[0].report()
    return bed


def test_a_node_that_was_refused_the_image_keeps_its_offer() -> None:
    """It has disturbed nothing, and it alone knows when its registry is asked otherwise."""
    bed = refused()
    assert bed.states()[0] is FAILED
    assert len(bed.desk.offers("pi-1").offers) == 1


def test_a_corrected_login_lets_it_try_again_by_itself_and_the_rollout_go_on() -> None:
    """It paused because of that failure alone; nobody has to resume it, and nothing is counted twice."""
    bed = refused()
    assert (bed.rollout.state, bed.rollout.paused_by, bed.status.failed) == (RolloutState.PAUSED, Cause.FAILURES, 1)
    bed.pis[0].correct()
    bed.pis[0].report()
    assert (bed.rollout.state, bed.rollout.reason, bed.status.failed) == (RolloutState.ROLLING, "", 0)
    assert bed.rounds() == [["pi-1", "pi-2"]]
    assert (bed.rollout.state, bed.status.report) == (RolloutState.DONE, "2 updated")


@pytest.mark.parametrize("restarts", [False, True])
def test_a_rollout_that_is_done_with_it_is_taken_up_again(tmp_path: Path, *, restarts: bool) -> None:
    """The failure was tolerated; corrected, it is updated late, also after the controller began again."""
    bed = refused(3, tmp_path, max_failure_ratio="0.5")
    bed.rounds()
    assert (bed.rollout.state, bed.status.report) == (RolloutState.DONE, "2 updated, 1 failed")
    if restarts:
        bed.desk.restart()
    bed.pis[0].correct()
    bed.pis[0].report()
    assert (bed.rollout.state, bed.rollout.reason) == (RolloutState.ROLLING, "")
    assert bed.rounds() == [["pi-1"]]
    assert (bed.rollout.state, bed.status.report) == (RolloutState.DONE, "3 updated")


def test_another_failure_keeps_it_paused() -> None:
    """One was refused and one was tried and failed: only the first is corrected, and an operator decides on the other."""
    bed = refused(3, max_failure_ratio="0.5")
    assert bed.ask() == ["pi-2", "pi-3"]
    bed.end("pi-2", well=False)
    bed.pis[0].correct()
    bed.pis[0].report()
    assert bed.states()[:2] == [STAGED, FAILED]
    assert (bed.rollout.state, bed.rollout.paused_by) == (RolloutState.PAUSED, Cause.FAILURES)


def test_a_pause_by_hand_stays_one() -> None:
    """Whoever paused it has it go on."""
    bed = refused(max_failure_ratio="0.5")
    steering.pause(bed.desk.fleet, SERVICE)
    bed.pis[0].correct()
    bed.pis[0].report()
    assert (bed.rollout.state, bed.rollout.paused_by) == (RolloutState.PAUSED, Cause.HAND)


def test_what_failed_when_it_was_tried_is_staged_again_by_no_word_of_its_node() -> None:
    """A node back from an older snapshot of its store says that it has staged what it has tried."""
    bed = Bed(2)
    bed.end(*bed.ask(), well=False)
    pi = bed.pis[0]
    pi.states = dict.fromkeys(pi.states, OfferState.STAGED)
    pi.report()
    assert bed.states()[0] is FAILED


def test_a_revision_that_is_taken_back_is_offered_to_nobody() -> None:
    """Not to a node either that could not get it."""
    bed = refused(failure_action="rollback")
    assert bed.rollout.is_back
    assert bed.desk.offers("pi-1").offers == ()


def test_what_was_rolled_back_for_want_of_an_image_says_how_to_try_it_again() -> None:
    """A login that is corrected later brings nothing back by itself; the order that is named does, under the same manifest."""
    bed = refused(failure_action="rollback")
    bed.rounds()
    remedy = f"pi-1 could not get its image: when that is corrected, `bramble restart {SERVICE}` tries it again"
    assert bed.rollout.state is RolloutState.ROLLED_BACK
    assert any(remedy in reason for reason in bed.status.reasons)
    bed.pis[0].correct()
    bed.pis[0].report()
    assert bed.rollout.state is RolloutState.ROLLED_BACK
    bed.desk.order(OrderVerb.RESTART, SERVICE)
    assert bed.rounds() == [["pi-1", "pi-2"]]
    assert (bed.rollout.state, bed.status.reasons, bed.status.report) == (RolloutState.DONE, (), "2 updated")
    assert set(bed.desk.tasks("pi-1").values()) == {"web:2"}


def test_what_was_rolled_back_for_what_it_did_has_no_such_remedy() -> None:
    """To try it again would be to fail again."""
    bed = Bed(2, failure_action="rollback")
    bed.end(*bed.ask(), well=False)
    assert bed.rollout.is_back
    assert not any("bramble restart" in reason for reason in bed.status.reasons)
