"""Jobs run to their end once, or at the times of their schedule: the whole agent in virtual time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.decide.effects import Start
from agent.decide.inputs import Done, Outcome
from protocol.desired import Job, Restart, RestartCondition, TaskSpec
from protocol.observed import Clock, TaskState, TaskStatus
from sim.images import Behaviour
from tests.fakes.agent import Rig, offer, task

JOB = "porch.job.1"
RETRY = Restart(RestartCondition.ON_FAILURE)
HOUR_S, DAY_S = 3600.0, 86_400.0
BOUNDARIES_MOST = 60


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    for revision in ("a", "b"):
        rig.registry.push(f"job:{revision}", Behaviour(exits_after_s=5.0))
    rig.registry.push("job:long", Behaviour(exits_after_s=700.0))
    rig.registry.push("job:bad", Behaviour(exits_after_s=2.0, exit_code=4))
    rig.run(2)
    return rig


def job(revision: str = "a", schedule: str = "") -> TaskSpec:
    return replace(task(revision, JOB, RETRY), job=Job(schedule))


def status(rig: Rig) -> TaskStatus:
    (found,) = (status for status in rig.status().tasks if status.task == JOB)
    return found


class Runs:
    """The moments of all starts of containers, also of those that are gone."""

    def __init__(self, rig: Rig) -> None:
        self.starts: list[str] = []
        carry_out = rig.engine.carry_out

        def counted(step: Any) -> Outcome:
            outcome = carry_out(step)
            if isinstance(step, Start) and outcome == Done():
                self.starts.append(rig.now.wall[:19])
            return outcome

        rig.engine.carry_out = counted  # type: ignore[method-assign]


def test_a_job_runs_once_for_each_content(rig: Rig) -> None:
    """Reboots, restarts of the agent and a pruned engine run nothing again; a new revision does, and the old one never more."""
    runs = Runs(rig)
    rig.assign(1, job())
    rig.run(20)
    assert (status(rig).state, status(rig).reason) == (TaskState.STOPPED, "exited with code 0 (attempt 1)")
    rig.crash()
    rig.run(20)
    rig.cut_power()
    rig.run(20)
    rig.engine.boxes.clear()
    rig.run(40)
    assert len(runs.starts) == 1
    rig.assign(2, job("b"))
    rig.run(20)
    assert len(runs.starts) == 2
    rig.assign(3, job("a"))
    rig.run(20)
    assert len(runs.starts) == 2
    assert (status(rig).state, status(rig).reason) == (TaskState.STOPPED, "has completed")


def test_a_job_that_fails_is_tried_again(rig: Rig) -> None:
    """The restart policy is that of any task, with its delay and its most attempts."""
    runs = Runs(rig)
    policy = replace(RETRY, max_attempts=2, delay_s=5.0)
    rig.assign(1, replace(job("bad"), restart=policy))
    rig.run(60)
    assert len(runs.starts) == 3
    assert status(rig).state is TaskState.FAILED
    assert status(rig).reason == "exited with code 4 (attempt 3); not tried again after 2 restarts"


def test_a_job_cut_off_by_the_power_runs_again(rig: Rig) -> None:
    """What did not come to its end is begun anew after the boot."""
    runs = Runs(rig)
    rig.assign(1, job())
    rig.run(4)
    rig.cut_power()
    rig.run(20)
    assert len(runs.starts) == 2
    assert status(rig).state is TaskState.STOPPED


def test_a_lost_store_does_not_repeat_a_job_whose_container_is_there(rig: Rig) -> None:
    """The end of its container is remembered by the engine, too."""
    runs = Runs(rig)
    rig.assign(1, job())
    rig.run(20)
    rig.store.close()
    for file in rig.folder.iterdir():
        file.unlink()
    rig.start()
    rig.run(2)
    rig.assign(1, job())
    rig.run(20)
    assert len(runs.starts) == 1
    assert status(rig).state is TaskState.STOPPED


def test_a_trial_of_another_content_does_not_repeat_the_settled_one(rig: Rig) -> None:
    """A job whose new revision fails its trial falls back to the old one's end, not to another run."""
    runs = Runs(rig)
    rig.assign(1, job())
    rig.run(20)
    rig.offer(1, offer(job("bad")))
    rig.run(12)
    rig.grant()
    rig.run(60)
    assert len(runs.starts) == 2
    assert (status(rig).revision, status(rig).state) == ("a", TaskState.STOPPED)


