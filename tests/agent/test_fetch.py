"""The image of a function is here before its first event."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.observed import Result, ResultStatus
from protocol.trigger import TriggerSpec
from sim.images import Behaviour
from tests.fakes.agent import DOORBELL, LAMP, Rig, function

PRESSED = TriggerSpec("doorbell", "pressed")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.run(2)
    return rig


def assign(rig: Rig) -> None:
    rig.assign(1, sensors=(DOORBELL,), actuators=(LAMP,), functions=(function(triggers=(PRESSED,)),))


def test_a_function_runs_although_the_registry_is_away_since_its_assignment(rig: Rig) -> None:
    """Whoever assigns a function brings its image along; the first event needs no network."""
    rig.registry.push("greet:1", Behaviour(exits_after_s=0.5))
    assign(rig)
    rig.run(30)
    rig.registry.up = False
    rig.read("doorbell", on=True)
    rig.run(10)
    (result,) = rig.messages(Result)
    assert result.status is ResultStatus.DONE


def test_an_image_that_does_not_exist_is_told_before_anybody_calls(rig: Rig) -> None:
    """The node says which function it cannot run, and says it no more once the image is there."""
    assign(rig)
    rig.run(30)
    (reason,) = rig.status().reasons
    assert "function porch.greet" in reason
    assert "greet:1" in reason
    rig.registry.push("greet:1", Behaviour(exits_after_s=0.5))
    rig.run(400)
    assert rig.status().reasons == ()


def test_what_is_no_longer_assigned_is_no_longer_remembered(rig: Rig) -> None:
    """Neither its reason nor its waiting time: a node is given thousands of functions in its life (S9)."""
    for generation in range(1, 6):
        rig.assign(generation, functions=(function(f"f-{generation}"),))
        rig.run(30)
    assert list(rig.node.unfetched) == ["function porch.f-5"]
    rig.assign(6)
    rig.run(600)
    assert rig.node.unfetched == rig.node.waits == {}
