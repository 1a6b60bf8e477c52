"""What a node tells of its work with functions: when it changes, not too often, and anew on every connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.load import FunctionLoad, Load
from sim.images import Behaviour
from tests.agent.test_functions import assign, call
from tests.fakes.agent import Rig, function

GREET = "porch.greet"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.registry.push("greet:1", Behaviour(exits_after_s=5.0))
    rig.run(2)
    return rig


def test_a_node_without_functions_says_nothing(rig: Rig) -> None:
    """A fleet of sensors costs nobody a message."""
    rig.run(100)
    assert rig.messages(Load) == []


def test_runs_are_told_as_they_begin_wait_and_end(rig: Rig) -> None:
    """One in flight for each that the function's concurrency allows, and the rest waiting."""
    assign(rig, function(concurrency=1))
    call(rig, 1)
    call(rig, 2)
    rig.run(3)
    assert rig.messages(Load)[-1] == Load((FunctionLoad(GREET, 1, 1),))
    rig.run(5)
    assert rig.messages(Load)[-1] == Load((FunctionLoad(GREET, 1, 0),))
    rig.run(10)
    assert rig.messages(Load)[-1] == Load()


def test_a_burst_is_told_once_a_second(rig: Rig) -> None:
    """What changes fifty times in three seconds makes some three messages, and the last one tells how it stands."""
    assign(rig, function(concurrency=1))
    rig.run(5)
    before = len(rig.messages(Load))
    for number in range(50):
        call(rig, number)
        rig.run(0.06)
    rig.run(1.5)
    told = rig.messages(Load)[before:]
    assert 2 <= len(told) <= 6
    assert told[-1].functions[0].busy == 50


def test_at_rest_it_is_told_with_each_health(rig: Rig) -> None:
    """A lost sample is made good within half a minute."""
    assign(rig, function())
    rig.run(10)
    before = len(rig.messages(Load))
    rig.run(120)
    assert [*map(type, rig.messages(Load)[before:])] == [Load] * 4


def test_every_connection_hears_it_anew(rig: Rig) -> None:
    """The controller may have forgotten it with the last one."""
    assign(rig, function(concurrency=1))
    call(rig, 1)
    rig.run(1)
    rig.cut()
    rig.run(1)
    before = len(rig.messages(Load))
    rig.mend()
    rig.run(3)
    assert rig.messages(Load)[before] == Load((FunctionLoad(GREET, 1, 0),))


def test_a_load_is_no_fact(rig: Rig) -> None:
    """While there is no link nothing of it waits."""
    assign(rig, function())
    rig.cut()
    rig.run(60)
    assert rig.store.outbox.size == 0
