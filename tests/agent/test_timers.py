"""Functions called every so often: no tick twice, and what was missed as the manifest says."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.decide.effects import Run
from agent.decide.marks import Deadline
from agent.decide.now import Now
from agent.decide.ticks import AT_ONCE_MOST, come
from protocol.observed import Clock, Result
from protocol.trigger import Catchup, TriggerSpec
from sim.images import Behaviour
from tests.fakes.agent import Rig, function

MINUTE_S, HOUR_S = 60.0, 3600.0
BOUNDARIES_MOST = 80


def rig_with(folder: Path, clock: Clock = Clock.SYNCED, **given: bool) -> Rig:
    rig = Rig(folder, clock=clock, **given)
    rig.registry.push("greet:1", Behaviour(exits_after_s=0.1))
    rig.run(2)
    return rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return rig_with(tmp_path)


def assign(
    rig: Rig, catchup: Catchup | None, max_age_s: float = 6 * HOUR_S, every_s: float = HOUR_S, generation: int = 1
) -> None:
    trigger = TriggerSpec(every_s=every_s, catchup=catchup, max_age_s=max_age_s)
    rig.assign(generation, functions=(function(triggers=(trigger,)),))
    rig.run(2)


def called(rig: Rig) -> int:
    """How many invocations ran."""
    return len({effect.invocation for effect in rig.effects if isinstance(effect, Run)})


def planned(rig: Rig) -> list[float]:
    """Which ticks ran, in minutes of the day."""
    runs = {effect.invocation: dict(effect.attributes)["planned"] for effect in rig.effects if isinstance(effect, Run)}
    return [int(time[11:13]) * 60 + int(time[14:16]) + round(float(time[17:23]) / 60, 1) for time in runs.values()]


def be_off(rig: Rig, seconds: float) -> None:
    """The power is cut, and comes back later."""
    rig.now_s += seconds
    rig.cut_power()


MISSED = pytest.mark.parametrize(
    ("catchup", "max_age_s", "made_good"),
    [
        (Catchup.SKIP, 6 * HOUR_S, []),
        (Catchup.ONCE, 6 * HOUR_S, [1]),
        (Catchup.ONCE, 2 * HOUR_S, [3]),
        (Catchup.ONCE, 10 * MINUTE_S, []),
        (Catchup.ALL, 6 * HOUR_S, [1, 2, 3, 4]),
        (Catchup.ALL, 2 * HOUR_S, [3, 4]),
        (Catchup.ALL, 10 * MINUTE_S, []),
    ],
)


def are_hours(rig: Rig, hours: list[int]) -> bool:
    """Whether those ticks ran, and no others; the timer began within the first minute."""
    found = planned(rig)
    return len(found) == len(hours) and all(60 * h <= at < 60 * h + 1 for at, h in zip(found, hours, strict=True))


@MISSED
def test_what_the_node_slept_through_is_made_good(
    rig: Rig, catchup: Catchup, max_age_s: float, made_good: list[int]
) -> None:
    """By a clock that is right before and after, the time that the node was off counts, and the beat is kept."""
    assign(rig, catchup, max_age_s)
    be_off(rig, 4.5 * HOUR_S)
    rig.run(20)
    assert are_hours(rig, made_good), planned(rig)
    rig.run(0.5 * HOUR_S + 20)
    assert are_hours(rig, [*made_good, 5]), planned(rig)


@MISSED
def test_what_the_agent_missed_is_made_good(rig: Rig, catchup: Catchup, max_age_s: float, made_good: list[int]) -> None:
    """An agent that was away within a boot knows what it missed by the monotonic clock, whatever the other one says."""
    assign(rig, catchup, max_age_s)
    rig.now_s += 4.5 * HOUR_S
    rig.crash()
    rig.run(20)
    assert are_hours(rig, made_good), planned(rig)


@pytest.mark.parametrize(("catchup", "made_good"), [(Catchup.SKIP, 0), (Catchup.ONCE, 1), (Catchup.ALL, 3)])
def test_what_came_while_the_engine_was_away_is_made_good(rig: Rig, catchup: Catchup, made_good: int) -> None:
    """Nothing is called that could not run; the timer waits for the engine, and says how many ticks were let go."""
    assign(rig, catchup, every_s=10 * MINUTE_S)
    rig.engine.daemon_stops()
    rig.run(35 * MINUTE_S)
    assert called(rig) == 0
    rig.engine.daemon_starts()
    rig.run(MINUTE_S)
    assert called(rig) == made_good
    assert rig.node.counts.get(("ticks_missed", "porch.greet"), 0) == 3 - made_good
    rig.run(10 * MINUTE_S)
    assert called(rig) == made_good + 1


@pytest.mark.parametrize("before", [Clock.SYNCED, Clock.GUESS])
def test_where_nobody_knows_how_long_it_was_the_time_off_does_not_count(tmp_path: Path, before: Clock) -> None:
    """A node whose clock was not right before, or is not right by the first tick of the new boot, waits for the rest."""
    rig = rig_with(tmp_path, before)
    assign(rig, Catchup.ALL)
    rig.clock = Clock.GUESS
    be_off(rig, 4.5 * HOUR_S)
    rig.run(20)
    assert called(rig) == 0
    rig.run(HOUR_S)
    assert called(rig) == 1
    rig.clock = Clock.SYNCED
    rig.run(20)
    assert called(rig) == 1


def test_a_clock_that_is_set_after_the_boot_tells_how_long_it_was(rig: Rig) -> None:
    """A Pi without a clock chip boots in the past; once a time server has answered, it makes good what it missed."""
    assign(rig, Catchup.ALL)
    rig.clock = Clock.GUESS
    be_off(rig, 4.5 * HOUR_S)
    rig.run(20)
    assert called(rig) == 0
    rig.clock = Clock.SYNCED
    rig.run(20)
    assert are_hours(rig, [1, 2, 3, 4]), planned(rig)


def test_a_timer_that_says_nothing_keeps_its_rest_over_a_reboot(rig: Rig) -> None:
    """The time that the node was off does not count, however right its clock is."""
    assign(rig, None)
    be_off(rig, 4.5 * HOUR_S)
    rig.run(20)
    assert called(rig) == 0
    rig.run(HOUR_S)
    assert called(rig) == 1


def test_a_quicker_timer_begins_anew(rig: Rig) -> None:
    """Nobody waits an hour for a timer that fires every minute now."""
    assign(rig, Catchup.ONCE)
    assign(rig, Catchup.ONCE, every_s=MINUTE_S, generation=2)
    rig.run(MINUTE_S + 5)
    assert called(rig) == 1


def test_a_timer_writes_nothing_between_two_ticks(rig: Rig) -> None:
    """Its date is reckoned once for each tick, though the clock is read in every turn."""
    assign(rig, Catchup.ONCE)
    (before,) = rig.node.timers.values()
    rig.run(5 * MINUTE_S)
    assert rig.node.timers.values() == (before,)
    assert isinstance(before, Deadline)
    assert before.due_epoch_s is not None


def test_no_turn_makes_more_than_a_hundred_calls() -> None:
    """What is left comes in the next, and none is left out."""
    trigger, due_s, found = TriggerSpec(every_s=1.0, catchup=Catchup.ALL), 1.0, []
    while due_s <= 250.0:
        moments, missed, due_s = come(trigger, due_s, Now(250.5))
        assert (missed, len(moments) <= AT_ONCE_MOST) == (0, True)
        found += moments
    assert found == [float(at) for at in range(1, 251)]


def test_the_power_may_be_cut_at_any_moment(tmp_path: Path) -> None:
    """Each tick calls exactly once, wherever the process dies."""
    for boundary in range(BOUNDARIES_MOST):
        rig = rig_with(tmp_path / str(boundary), dies_hard=True)
        assign(rig, Catchup.ALL, every_s=MINUTE_S)
        rig.run(46)
        rig.fuse = boundary
        rig.run(30)
        is_over, rig.fuse = rig.fuse is not None, None
        rig.run(50)
        results = {result.id for result in rig.messages(Result)}
        assert (called(rig), len(results)) == (2, 2), (boundary, rig.died_at)
        rig.store.close()
        if is_over:
            return
    pytest.fail("there are more boundaries than this test looks at")