def test_a_schedule_runs_at_each_of_its_times(rig: Rig) -> None:
    """Each run has a container of its own; in between the status tells the next time, in the node's own zone."""
    rig.clock, rig.zone = Clock.SYNCED, ZoneInfo("Europe/Berlin")
    runs = Runs(rig)
    rig.assign(1, job(schedule="5,10 1 * * *"))
    rig.run(60)
    assert runs.starts == []
    assert (status(rig).state, status(rig).reason) == (TaskState.STOPPED, "next run at 2026-01-01 01:05+01:00")
    rig.registry.up = False  # its image was brought when it was assigned
    rig.run(700)
    assert [at[:16] for at in runs.starts] == ["2026-01-01T00:05", "2026-01-01T00:10"]
    assert len(rig.engine.boxes) == 1
    assert status(rig).reason == "exited with code 0 (attempt 1); next run at 2026-01-02 01:05+01:00"


def test_missed_times_are_made_good_by_one_run(rig: Rig) -> None:
    """After half a day without power there is one run, and then those of the schedule."""
    runs = Runs(rig)
    rig.assign(1, job(schedule="0 * * * *"))
    rig.run(60)
    rig.now_s += 12 * HOUR_S
    rig.cut_power()
    rig.run(300)
    assert len(runs.starts) == 1
    rig.now_s += HOUR_S
    rig.run(60)
    assert len(runs.starts) == 2


def test_what_was_missed_long_ago_is_let_go(rig: Rig) -> None:
    """A monthly run that was missed by three days is not made good; the next one comes."""
    runs = Runs(rig)
    rig.assign(1, job(schedule="0 0 10 * *"))
    rig.run(60)
    rig.wall_off_s = 12 * DAY_S
    rig.run(60)
    assert runs.starts == []
    assert "next run at 2026-02-10 00:00" in status(rig).reason


def test_a_run_that_still_goes_is_not_doubled(rig: Rig) -> None:
    """The time that finds the run before going is skipped and counted."""
    runs = Runs(rig)
    rig.assign(1, job("long", schedule="*/5 * * * *"))
    rig.run(1300)
    assert [at[11:16] for at in runs.starts] == ["00:05", "00:20"]
    assert rig.node.counts["planned_runs", JOB, "skipped"] == 2
    rig.run(600)
    assert "times the run before was still going" in status(rig).reason


def test_a_run_that_failed_does_not_hold_up_the_next(rig: Rig) -> None:
    """A schedule's next time begins anew, whatever became of the run before."""
    rig.assign(1, replace(job("bad", schedule="*/5 * * * *"), restart=Restart(RestartCondition.NONE)))
    runs = Runs(rig)
    rig.run(950)
    assert len(runs.starts) == 3
    assert status(rig).reason.startswith("exited with code 4 (attempt 1); next run at ")


def test_a_clock_that_boots_in_the_past_waits(rig: Rig) -> None:
    """Nothing planned up to the mark is run again while the clock is behind it; when it is right, missed times count once."""
    runs = Runs(rig)
    rig.assign(1, job(schedule="*/5 * * * *"))
    rig.run(360)
    assert len(runs.starts) == 1
    rig.wall_off_s = -10 * 365 * DAY_S
    rig.cut_power()
    rig.run(900)
    assert len(runs.starts) == 1
    rig.wall_off_s = 0.0
    rig.run(60)
    assert len(runs.starts) == 2


def test_a_jump_of_a_year_makes_one_run_and_a_set_clock_mends_it(rig: Rig) -> None:
    """A guess of next year is followed once; when a time server sets the clock, the schedule goes on from there."""
    runs = Runs(rig)
    rig.assign(1, job(schedule="*/5 * * * *"))
    rig.run(60)
    rig.wall_off_s = 365 * DAY_S
    rig.run(200)
    assert len(runs.starts) == 1
    rig.wall_off_s, rig.clock = 0.0, Clock.SYNCED
    rig.run(650)
    assert [at[:16] for at in runs.starts[1:]] == [f"2026-01-01T00:{minute}" for minute in ("05", "10", "15")]


@pytest.mark.parametrize("power", [False, True], ids=["kill", "power cut"])
def test_a_planned_run_survives_death_at_every_boundary(tmp_path: Path, power: bool) -> None:
    """Wherever the node dies around a planned time, the run comes to its end, and is not doubled unless it was cut off."""
    for boundary in range(BOUNDARIES_MOST):
        folder = tmp_path / str(boundary)
        folder.mkdir()
        rig = Rig(folder, wall_off_s=HOUR_S - 40)
        rig.registry.push("job:a", Behaviour(exits_after_s=5.0))
        rig.run(2)
        rig.assign(1, job(schedule="0 * * * *"))
        rig.run(30)
        runs = Runs(rig)
        rig.fuse, rig.dies_hard = boundary, power
        rig.run(60)
        assert status(rig).state is TaskState.STOPPED
        assert "exited with code 0" in status(rig).reason
        assert len(runs.starts) == 1 or (power and len(runs.starts) == 2)
        if rig.fuse is not None:
            assert boundary > 5
            return
    pytest.fail("too many boundaries")
