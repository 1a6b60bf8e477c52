"""What runs follows what is assigned, whatever was there before: the whole agent on an engine in virtual time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from agent.decide.effects import Create, Look, Start
from agent.decide.inputs import EngineHint
from protocol.container import HealthCheck, Port
from protocol.desired import Restart, RestartCondition
from protocol.observed import TaskState
from sim.images import CRASHING, SICK, Behaviour
from tests.fakes.agent import Rig, task

WEB = "porch.web.1"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    for revision in ("a", "b"):
        rig.registry.push(f"web:{revision}")
    rig.run(2)
    return rig


def state(rig: Rig, name: str = WEB) -> TaskState:
    return next(t.state for t in rig.status().tasks if t.task == name)


def gaps(rig: Rig, starts: int) -> list[float]:
    """The times between the first so many starts of the only container."""
    seen: list[float] = []
    while len(seen) < starts:
        rig.run(0.5)
        (box,) = rig.engine.boxes.values() or (None,)
        if box is not None and box.starts > len(seen):
            seen.append(box.started_s)
    return [later - earlier for earlier, later in pairwise(seen)]


def test_an_assigned_task_runs(rig: Rig) -> None:
    """A task is pulled, created, started, and reported as running with its generation."""
    rig.assign(1, task("a"))
    rig.run(5)
    assert rig.running() == {WEB: ["a"]}
    assert state(rig) is TaskState.RUNNING
    assert rig.status().observed_generation == 1


def test_a_newer_assignment_replaces_what_runs(rig: Rig) -> None:
    """A new revision takes the place of the old one, and the old container is removed."""
    rig.assign(1, task("a", ports=(Port(80, 8080),)))
    rig.run(5)
    rig.assign(2, task("b", ports=(Port(80, 8080),)))
    rig.run(10)
    assert rig.boxes() == {WEB: ["b"]}


def test_another_content_of_the_same_revision_is_another_task(rig: Rig) -> None:
    """A spec hash that differs replaces the container although its revision is the same."""
    rig.assign(1, task("a"))
    rig.run(5)
    rig.assign(2, task("a", environment={"COLOUR": "red"}))
    rig.run(10)
    assert [box.container.environment for box in rig.engine.running()] == [{"COLOUR": "red"}]


def test_what_is_not_assigned_any_more_is_removed(rig: Rig) -> None:
    """A task that left the assignment is stopped and removed."""
    rig.assign(1, task("a"))
    rig.run(5)
    rig.assign(2)
    rig.run(5)
    assert rig.boxes() == {}
    assert rig.status().tasks == ()


def test_an_older_assignment_changes_nothing(rig: Rig) -> None:
    """The applied generation never decreases, and a repetition is no news."""
    rig.assign(2, task("a"))
    rig.run(5)
    before = rig.engine.running()[0].id
    rig.assign(1, task("b"))
    rig.assign(2, task("b"))
    rig.run(5)
    assert rig.status().observed_generation == 2
    assert [box.id for box in rig.engine.running()] == [before]


def test_a_restart_of_the_agent_disturbs_nothing(rig: Rig) -> None:
    """The same containers run on under a new process, without a step."""
    rig.assign(1, task("a"))
    rig.run(5)
    before = [(box.id, box.started) for box in rig.engine.running()]
    rig.crash()
    rig.run(60)
    assert [(box.id, box.started) for box in rig.engine.running()] == before


def test_a_power_cut_offline_brings_everything_back(rig: Rig) -> None:
    """After a boot without any network the node runs what it ran, at once."""
    rig.assign(1, task("a"))
    rig.run(5)
    rig.online = False
    rig.cut_power()
    rig.run(2)
    assert rig.running() == {WEB: ["a"]}


def test_a_crashing_task_is_restarted_ever_more_slowly(rig: Rig) -> None:
    """Restarts wait 10 s, 20 s, 40 s, and the status says so."""
    rig.registry.push("web:crash", CRASHING)
    rig.assign(1, task("crash"))
    assert gaps(rig, 4) == [pytest.approx(11, abs=1.5), pytest.approx(21, abs=1.5), pytest.approx(41, abs=1.5)]
    rig.run(3)
    (status,) = rig.status().tasks
    assert status.reason == "crash loop: exited with code 1 (attempt 4); next attempt after 80 s"
    assert (status.state, status.attempt) == (TaskState.FAILED, 4)


def test_a_stable_stretch_forgets_failures(rig: Rig) -> None:
    """A task that ran well for ten minutes is started at once after each of its ends."""
    rig.registry.push("web:slow", Behaviour(exits_after_s=650.0, exit_code=1))
    rig.assign(1, task("slow"))
    assert gaps(rig, 4) == [pytest.approx(650, abs=1)] * 3


def test_the_first_end_of_what_ran_well_is_answered_at_once(rig: Rig) -> None:
    """Killed once, it is back within one look and one start; further ends in a row wait 10 s, 20 s and so on."""
    rig.registry.push("web:slow", Behaviour(exits_after_s=30.0, exit_code=137))
    rig.assign(1, task("slow"))
    assert gaps(rig, 4) == [pytest.approx(30.2, abs=0.2), pytest.approx(41, abs=1.5), pytest.approx(51, abs=1.5)]


def test_a_killed_container_is_back_after_one_look_and_one_start(rig: Rig) -> None:
    """Between the engine's hint and the start lie one look and no tick; the same container is started, none is made."""
    rig.assign(1, task("a"))
    rig.run(15)
    (box,) = rig.engine.running()
    rig.effects.clear()
    box.end(137, rig.now_s)
    rig.loop.inbox.put(EngineHint())
    rig.run(0.2)
    assert [type(effect) for effect in rig.effects if isinstance(effect, Look | Create | Start)][:2] == [Look, Start]
    assert rig.engine.running() == (box,)


