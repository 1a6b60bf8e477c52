"""Canary, batches and ramp: who is updated before whom, and what stops it."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.decide.rollouts import progress, steering
from controller.decide.rollouts.census import Census
from controller.decide.rollouts.slot import RolloutState
from controller.decide.rollouts.verdict import BatchState, of_batch
from protocol.refusal import Refusal
from protocol.update import Batch, LostAction
from tests.controller.gradual import SERVICE, Bed
from tests.controller.pi import Pi

HOLD, FAIL = LostAction.HOLD, LostAction.FAIL


@pytest.mark.parametrize(
    ("success", "counts", "lost", "state"),
    [
        (1.0, Census(), HOLD, BatchState.UNSEEN),
        (1.0, Census(away=3), HOLD, BatchState.UNSEEN),
        (1.0, Census(open=1), HOLD, BatchState.UNDER_WAY),
        (1.0, Census(trying=1, settled=3), HOLD, BatchState.UNDER_WAY),
        (1.0, Census(settled=1), HOLD, BatchState.OVER),
        (1.0, Census(settled=1, away=9), HOLD, BatchState.OVER),
        (1.0, Census(failed=1), HOLD, BatchState.FAILED),
        (1.0, Census(failed=1, open=9), HOLD, BatchState.FAILED),
        (0.95, Census(settled=19, failed=1), HOLD, BatchState.OVER),
        (0.95, Census(settled=18, failed=2), HOLD, BatchState.FAILED),
        (0.9, Census(settled=4, failed=1, away=5), HOLD, BatchState.FAILED),
        (0.5, Census(settled=1, failed=1, open=1), HOLD, BatchState.UNDER_WAY),
        (0.0, Census(failed=5), HOLD, BatchState.OVER),
        (1.0, Census(lost=1, settled=1), HOLD, BatchState.HELD),
        (1.0, Census(lost=1, settled=1, open=1), HOLD, BatchState.UNDER_WAY),
        (0.5, Census(lost=1, settled=1), HOLD, BatchState.OVER),
        (0.5, Census(lost=1, settled=1, trying=1), HOLD, BatchState.UNDER_WAY),
        (0.6, Census(lost=1, settled=1, failed=1), HOLD, BatchState.HELD),
        (0.5, Census(lost=1), HOLD, BatchState.HELD),
        (0.0, Census(lost=1), HOLD, BatchState.OVER),
        (1.0, Census(lost=1, settled=1), FAIL, BatchState.FAILED),
        (0.5, Census(lost=1, settled=1), FAIL, BatchState.OVER),
        (1.0, Census(forgiven=1, settled=1), FAIL, BatchState.OVER),
        (1.0, Census(forgiven=1), HOLD, BatchState.OVER),
    ],
)
def test_a_batch_is_judged_by_those_of_it_that_are_seen(
    success: float, counts: Census, lost: LostAction, state: BatchState
) -> None:
    """It fails as soon as it cannot succeed, and is over when nobody's end is awaited."""
    assert of_batch(Batch("first", success=success), counts, lost) is state


def test_a_canary_goes_first_and_alone() -> None:
    """However many the budget would allow."""
    bed = Bed(4, "{canary: {count: 1}}", parallelism="0")
    assert bed.ask() == ["pi-1"]
    assert bed.ask() == []
    bed.end("pi-1")
    assert bed.ask() == ["pi-2", "pi-3", "pi-4"]
    bed.end()
    assert bed.rollout.state is RolloutState.DONE


@pytest.mark.parametrize(("action", "state"), [("pause", RolloutState.PAUSED), ("rollback", RolloutState.ROLLED_BACK)])
def test_a_failing_canary_touches_no_other_device(action: str, state: RolloutState) -> None:
    """Though half of all would be tolerated: nobody else is granted anything, or assigned anything."""
    bed = Bed(4, "{canary: {count: 1}}", parallelism="0", max_failure_ratio="0.5", failure_action=action)
    before = [bed.desk.assignment(pi.name) for pi in bed.pis]
    assert bed.ask() == ["pi-1"]
    bed.end("pi-1", well=False)
    assert bed.rollout.state is state
    assert "1 of 1 of canary failed; all must be well" in bed.rollout.reason
    assert bed.rounds() == []
    assert [bed.desk.assignment(pi.name) for pi in bed.pis] == before


