"""A process may die between any two steps, and between a step and its commit: each boundary of each story is tried.

Dying loses everything since the last commit; the engine keeps what was done. After the restart the node ends wholly old or wholly
new, with one container for each task, and it never ran two copies on the way where it must not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from protocol.container import Port
from protocol.desired import Order
from protocol.observed import OfferState, Request, Result, ResultStatus
from protocol.trigger import TriggerSpec
from sim.images import Behaviour
from tests.fakes.agent import DOORBELL, LAMP, Rig, function, offer, task

WEB = "porch.web.1"
A = task("a", ports=(Port(80, 8080),))
B = task("b", ports=(Port(80, 8080),))
CRASH = task("crash", ports=(Port(80, 8080),))
BOUNDARIES_MOST = 200


def made(folder: Path) -> Rig:
    folder.mkdir()
    rig = Rig(folder)
    for revision in ("a", "b"):
        rig.registry.push(f"web:{revision}")
    rig.registry.push("web:crash", Behaviour(exits_after_s=2.0, exit_code=3))
    rig.run(2)
    rig.assign(1, A)
    rig.run(5)
    return rig


def watched(rig: Rig, seconds: float) -> None:
    """Let time pass; never are there two copies of a task."""
    for _ in range(round(seconds / 0.25)):
        rig.run(0.25)
        assert all(len(revisions) == 1 for revisions in rig.running().values())


def every_boundary(folder: Path, story: Callable[[Rig], None], *, power: bool = False) -> int:
    """Tell a story again and again, dying one boundary later each time, until it ends before the fuse does.

    With `power` not only the process dies but everything that runs on the node.
    """
    for boundary in range(BOUNDARIES_MOST):
        rig = made(folder / str(boundary))
        rig.fuse, rig.dies_hard = boundary, power
        story(rig)
        if rig.fuse is not None:
            return boundary
    pytest.fail(f"the story has more than {BOUNDARIES_MOST} boundaries")


@pytest.mark.parametrize("power", [False, True], ids=["kill", "power cut"])
def test_a_replacement_survives_death_at_every_boundary(tmp_path: Path, power: bool) -> None:
    """From revision a to b: wherever the process dies, in the end b runs, once, and a is gone."""

    def story(rig: Rig) -> None:
        rig.assign(2, B)
        watched(rig, 5)
        rig.assign(2, B)  # what the controller says after a hello that differs
        watched(rig, 25)
        assert rig.boxes() == {WEB: ["b"]}
        assert rig.running() == {WEB: ["b"]}

    assert every_boundary(tmp_path, story, power=power) >= 16


def trial(rig: Rig, revision: str) -> None:
    spec = {"b": B, "crash": CRASH}[revision]
    rig.offer(1, offer(spec))
    watched(rig, 6)
    rig.offer(1, offer(spec))
    for _ in range(4):
        watched(rig, 10)
        if rig.messages(Request) and rig.node.asked:
            rig.grant()
    watched(rig, 40)


def test_a_trial_that_goes_well_survives_death_at_every_boundary(tmp_path: Path) -> None:
    """Wherever the process dies, the revision is settled in the end, once, and the old container is gone."""

    def story(rig: Rig) -> None:
        trial(rig, "b")
        assert [status.state for status in rig.status().offers] == [OfferState.SETTLED]
        assert rig.boxes() == {WEB: ["b"]}
        assert rig.running() == {WEB: ["b"]}

    assert every_boundary(tmp_path, story) > 20


@pytest.mark.parametrize("power", [False, True], ids=["kill", "power cut"])
def test_a_trial_that_fails_survives_death_at_every_boundary(tmp_path: Path, power: bool) -> None:
    """Wherever the process dies, the very container of before runs again in the end, and the trial is remembered as failed."""

    def story(rig: Rig) -> None:
        (before,) = (box.id for box in rig.engine.boxes.values())
        trial(rig, "crash")
        assert [status.state for status in rig.status().offers] == [OfferState.FAILED]
        assert [box.id for box in rig.engine.running()] == [before]
        assert rig.boxes() == {WEB: ["a"]}

    assert every_boundary(tmp_path, story, power=power) > 20


def test_a_removal_survives_death_at_every_boundary(tmp_path: Path) -> None:
    """Wherever the process dies, nothing is left of a stack that was removed."""

    def story(rig: Rig) -> None:
        rig.assign(2)
        watched(rig, 4)
        rig.assign(2)
        watched(rig, 20)
        assert rig.boxes() == {}

    assert every_boundary(tmp_path, story) >= 6


def test_an_event_and_its_function_survive_death_at_every_boundary(tmp_path: Path) -> None:
    """Wherever the process dies after the event was accepted, its function has one result and ran once, unless it died within."""

    def story(rig: Rig) -> None:
        fuse, rig.fuse = rig.fuse, None
        rig.registry.push("greet:1", Behaviour(exits_after_s=0.2, answer=lambda *_: '{"actuators": {"lamp": "on"}}'))
        called = function(triggers=(TriggerSpec("doorbell", "pressed"),))
        rig.assign(2, A, sensors=(DOORBELL,), actuators=(LAMP,), functions=(called,))
        rig.run(3)
        rig.read("doorbell", on=True)
        rig.turn()
        rig.fuse = fuse
        watched(rig, 60)
        ids = {result.id for result in rig.messages(Result)}
        assert len(ids) == 1
        assert all(result.status is ResultStatus.DONE for result in rig.messages(Result))
        assert len(rig.engine.ran) == 1
        assert len({one.mark for one in rig.said if isinstance(one.message, Result)}) == 1
        assert not [box for box in rig.engine.boxes.values() if box.labels.get("io.bramble.invocation")]

    assert every_boundary(tmp_path, story) > 5


def test_start_first_survives_death_at_every_boundary(tmp_path: Path) -> None:
    """With start-first there is a running copy at every moment, wherever the process dies."""

    def story(rig: Rig) -> None:
        free_a, free_b = task("a"), task("b")
        fuse, rig.fuse = rig.fuse, None
        rig.assign(2, free_a)
        rig.run(10)
        rig.fuse = fuse
        rig.offer(1, offer(free_b, order=Order.START_FIRST))
        rig.run(5)
        rig.offer(1, offer(free_b, order=Order.START_FIRST))
        for _ in range(5):
            rig.run(10)
            if rig.node.asked:
                rig.grant()
            for _ in range(20):
                rig.run(0.25)
                assert rig.running()[WEB]
        rig.run(20)
        assert rig.boxes() == {WEB: ["b"]}

    assert every_boundary(tmp_path, story) > 20