def test_a_delay_of_its_own_is_kept_before_each_attempt(rig: Rig) -> None:
    """`delay_s` is the pause before the first restart and before the tenth, as Swarm has it."""
    rig.registry.push("web:crash", Behaviour(exits_after_s=20.0, exit_code=1))
    rig.assign(1, task("crash", restart=Restart(delay_s=3.0)))
    assert gaps(rig, 5) == [pytest.approx(23.2, abs=1.2)] * 4


def test_attempts_are_counted_within_their_window(rig: Rig) -> None:
    """Two attempts in a minute: a task that ends every 40 s goes on for ever, one that ends every 5 s does not."""
    rig.registry.push("web:slow", Behaviour(exits_after_s=40.0, exit_code=1))
    rig.registry.push("other:fast", Behaviour(exits_after_s=5.0, exit_code=1))
    policy = Restart(max_attempts=2, delay_s=0.0, window_s=60.0)
    rig.assign(1, task("slow", restart=policy), task("fast", "porch.other.1", restart=policy))
    rig.run(400)
    starts = {box.labels["io.bramble.task"]: box.starts for box in rig.engine.boxes.values()}
    assert starts["porch.other.1"] == 3
    assert starts["porch.web.1"] >= 9


def test_max_attempts_ends_the_restarts(rig: Rig) -> None:
    """A task with two restarts is started three times, and then left alone."""
    rig.registry.push("web:crash", CRASHING)
    rig.assign(1, task("crash", restart=Restart(RestartCondition.ON_FAILURE, max_attempts=2)))
    rig.run(1000)
    (box,) = rig.engine.boxes.values()
    assert box.starts == 3
    assert "not tried again" in rig.status().tasks[0].reason


@pytest.mark.parametrize("condition", [RestartCondition.NONE, RestartCondition.ON_FAILURE])
def test_a_job_that_ended_well_is_not_run_again(rig: Rig, condition: RestartCondition) -> None:
    """A task that need not go on stays stopped, also over a restart of the agent and the removal of its container."""
    rig.registry.push("web:job", Behaviour(exits_after_s=1.0))
    rig.assign(1, task("job", restart=Restart(condition)))
    rig.run(10)
    assert state(rig) is TaskState.STOPPED
    rig.crash()
    rig.run(60)
    assert [box.starts for box in rig.engine.boxes.values()] == [1]
    rig.engine.boxes.clear()
    rig.run(60)
    assert rig.engine.boxes == {}


def test_an_unhealthy_task_is_restarted(rig: Rig) -> None:
    """A container whose check fails is stopped and started by the same rule as one that ended."""
    rig.registry.push("web:sick", SICK)
    rig.assign(1, task("sick", healthcheck=HealthCheck(("CMD", "true"))))
    rig.run(60)
    (box,) = rig.engine.boxes.values()
    assert box.starts >= 2
    assert "unhealthy" in rig.status().tasks[0].reason


