"""Functions called by the clock on the wall: each planned time at most once, and what was missed as the manifest says."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.decide.effects import Run
from protocol.observed import Clock, Result
from protocol.trigger import Catchup, TriggerSpec
from sim.images import Behaviour
from tests.fakes.agent import Rig, function

MINUTE_S, HOUR_S = 60.0, 3600.0
BOUNDARIES_MOST = 80


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path, clock=Clock.SYNCED)
    rig.registry.push("greet:1", Behaviour(exits_after_s=0.1))
    rig.run(2)
    return rig


def assign(
    rig: Rig, schedule: str = "0 * * * *", catchup: Catchup = Catchup.ONCE, max_age_s: float = 6 * HOUR_S
) -> None:
    trigger = TriggerSpec(schedule=schedule, catchup=catchup, max_age_s=max_age_s)
    rig.assign(1, functions=(function(triggers=(trigger,)),))
    rig.run(2)


def planned(rig: Rig) -> list[str]:
    """For which times functions ran, each invocation once."""
    runs = {effect.invocation: dict(effect.attributes)["planned"] for effect in rig.effects if isinstance(effect, Run)}
    return [time[11:16] for time in runs.values()]


def be_off(rig: Rig, seconds: float) -> None:
    rig.now_s += seconds
    rig.cut_power()


def test_a_schedule_calls_in_the_nodes_own_zone(rig: Rig) -> None:
    """Half past two in Kathmandu is 20:45 UTC; the tick says for which time it is."""
    rig.zone, rig.wall_off_s = ZoneInfo("Asia/Kathmandu"), 20.7 * HOUR_S
    assign(rig, "30 2 * * *")
    rig.run(600)
    assert planned(rig) == ["20:45"]


@pytest.mark.parametrize(
    ("catchup", "max_age_s", "made_good"),
    [
        (Catchup.SKIP, 6 * HOUR_S, []),
        (Catchup.ONCE, 6 * HOUR_S, ["01:00"]),
        (Catchup.ONCE, 2 * HOUR_S, ["03:00"]),
        (Catchup.ONCE, 10 * MINUTE_S, []),
        (Catchup.ALL, 6 * HOUR_S, ["01:00", "02:00", "03:00", "04:00"]),
        (Catchup.ALL, 2 * HOUR_S, ["03:00", "04:00"]),
        (Catchup.ALL, 10 * MINUTE_S, []),
    ],
)
def test_what_was_missed_is_made_good(rig: Rig, catchup: Catchup, max_age_s: float, made_good: list[str]) -> None:
    """After four and a half hours without power: nothing, one call, or each, and nothing that is too old."""
    assign(rig, "0 * * * *", catchup, max_age_s)
    be_off(rig, 4.5 * HOUR_S)
    rig.run(20)
    assert planned(rig) == made_good
    rig.wall_off_s += 0.45 * HOUR_S
    rig.run(300)
    assert planned(rig) == [*made_good, "05:00"]


def test_what_came_while_the_engine_was_away_is_made_good(rig: Rig) -> None:
    """Nothing is called that could not run; the schedule waits for the engine."""
    rig.wall_off_s = HOUR_S - 100
    assign(rig)
    rig.engine.daemon_stops()
    rig.run(200)
    assert planned(rig) == []
    rig.engine.daemon_starts()
    rig.run(MINUTE_S)
    assert planned(rig) == ["01:00"]


def test_a_month_of_minutes_is_made_good_in_parts(rig: Rig) -> None:
    """No turn makes more than a hundred calls, and none is left out."""
    assign(rig, "* * * * *", Catchup.ALL)
    be_off(rig, 250 * MINUTE_S)
    rig.run(30)
    taken = {run.id for run in rig.node.runs.values()} | set(rig.node.ended)
    assert len(taken) == 250


@pytest.mark.parametrize("catchup", [Catchup.ONCE, Catchup.ALL])
def test_the_power_may_be_cut_at_any_moment(tmp_path: Path, catchup: Catchup) -> None:
    """Each planned time calls exactly once, wherever the process dies."""
    for boundary in range(BOUNDARIES_MOST):
        rig = Rig(tmp_path / str(boundary), clock=Clock.SYNCED, dies_hard=True)
        rig.registry.push("greet:1", Behaviour(exits_after_s=0.1))
        rig.run(2)
        assign(rig, "* * * * *", catchup)
        rig.run(46)
        rig.fuse = boundary
        rig.run(30)
        is_over, rig.fuse = rig.fuse is not None, None
        rig.run(50)
        results = {result.id for result in rig.messages(Result)}
        assert (sorted(planned(rig)), len(results)) == (["00:01", "00:02"], 2), (boundary, rig.died_at)
        rig.store.close()
        if is_over:
            return
    pytest.fail("there are more boundaries than this test looks at")
