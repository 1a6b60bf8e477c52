"""How long a rollout may stand still, and when standing still is nobody's fault."""

from __future__ import annotations

import pytest

from controller.decide.rollouts import steering
from controller.decide.rollouts.slot import RolloutState
from protocol.observed import Link, OfferState
from tests.controller.gradual import SERVICE, Bed

DEADLINE = "{progress_deadline: 10m}"
LATE = "nothing settled for 10 min, although nodes are there that could go on"


def pass_time(bed: Bed, minutes: float) -> None:
    """Time passes, and every node that is there is heard now and then."""
    for _ in range(int(minutes * 2)):
        bed.settle_there()
        bed.desk.turn(30.0)


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("pause", RolloutState.PAUSED),
        ("rollback", RolloutState.ROLLED_BACK),
        ("continue", RolloutState.ROLLING),
    ],
)
def test_a_rollout_that_stands_still_fails(action: str, state: RolloutState) -> None:
    """Nodes are there and do nothing: its failure action says what becomes of it."""
    bed = Bed(2, DEADLINE, failure_action=action)
    pass_time(bed, 9.5)
    assert bed.rollout.state is RolloutState.ROLLING
    pass_time(bed, 1.5)
    assert bed.rollout.state is state
    assert (bed.rollout.reason == LATE) is (action != "continue")


def test_a_trial_that_never_ends_is_found_out() -> None:
    """Its node is there, and says nothing of it; its place stays taken all the same."""
    bed = Bed(2, DEADLINE)
    assert bed.ask() == ["pi-1"]
    pass_time(bed, 11)
    assert bed.rollout.state is RolloutState.PAUSED
    assert bed.status.in_progress == 2


def test_every_task_that_settles_begins_the_clock_anew() -> None:
    """Slow is not still."""
    bed = Bed(4, DEADLINE)
    for _ in range(4):
        pass_time(bed, 9)
        bed.end(*bed.ask())
    assert bed.rollout.state is RolloutState.DONE


def test_the_clock_does_not_run_while_nobody_is_there() -> None:
    """Absence is normal: who is away for a week has delayed nothing."""
    bed = Bed(2, DEADLINE)
    bed.leave(*bed.pis)
    bed.desk.turn(700_000.0)
    assert bed.rollout.state is RolloutState.ROLLING
    bed.come_back(*bed.pis)
    pass_time(bed, 9.5)
    assert bed.rollout.state is RolloutState.ROLLING
    assert bed.rounds() == [["pi-1"], ["pi-2"]]


def test_the_clock_does_not_run_while_we_hear_nobody() -> None:
    """Our own link was down: that is no fault of the rollout's."""
    bed = Bed(2, DEADLINE)
    pass_time(bed, 9)
    bed.desk.link_down()
    bed.desk.turn(7200.0)
    bed.desk.link_up()
    pass_time(bed, 9)
    assert bed.rollout.state is RolloutState.ROLLING


@pytest.mark.parametrize("extra", ["window: {schedule: 0 2 * * *, duration: 1h}", "lock: {path: /run/busy}"])
def test_who_waits_in_its_node_is_not_slow(extra: str) -> None:
    """A window at night, or a lock that is held, keeps a staged node from asking."""
    bed = Bed(2, f"{{progress_deadline: 10m, {extra}}}")
    pass_time(bed, 60)
    assert bed.rollout.state is RolloutState.ROLLING


def test_who_cannot_stage_is_slow_whatever_its_window() -> None:
    """Staging is allowed at any time."""
    bed = Bed(1, "{progress_deadline: 10m, window: {schedule: 0 2 * * *, duration: 1h}}")
    (pi,) = bed.pis
    for key in pi.states:
        pi.states[key] = OfferState.STAGING
    pass_time(bed, 11)
    assert bed.rollout.state is RolloutState.PAUSED


def test_resuming_gives_it_the_whole_time_again() -> None:
    """An operator's word begins the clock anew."""
    bed = Bed(2, DEADLINE)
    pass_time(bed, 11)
    steering.resume(bed.desk.fleet, SERVICE)
    pass_time(bed, 9.5)
    assert bed.rollout.state is RolloutState.ROLLING
    pass_time(bed, 1.5)
    assert bed.rollout.state is RolloutState.PAUSED


def test_who_goes_away_stops_the_clock_and_who_returns_starts_it() -> None:
    """It is nobody's fault while nobody is there, and the next one's from the moment it is."""
    bed = Bed(1, DEADLINE)
    pass_time(bed, 9)
    bed.desk.presence("pi-1", Link.OFFLINE)
    bed.desk.turn(60.0)
    bed.desk.turn(600.0)
    bed.come_back(bed.pis[0])
    pass_time(bed, 9)
    assert bed.rollout.state is RolloutState.ROLLING
    pass_time(bed, 2)
    assert bed.rollout.state is RolloutState.PAUSED


@pytest.mark.parametrize("lost", ["hold", "fail"])
def test_who_waits_for_the_place_of_a_lost_node_is_not_slow_and_it_is_said_at_once(lost: str) -> None:
    """The clock does not run while nobody can begin; when the lost one is back it begins anew."""
    bed = Bed(2, f"{{progress_deadline: 10m, lost: {lost}}}", max_failure_ratio="0.5")
    assert bed.ask() == ["pi-1"]
    bed.leave(bed.pis[0])
    assert bed.status.reasons[0].startswith("nobody can begin: 1 of 1 places are held by pi-1, lost while trying; ")
    pass_time(bed, 60)
    assert bed.rollout.state is RolloutState.ROLLING
    bed.come_back(bed.pis[0])
    pass_time(bed, 9)
    assert bed.rollout.state is RolloutState.ROLLING
    pass_time(bed, 2)
    assert (bed.rollout.state, bed.rollout.reason) == (RolloutState.PAUSED, LATE)


def test_a_lost_node_beside_a_free_place_excuses_nobody() -> None:
    """Whoever could begin and does not is slow."""
    bed = Bed(3, DEADLINE, parallelism="2")
    assert bed.ask() == ["pi-1", "pi-2"]
    bed.end("pi-2")
    bed.leave(bed.pis[0])
    pass_time(bed, 11)
    assert bed.rollout.state is RolloutState.PAUSED


def test_who_has_no_room_in_its_group_is_not_slow() -> None:
    """The other one of the site is away, so this one has to work on."""
    bed = Bed(2, "{progress_deadline: 10m, max_unavailable: {per: node.labels.site, count: 1}}")
    bed.leave(bed.pis[0])
    pass_time(bed, 60)
    assert bed.rollout.state is RolloutState.ROLLING