def test_a_container_that_vanished_is_made_again(rig: Rig) -> None:
    """Somebody's `docker rm -f` is undone at the next look."""
    rig.assign(1, task("a"))
    rig.run(5)
    rig.engine.boxes.clear()
    rig.run(30)
    assert rig.running() == {WEB: ["a"]}


def test_an_image_that_does_not_exist_is_rejected_and_the_rest_goes_on(rig: Rig) -> None:
    """The reason names the image, other tasks run, and the next attempt is five minutes away."""
    rig.assign(
        1,
        task("typo"),
        task(
            "a",
            "porch.other.1",
        ),
    )
    rig.registry.push("other:a")
    rig.run(20)
    assert state(rig) is TaskState.REJECTED
    assert "web:typo" in next(t.reason for t in rig.status().tasks if t.task == WEB)
    assert rig.running() == {"porch.other.1": ["a"]}
    rig.registry.push("web:typo")
    rig.run(320)
    assert state(rig) is TaskState.RUNNING


def test_a_registry_that_is_down_is_tried_again(rig: Rig) -> None:
    """A pull that cannot work now is prepared on and on, and works when the registry is back."""
    rig.registry.up = False
    rig.assign(1, task("a"))
    rig.run(30)
    assert state(rig) is TaskState.PREPARING
    rig.registry.up = True
    rig.run(120)
    assert state(rig) is TaskState.RUNNING


def test_an_engine_that_is_away_is_told_and_healed(rig: Rig) -> None:
    """The status says that there is no engine; when it is back, what ended meanwhile is started at once."""
    rig.assign(1, task("a"))
    rig.run(5)
    rig.engine.daemon_stops()
    rig.run(20)
    assert rig.status().reasons[0].startswith("no container engine: ")
    rig.engine.power_cut()
    rig.engine.daemon_starts()
    rig.run(20)
    assert rig.running() == {WEB: ["a"]}
    assert rig.status().reasons == ()


def test_a_lost_store_stops_nothing(rig: Rig) -> None:
    """Before an assignment has come nobody knows what should run: what runs goes on, and is taken over by the same assignment."""
    rig.assign(1, task("a"))
    rig.run(5)
    before = [(box.id, box.starts) for box in rig.engine.running()]
    rig.store.close()
    for file in rig.folder.iterdir():
        file.unlink()
    rig.start()
    rig.run(60)
    assert [(box.id, box.starts) for box in rig.engine.running()] == before
    rig.assign(1, task("a"))
    rig.run(30)
    assert [(box.id, box.starts) for box in rig.engine.running()] == before


def test_a_foreign_container_is_never_touched(rig: Rig) -> None:
    """What does not carry our labels runs on, whatever is assigned."""
    box = rig.engine.put_foreign("theirs", task("a").container)
    rig.assign(1, task("a"))
    rig.run(5)
    rig.assign(2)
    rig.run(5)
    assert rig.engine.running() == (box,)


def test_the_fourth_start_waits_for_its_port(rig: Rig) -> None:
    """A port in use is no failure of the task: it is tried again and works once the port is free."""
    theirs = rig.engine.put_foreign("theirs", task("a", ports=(Port(80, 8080),)).container)
    rig.assign(1, task("a", ports=(Port(80, 8080),)))
    rig.run(30)
    assert "port" in rig.status().tasks[0].reason
    theirs.end(0, rig.now_s)
    rig.run(90)
    assert rig.running() == {WEB: ["a"]}


def test_an_engine_that_hangs_is_told_and_healed(rig: Rig) -> None:
    """A look without an answer is no silence: within a minute the status says so, and the answer ends it."""
    rig.assign(1, task("a"))
    rig.run(5)
    look = rig.engine.look
    answers = [False]
    rig.engine.look = lambda: look() if answers[0] else None  # type: ignore[method-assign, assignment, return-value]
    rig.run(62)
    assert "has not answered" in rig.status().reasons[0]
    answers[0] = True
    rig.loop.inbox.put(look())
    rig.run(2)
    assert rig.status().reasons == ()
    assert rig.running() == {WEB: ["a"]}


def test_what_an_earlier_revision_could_not_do_is_not_held_against_the_next(rig: Rig) -> None:
    """A pull that gives up after the assignment has changed rejects nothing."""
    rig.assign(1, task("typo"))
    rig.run(0.01)
    rig.assign(2, task("a"))
    rig.run(6)
    assert rig.running() == {WEB: ["a"]}
