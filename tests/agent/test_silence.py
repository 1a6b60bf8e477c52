"""A task with `stop_after_s` does not outlive the controller's silence: the whole agent in virtual time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from protocol.desired import Ack
from protocol.observed import TaskState
from protocol.topics import AckTopic
from tests.fakes.agent import FLEET, NAME, Rig, task

WEB = "porch.web.1"
QUIET = replace(task("a"), stop_after_s=60.0)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    for image in ("web:a", "other:a"):
        rig.registry.push(image)
    rig.run(2)
    rig.assign(1, QUIET, task("a", "porch.other.1"))
    rig.run(5)
    return rig


def state(rig: Rig) -> TaskState:
    found = rig.node.tasks.get(WEB)
    assert found is not None
    return found.state


def test_it_is_stopped_after_its_time_and_nothing_else_is(rig: Rig) -> None:
    """After 60 s without the controller the task is stopped, with the reason; a task without the setting runs on."""
    rig.cut()
    rig.run(58)
    assert set(rig.running()) == {WEB, "porch.other.1"}
    rig.run(4)
    assert set(rig.running()) == {"porch.other.1"}
    record = rig.node.tasks.get(WEB)
    assert record is not None
    assert record.reason == "stopped, because the controller was not heard for longer than 1 min"
    rig.run(600)
    assert state(rig) is TaskState.STOPPED


def test_it_starts_again_when_the_controller_is_heard(rig: Rig) -> None:
    """The link alone is no word of the controller; the acknowledged hello is. The stop that we asked for counts as no failure."""
    rig.cut()
    rig.run(70)
    rig.acknowledging = False
    rig.mend()
    rig.run(20)
    assert WEB not in rig.running()
    (status,) = [status for status in rig.status().tasks if status.task == WEB]
    assert status.state is TaskState.ASSIGNED  # a stopped one would be a job that is done
    assert status.reason.startswith("stopped, because the controller was not heard")
    rig.send(AckTopic(FLEET, NAME), Ack(rig.node.stream, 0, ()))
    rig.run(1)
    assert rig.running()[WEB] == ["a"]
    rig.run(5)
    (status,) = [status for status in rig.status().tasks if status.task == WEB]
    assert (status.state, status.attempt, status.reason) == (TaskState.RUNNING, 1, "")


def test_a_boot_while_away_starts_nothing_until_the_controller_is_heard(rig: Rig) -> None:
    """Nobody knows for how long a node was off, so such a task waits, over any number of boots, and comes back with the link."""
    rig.cut()
    rig.run(5)
    for _ in range(2):
        rig.cut_power()
        rig.run(30)
        assert set(rig.running()) == {"porch.other.1"}
    rig.online = True
    rig.crash()
    rig.run(5)
    assert set(rig.running()) == {WEB, "porch.other.1"}


def test_a_restart_of_the_agent_while_away_forgets_nothing(rig: Rig) -> None:
    """Silence is counted on over a restart of the process, and a task that was stopped stays so."""
    rig.cut()
    rig.run(40)
    rig.crash()
    rig.run(15)
    assert WEB in rig.running()
    rig.run(10)
    assert WEB not in rig.running()
    rig.crash()
    rig.run(30)
    assert WEB not in rig.running()
    assert state(rig) is TaskState.STOPPED


def test_a_short_silence_changes_nothing(rig: Rig) -> None:
    """A link that falls for less than its time disturbs no container, however often."""
    before = [(box.id, box.starts) for box in rig.engine.running()]
    for _ in range(5):
        rig.cut()
        rig.run(40)
        rig.mend()
        rig.run(40)
    assert [(box.id, box.starts) for box in rig.engine.running()] == before
