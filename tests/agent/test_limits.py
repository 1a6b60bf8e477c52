"""What a node remembers of what comes without end has its limits, and whatever is beyond them is counted (S9)."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.decide import publications
from agent.decide.invocations import MISSING_S
from agent.decide.limits import Limits
from agent.decide.publication import Publication
from protocol.desired import Invocation
from protocol.topics import InvocationTopic
from sim.images import Behaviour
from tests.fakes.agent import FLEET, NAME, Rig, function


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.registry.push("greet:1", Behaviour(exits_after_s=0.1, answer=lambda *_: "on"))
    rig.run(2)
    return rig


def call(rig: Rig, name: str, number: int = 1) -> None:
    made = Invocation(f"{name}-{number}", "porch", name, {"id": "event-1"}, "{}", epoch=1)
    rig.send(InvocationTopic(FLEET, NAME, made.id), made)
    rig.run(0.1)


def test_so_many_functions_are_missing_that_one_more_is_not_waited_for(rig: Rig) -> None:
    """It is refused at once, with a result and a count; those that are remembered keep their grace."""
    rig.node.limits = Limits(missing=2)
    rig.assign(1)
    for name in ("one", "two", "three"):
        call(rig, name)
    assert set(rig.node.missing) == {("porch", "one"), ("porch", "two")}
    assert list(rig.node.ended) == ["three-1"]
    assert rig.node.counts["calls_forgone",] == 1


def test_whoever_asks_no_more_is_forgotten_first(rig: Rig) -> None:
    """A function that has been missing for its whole grace makes room for another."""
    rig.node.limits = Limits(missing=2)
    rig.assign(1)
    call(rig, "one")
    call(rig, "two")
    rig.run(MISSING_S)
    call(rig, "three")
    assert set(rig.node.missing) == {("porch", "three")}
    assert list(rig.node.ended) == []


def test_the_oldest_ends_are_forgotten(rig: Rig) -> None:
    """As many ids of ended invocations are kept as there is room for, the newest ones."""
    rig.node.limits = Limits(ended=2)
    rig.assign(1, functions=(function(),))
    rig.run(2)
    for number in range(4):
        call(rig, "greet", number)
        rig.run(2)
    assert list(rig.node.ended) == ["greet-2", "greet-3"]


def test_a_publication_that_is_gone_is_not_on_its_way(rig: Rig) -> None:
    """Nothing is remembered of how one went that had to make room."""
    rig.node.limits = Limits(publications=1)
    publications.keep(rig.node, Publication("first", "home/door", "open", retain=False))
    rig.node.publishing["first"] = 1
    publications.keep(rig.node, Publication("second", "home/door", "shut", retain=False))
    assert list(rig.node.publications) == ["second"]
    assert rig.node.publishing == {}


def test_why_a_function_could_not_begin_goes_with_what_waited_for_it(rig: Rig) -> None:
    """Nothing is remembered of a function that nobody waits for."""
    rig.assign(1, functions=(function(),))
    rig.run(2)
    rig.engine.disk_full = True
    rig.node.hindered["porch.gone"] = "its registry was away"
    call(rig, "greet")
    rig.run(2)
    assert "porch.gone" not in rig.node.hindered