def test_a_batch_that_failed_holds_nobody_up_where_failures_are_to_be_continued() -> None:
    """Whoever wrote `continue` wants the rest updated, as soon as the batch has come to its end."""
    bed = Bed(3, "{batches: [{name: first, count: 2}]}", parallelism="0", failure_action="continue")
    assert bed.ask() == ["pi-1", "pi-2"]
    bed.end("pi-1", well=False)
    assert bed.ask() == []
    bed.end("pi-2")
    assert bed.rounds() == [["pi-3"]]
    assert bed.status.report == "2 updated, 1 failed"


def test_a_canary_is_promoted_by_hand() -> None:
    """The rollout pauses, says what it awaits and which command goes on; twice confirmed is once."""
    bed = Bed(3, "{canary: {count: 1, promote: confirm}}", parallelism="0")
    assert bed.rounds() == [["pi-1"]]
    assert bed.rollout.state is RolloutState.PAUSED
    assert bed.rollout.reason == "canary is over: 1 of 1 are well; `bramble rollout confirm shop.web` goes on"
    refused = steering.resume(bed.desk.fleet, SERVICE)
    assert isinstance(refused, Refusal)
    assert "bramble rollout confirm" in refused.reason
    assert steering.confirm(bed.desk.fleet, SERVICE) == "canary is confirmed; the rollout of shop.web goes on"
    assert steering.confirm(bed.desk.fleet, SERVICE) == "nothing of the rollout of shop.web waits to be confirmed"
    assert bed.rounds() == [["pi-2", "pi-3"]]
    assert bed.rollout.state is RolloutState.DONE


def test_confirming_one_batch_confirms_no_other() -> None:
    """Two batches by hand need two words, however often each is said."""
    bed = Bed(3, "{canary: {promote: confirm}, batches: [{name: two, count: 1, promote: confirm}]}", parallelism="0")
    assert bed.rounds() == [["pi-1"]]
    for _ in range(3):
        steering.confirm(bed.desk.fleet, SERVICE)
    assert bed.rounds() == [["pi-2"]]
    assert bed.rollout.reason.startswith("two is over")
    steering.confirm(bed.desk.fleet, SERVICE)
    assert bed.rounds() == [["pi-3"]]


def test_batches_go_by_selector_in_their_order_and_what_none_names_comes_last() -> None:
    """The second site, then half of what is left, then the rest."""
    bed = Bed(6, "{batches: [{nodes: node.labels.site == s1}, {name: half, count: 50%}]}", parallelism="0")
    assert bed.rounds() == [["pi-3", "pi-4"], ["pi-1", "pi-2"], ["pi-5", "pi-6"]]


def test_the_first_of_those_that_are_there_is_the_canary() -> None:
    """An absent node is no canary, and nothing waits for it; when it returns it has no right to go before its time."""
    bed = Bed(3, "{canary: {count: 1, promote: confirm}}", parallelism="0")
    bed.leave(bed.pis[0])
    assert bed.ask() == ["pi-2"]
    bed.come_back(bed.pis[0])
    assert bed.ask() == []


def test_a_batch_of_absent_nodes_has_proved_nothing_and_waits_for_one_of_them() -> None:
    """The first that returns is its canary; or an operator goes on without."""
    bed = Bed(4, "{batches: [{name: lab, nodes: node.labels.site == s0}]}", parallelism="0")
    bed.leave(*bed.pis[:2])
    assert bed.ask() == []
    assert bed.rollout.state is RolloutState.ROLLING
    bed.come_back(bed.pis[1])
    assert bed.rounds() == [["pi-2"], ["pi-3", "pi-4"]]


