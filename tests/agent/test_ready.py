"""What is staged has its container made, and not started, before it may be tried."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.decide.effects import Create, Start, Stop
from agent.decide.inputs import Phase
from agent.decide.restarts import LONGEST_DELAY_S
from protocol.desired import Job, Lock, Offer, Strategy
from protocol.observed import OfferState, OfferStatus
from sim.images import Behaviour
from tests.fakes.agent import Rig, offer, task

WEB, SHOP = "porch.web.1", "porch.shop.1"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A node that runs revision a of two tasks."""
    rig = Rig(tmp_path)
    for revision in ("a", "b", "c"):
        rig.registry.push(f"web:{revision}", Behaviour())
    rig.run(2)
    rig.assign(1, task("a"), replace(task("a"), task=SHOP))
    rig.run(5)
    assert rig.running() == {WEB: ["a"], SHOP: ["a"]}
    return rig


def offered(rig: Rig) -> OfferStatus:
    (status,) = rig.status().offers
    return status


def test_what_is_granted_is_only_stopped_and_started(rig: Rig) -> None:
    """Its container was there, and has not run before."""
    rig.offer(1, offer(task("b"), monitor_s=0.0))
    rig.run(5)
    assert rig.boxes()[WEB] == ["a", "b"]
    assert rig.running()[WEB] == ["a"]
    assert offered(rig).state is OfferState.STAGED
    rig.effects.clear()
    rig.grant()
    rig.run(1)
    steps = [type(effect) for effect in rig.effects if isinstance(effect, Create | Start | Stop)]
    assert steps == [Stop, Start]
    assert (rig.boxes()[WEB], offered(rig).state) == (["b"], OfferState.SETTLED)


def test_a_grant_that_comes_meanwhile_waits_for_it(rig: Rig) -> None:
    """The engine is not asked for the same container twice."""
    rig.offer(1, offer(task("b"), monitor_s=0.0))
    while not any(isinstance(step, Create) for _, step in rig.work):
        rig.run(0.001)
    rig.grant()
    rig.run(1)
    made = [effect for effect in rig.effects if isinstance(effect, Create) and effect.task.revision == "b"]
    assert len(made) == 1
    assert (rig.boxes()[WEB], offered(rig).state) == (["b"], OfferState.SETTLED)


def test_one_is_made_at_a_time(rig: Rig) -> None:
    """All are made in the end, and never two at once: those that are granted are not to wait for them."""
    rig.offer(1, offer(task("b")), offer(replace(task("b"), task=SHOP)))
    made = 0
    for _ in range(50):
        rig.run(0.1)
        under_way = [step for _, step in rig.work if isinstance(step, Create)]
        assert len(under_way) <= 1
        made = max(made, sum("b" in revisions for revisions in rig.boxes().values()))
    assert made == 2


def test_one_goes_with_its_offer(rig: Rig) -> None:
    """What is offered no more, or with another content, leaves no container behind."""
    rig.offer(1, offer(task("b")))
    rig.run(5)
    rig.offer(2, offer(task("c"), "r-2"))
    rig.run(5)
    assert rig.boxes()[WEB] == ["a", "c"]
    rig.offer(3)
    rig.run(5)
    assert rig.boxes() == {WEB: ["a"], SHOP: ["a"]}


def test_one_goes_with_its_task(rig: Rig) -> None:
    """A task that is assigned no more leaves nothing behind."""
    rig.offer(1, offer(task("b")))
    rig.run(5)
    rig.assign(2, replace(task("a"), task=SHOP))
    rig.run(15)
    assert rig.boxes() == {SHOP: ["a"]}


def test_one_that_cannot_be_made_disturbs_nothing(rig: Rig) -> None:
    """It is tried again after a while, and tells nothing: after the grant it would be the trial's failure."""
    foreign = rig.engine.put_foreign(rig.engine.place.task_name(task("b")), task("b").container)
    rig.offer(1, offer(task("b")))
    rig.run(60)
    tried = [effect for effect in rig.effects if isinstance(effect, Create) and effect.task.revision == "b"]
    assert len(tried) == 1
    assert (offered(rig).state, offered(rig).reason) == (OfferState.STAGED, "")
    del rig.engine.boxes[foreign.name]
    rig.run(LONGEST_DELAY_S)
    assert [box.phase for box in rig.engine.boxes.values() if box.name == foreign.name] == [Phase.CREATED]


def test_what_the_engine_said_at_the_making_is_said_of_the_task(rig: Rig) -> None:
    """The warning came long before the start, and is told with it."""
    rig.engine.warning = "no memory limit here"
    rig.offer(1, offer(task("b"), monitor_s=0.0))
    rig.run(5)
    rig.engine.warning = ""
    rig.grant()
    rig.run(5)
    (web,) = [one for one in rig.status().tasks if one.task == WEB]
    assert (web.revision, web.reason) == ("b", "no memory limit here")


@pytest.mark.parametrize(
    "made",
    [
        offer(task("b"), strategy=Strategy.KILL_THEN_DOWNLOAD),
        offer(replace(task("b"), job=Job("0 3 * * *"))),
        offer(task("b", pull_policy="always")),
        offer(task("b"), lock=Lock("/run/busy", 60.0)),
    ],
    ids=["the image comes late", "a job", "an image brought anew", "a lock"],
)
def test_some_are_made_only_after_the_grant(rig: Rig, made: Offer) -> None:
    """There is nothing to make it of, no need, a promise to make it of the newest image, or another step of the same name."""
    rig.offer(1, made)
    rig.run(20)
    assert rig.boxes()[WEB] == ["a"]
