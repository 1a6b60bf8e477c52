"""What a node decides about functions that run as processes: no engine is asked, and what they leave goes in time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.actions import NO_PROCESSES
from agent.decide import processes
from agent.decide.effects import Discard
from agent.decide.inputs import Phase, ProcessesSeen, RunSeen
from agent.decide.invocation import Run, State
from protocol.container import Container
from protocol.function import FunctionSpec, Mode
from protocol.observed import Result, ResultStatus, SensorEvent
from protocol.trigger import TriggerSpec
from tests.fakes.agent import DOORBELL, Rig

SHOUT = FunctionSpec(
    "shout",
    "porch",
    "r1",
    Container("", command=("cat",)),
    mode=Mode.PROCESS,
    triggers=(TriggerSpec("doorbell", "pressed"),),
)
LEFT = RunSeen("left-1", "left-1", "call-9", 1, Phase.EXITED)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.run(2)
    rig.assign(1, sensors=(DOORBELL,), functions=(SHOUT,))
    rig.run(2)
    return rig


def test_it_waits_for_no_engine(rig: Rig) -> None:
    """A process is taken and begun while the engine is away; this node's settings allow none, and its result says so."""
    rig.engine.daemon_stops()
    rig.run(20)
    rig.read("doorbell", on=True)
    rig.run(2)
    pressed = next(event for event in rig.messages(SensorEvent) if event.type == "pressed")
    (result,) = rig.messages(Result)
    assert pressed.taken == (result.id,)
    assert (result.status, result.reason) == (ResultStatus.FAILED, NO_PROCESSES)


def test_no_image_is_fetched_for_it(rig: Rig) -> None:
    """It has none, so nothing is missing and nothing is pulled."""
    assert rig.registry.pulls == 0
    assert rig.status().reasons == ()


def test_what_it_left_goes_once_nobody_needs_it(rig: Rig) -> None:
    """What belongs to no invocation that is under way is discarded, once, and again only when it is seen anew after it had gone."""
    node = rig.loop.node
    processes.seen(node, ProcessesSeen((LEFT,)))
    processes.clear(node)
    processes.clear(node)
    assert node.effects == [Discard("left-1")]
    processes.seen(node, ProcessesSeen((LEFT,)))
    processes.clear(node)
    assert node.effects == [Discard("left-1")]
    node.effects.clear()


def test_what_belongs_to_an_invocation_under_way_stays(rig: Rig) -> None:
    """Its result has not been committed; what an earlier attempt of it left goes, and so does what must give way."""
    node = rig.loop.node
    going = Run("call-9", "porch", "shout", state=State.DISPATCHED, attempt=1)
    node.runs.put("call-9", going)
    processes.seen(node, ProcessesSeen((replace(LEFT, id="left-0", attempt=0), LEFT)))
    processes.clear(node)
    assert node.effects == [Discard("left-0")]
    node.runs.put("call-9", replace(going, state=State.STOPPING))
    processes.clear(node)
    assert node.effects == [Discard("left-0"), Discard("left-1")]
    node.effects.clear()