def test_an_operator_goes_on_without_a_batch_of_absent_nodes() -> None:
    """And they are updated when they return."""
    bed = Bed(4, "{batches: [{name: lab, nodes: node.labels.site == s0}]}", parallelism="0")
    bed.leave(*bed.pis[:2])
    said = steering.confirm(bed.desk.fleet, SERVICE)
    assert said == "lab waits no more for any one of its nodes, which are all away; the rollout of shop.web goes on"
    bed.desk.turn()
    assert bed.rounds() == [["pi-3", "pi-4"]]
    bed.come_back(bed.pis[0])
    assert bed.rounds() == [["pi-1"]]


def test_a_batch_that_no_node_can_be_in_is_over_at_once() -> None:
    """A label that nobody has holds nothing up."""
    bed = Bed(2, "{batches: [{nodes: node.labels.site == nowhere}]}", parallelism="0")
    assert bed.rounds() == [["pi-1", "pi-2"]]


def test_a_batch_ends_without_those_that_are_away_and_they_follow() -> None:
    """100 devices and 40 absent in small: thresholds count who was seen; who returns needs no new rollout."""
    bed = Bed(10, "{batches: [{count: 50%, success: 80%}]}", parallelism="0", max_failure_ratio="0.2")
    bed.leave(*bed.pis[:4])
    first = bed.ask()
    assert first == ["pi-5", "pi-6", "pi-7", "pi-8", "pi-9"]
    bed.end(first[0], well=False)
    bed.end(*first[1:])
    assert bed.rounds() == [["pi-10"]]
    assert (bed.status.updated, bed.status.failed, bed.status.unseen) == (5, 1, 4)
    bed.come_back(*bed.pis[:4])
    assert bed.rounds() == [["pi-1", "pi-2", "pi-3", "pi-4"]]
    assert (bed.status.updated, bed.status.failed, bed.status.unseen) == (9, 1, 0)


@pytest.mark.parametrize("when", ["under way", "later batch", "the rest", "done"])
@pytest.mark.parametrize("how", ["returns", "joins"])
def test_the_late_lane(when: str, how: str) -> None:
    """Who returns or joins, at whatever time of a rollout, is updated by it within its budget; after it, who joins has it."""
    bed = Bed(4, "{batches: [{nodes: node.labels.site == s0}, {nodes: node.labels.site == s1, count: 1}]}")
    first, late = bed.rollout.id, bed.pis[0]
    if how == "returns":
        bed.leave(late)
    steps = {"under way": 0, "later batch": 1, "the rest": 2, "done": 9}[when]
    for _ in range(steps if how == "returns" else steps + (steps > 0)):
        names = bed.ask()
        bed.end(*names)
    if how == "returns":
        bed.come_back(late)
    else:
        late = Pi(bed.desk, "pi-0").join(site="s0")
        late.read()
        late.report()
        bed.pis.insert(0, late)
    rounds = bed.rounds()
    assert all(len(names) == 1 for names in rounds)
    assert ([late.name] in rounds) is ((when, how) != ("done", "joins"))
    assert (bed.rollout.id, bed.rollout.state) == (first, RolloutState.DONE)
    assert set(bed.images()) == {"web:2"}


def test_a_ramp_doubles_with_every_round_that_went_well() -> None:
    """1, 2, 4, and then what is left."""
    bed = Bed(9, "{ramp: 2}")
    assert [len(names) for names in bed.rounds()] == [1, 2, 4, 2]


def test_a_ramp_stops_at_the_first_breach() -> None:
    """Two fail in the second round: nobody of the third is touched."""
    bed = Bed(9, "{ramp: 2}")
    bed.end(*bed.ask())
    second = bed.ask()
    assert len(second) == 2
    bed.end(second[0], well=False)
    assert bed.rollout.state is RolloutState.PAUSED
    bed.end(second[1])
    assert bed.ask() == []
    assert bed.images().count("web:2") == 2


