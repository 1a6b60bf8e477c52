"""What the engine warns of when it makes a container is told with its task, and harms nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.decide.report import AGAIN_S
from agent.decide.steps import WARNING_CHARS
from protocol.observed import NodeStatus, TaskState
from tests.fakes.agent import Rig, task

IGNORED = "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded."


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    for revision in ("a", "b"):
        rig.registry.push(f"web:{revision}")
    rig.run(2)
    rig.engine.warning = IGNORED
    rig.assign(1, task("a"))
    rig.run(10)
    return rig


def shown(rig: Rig) -> tuple[TaskState, str]:
    (status,) = rig.status().tasks
    return status.state, status.reason


def test_a_limit_that_the_kernel_ignores_is_told_while_the_task_runs(rig: Rig) -> None:
    """The task runs, its reason is Docker's sentence, and time makes no news of it."""
    assert shown(rig) == (TaskState.RUNNING, IGNORED)
    said = len(rig.messages(NodeStatus))
    rig.run(AGAIN_S / 2)
    assert len(rig.messages(NodeStatus)) == said


def test_a_warning_outlives_the_agent_and_every_restart(rig: Rig) -> None:
    """After a crash of the agent and a restart of the container it is told as before."""
    rig.crash()
    rig.run(10)
    assert shown(rig) == (TaskState.RUNNING, IGNORED)
    (box,) = rig.engine.running()
    box.end(1, rig.now_s)
    rig.run(30)
    assert shown(rig) == (TaskState.RUNNING, IGNORED)


def test_a_container_without_a_warning_ends_the_old_one(rig: Rig) -> None:
    """What is said of a container is gone with it."""
    rig.engine.warning = ""
    rig.assign(2, task("b"))
    rig.run(10)
    assert shown(rig) == (TaskState.RUNNING, "")


def test_a_long_warning_is_cut(rig: Rig) -> None:
    """An engine cannot fill the status."""
    rig.engine.warning = "x" * 10_000
    rig.assign(2, task("b"))
    rig.run(10)
    assert shown(rig) == (TaskState.RUNNING, "x" * WARNING_CHARS)
