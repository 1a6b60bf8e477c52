"""A task starts after what it depends on, wherever both are on one node: the whole agent on an engine in virtual time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from protocol.container import HealthCheck
from protocol.desired import Dependency, DependencyCondition, Restart, RestartCondition, TaskSpec
from protocol.observed import TaskState
from sim.images import Behaviour
from tests.fakes.agent import Rig, task

DB, WEB = "porch.db.1", "porch.web.1"
SLOW = Behaviour(health=((0.0, "starting"), (8.0, "healthy")))
ONCE = Restart(RestartCondition.ON_FAILURE)
CHECK = HealthCheck(("CMD", "true"))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    for image in ("web:a", "web:b", "db:a"):
        rig.registry.push(image)
    rig.registry.push("db:slow", SLOW)
    rig.run(2)
    return rig


def web(condition: DependencyCondition, revision: str = "a", *, required: bool = True) -> TaskSpec:
    need = Dependency("db", condition, required=required)
    return replace(task(revision, WEB), depends_on=(need,))


def reason(rig: Rig) -> str:
    return next(status.reason for status in rig.status().tasks if status.task == WEB)


def order(rig: Rig) -> list[str]:
    """The tasks that run, in the order of their start."""
    boxes = sorted(rig.engine.running(), key=lambda box: box.started_s)
    return [box.labels["io.bramble.task"] for box in boxes]


@pytest.mark.parametrize(
    ("condition", "revision", "waits"),
    [
        (DependencyCondition.STARTED, "a", ""),
        (DependencyCondition.HEALTHY, "slow", "waits for db to be healthy"),
    ],
)
def test_a_task_starts_after_its_dependency(
    rig: Rig, condition: DependencyCondition, revision: str, waits: str
) -> None:
    """It is made at once, told what it waits for, and started when that has come true."""
    rig.assign(1, web(condition), task(revision, DB, healthcheck=CHECK))
    rig.run(4)
    assert set(rig.boxes()) == {DB, WEB}
    if waits:
        assert order(rig) == [DB]
        assert reason(rig) == waits
    rig.run(10)
    assert order(rig) == [DB, WEB]
    assert reason(rig) == ""


def test_a_task_starts_after_a_migration_has_completed(rig: Rig) -> None:
    """A dependency that must complete is waited for until it has ended with 0; its retries are its own business."""
    rig.registry.push("db:once", Behaviour(exits_after_s=6.0))
    rig.assign(1, web(DependencyCondition.COMPLETED), task("once", DB, restart=ONCE))
    rig.run(5)
    assert reason(rig) == "waits for db to complete"
    rig.run(10)
    assert order(rig) == [WEB]


def test_a_dependency_that_failed_for_good_is_a_reason(rig: Rig) -> None:
    """The task does not start, and says of what it waits for why that will not come."""
    rig.registry.push("db:bad", Behaviour(exits_after_s=1.0, exit_code=3))
    never = Restart(RestartCondition.NONE)
    rig.assign(1, web(DependencyCondition.COMPLETED), task("bad", DB, restart=never))
    rig.run(30)
    assert order(rig) == []
    assert reason(rig) == "waits for db to complete, which failed: exited with code 3 (attempt 1)"
    rig.assign(2, web(DependencyCondition.COMPLETED, required=False), task("bad", DB, restart=never))
    rig.run(5)
    assert order(rig) == [WEB]


def test_what_is_not_on_this_node_is_not_waited_for(rig: Rig) -> None:
    """A service without a task here holds up nobody, and neither does one of that name in another stack."""
    rig.registry.push("db:missing", SLOW)
    rig.assign(1, web(DependencyCondition.HEALTHY), task("missing", "hall.db.1"))
    rig.run(4)
    assert order(rig)[-1] == WEB or order(rig)[0] == WEB
    assert reason(rig) == ""


def test_a_dependency_without_a_check_is_told(rig: Rig) -> None:
    """What can never be healthy is named as the reason."""
    rig.assign(1, web(DependencyCondition.HEALTHY), task("a", DB))
    rig.run(10)
    assert reason(rig) == "waits for db to be healthy, which has no health check"


def test_the_order_holds_after_a_power_cut(rig: Rig) -> None:
    """After a boot, offline, the dependency is started and well before the task is."""
    rig.assign(1, web(DependencyCondition.HEALTHY), task("slow", DB, healthcheck=CHECK))
    rig.run(20)
    rig.online = False
    rig.cut_power()
    rig.run(4)
    assert order(rig) == [DB]
    rig.run(12)
    assert order(rig) == [DB, WEB]


def test_a_dependency_that_restarts_stops_nobody(rig: Rig) -> None:
    """What runs runs on while its dependency is away, and restarts without waiting for it."""
    rig.assign(1, web(DependencyCondition.HEALTHY), task("slow", DB, healthcheck=CHECK))
    rig.run(30)
    (before,) = [box for box in rig.engine.running() if box.labels["io.bramble.task"] == WEB]
    rig.engine.boxes[next(name for name in rig.engine.boxes if "db" in name)].end(1, rig.now_s)
    before.end(137, rig.now_s)
    rig.run(17)
    assert before.runs
    assert before.started_s < rig.engine.running()[-1].started_s + 8.0
    assert next(s.state for s in rig.status().tasks if s.task == WEB) is TaskState.RUNNING


def test_an_update_waits_before_it_stops_what_runs(rig: Rig) -> None:
    """A new content whose dependency is not ready leaves the old one running."""
    rig.assign(1, task("a", WEB))
    rig.run(5)
    rig.assign(2, web(DependencyCondition.HEALTHY, "b"), task("slow", DB, healthcheck=CHECK))
    rig.run(5)
    assert rig.running()[WEB] == ["a"]
    rig.run(15)
    assert rig.boxes() == {DB: ["slow"], WEB: ["b"]}