def test_a_tolerated_failure_begins_the_ramp_anew() -> None:
    """A round in which something failed did not go well."""
    bed = Bed(9, "{ramp: 2}", max_failure_ratio="0.5")
    bed.end(*bed.ask())
    second = bed.ask()
    bed.end(second[0])
    bed.end(second[1], well=False)
    assert len(bed.ask()) == 1


def test_a_controller_that_restarts_knows_which_batch_is_under_way(tmp_path: Path) -> None:
    """Who is in a batch, and what was confirmed, is durable."""
    bed = Bed(4, "{canary: {count: 1, promote: confirm}, batches: [{count: 1}]}", parallelism="0", path=tmp_path)
    names = bed.ask()
    bed.desk.restart()
    assert bed.ask() == []
    bed.end(*names)
    assert bed.rollout.state is RolloutState.PAUSED
    bed.desk.restart()
    assert bed.ask() == []
    steering.confirm(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    bed.desk.restart()
    assert bed.rounds() == [["pi-2"], ["pi-3", "pi-4"]]


def test_other_batches_under_the_same_revision_begin_with_the_first() -> None:
    """The policy is no part of the revision; what is settled proves what it proves."""
    bed = Bed(4, "{canary: {count: 1, promote: confirm}}", parallelism="0")
    assert bed.rounds() == [["pi-1"]]
    bed.policy = ("{canary: {count: 2}}", "", {"parallelism": "0"})
    bed.publish("web:2")
    assert bed.rollout.state is RolloutState.ROLLING
    assert bed.rounds() == [["pi-2"], ["pi-3", "pi-4"]]


def test_a_batch_that_is_well_enough_without_a_lost_node_goes_on_within_the_budget() -> None:
    """Half must be well, and half are: the next batch begins, and the lost one keeps its place."""
    bed = Bed(4, "{batches: [{name: first, count: 2, success: 50%}]}", parallelism="2")
    assert bed.ask() == ["pi-1", "pi-2"]
    bed.leave(bed.pis[0])
    assert bed.ask() == []
    bed.end("pi-2")
    assert bed.rounds() == [["pi-3"], ["pi-4"]]
    assert bed.rollout.state is RolloutState.ROLLING
    bed.come_back(bed.pis[0])
    bed.end("pi-1")
    assert (bed.rollout.state, bed.status.report) == (RolloutState.DONE, "4 updated")


def test_a_batch_that_waits_for_a_lost_node_says_who_holds_it_and_goes_on_by_hand() -> None:
    """All of a canary must be well; an operator may go on without, and the place stays taken."""
    bed = Bed(3, "{canary: {count: 1}}", parallelism="2")
    assert bed.ask() == ["pi-1"]
    bed.leave(bed.pis[0])
    held = "canary waits for pi-1, lost while trying it; `bramble rollout confirm shop.web` goes on without them"
    assert bed.status.reasons[0] == held
    lanes = {lane.node: lane.reason for lane in progress.lanes(bed.desk.fleet, bed.rollout, bed.desk.now)}
    assert lanes["pi-2"] == f"waits for its batch: canary (1 of 1) goes first; {held}"
    assert bed.ask() == []
    said = steering.confirm(bed.desk.fleet, SERVICE)
    assert said == "canary waits no more for pi-1, lost while trying it; the rollout of shop.web goes on"
    bed.desk.turn()
    assert bed.rounds() == [["pi-2"], ["pi-3"]]
    assert steering.confirm(bed.desk.fleet, SERVICE) == "nothing of the rollout of shop.web waits to be confirmed"


def test_a_batch_that_failed_and_goes_on_all_the_same_waits_for_no_lost_node() -> None:
    """Whoever wrote `continue` wants the rest updated."""
    bed = Bed(4, "{batches: [{name: first, count: 2}]}", parallelism="2", failure_action="continue")
    assert bed.ask() == ["pi-1", "pi-2"]
    bed.leave(bed.pis[0])
    bed.end("pi-2", well=False)
    assert bed.rounds() == [["pi-3"], ["pi-4"]]
