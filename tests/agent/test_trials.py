"""An offer is staged, asked for, tried, and then kept or forgotten, with or without a controller in reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.container import HealthCheck, Port
from protocol.desired import Grant, Order
from protocol.observed import OfferState, OfferStatus, Request, TaskState
from protocol.topics import GrantTopic
from sim.images import SICK, Behaviour
from tests.fakes.agent import FLEET, NAME, Rig, offer, task

WEB = "porch.web.1"
CHECK = HealthCheck(("CMD", "true"))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A node that runs revision a."""
    rig = Rig(tmp_path)
    for revision in ("a", "b", "c"):
        rig.registry.push(f"web:{revision}")
    rig.registry.push("web:crash", Behaviour(exits_after_s=2.0, exit_code=3))
    rig.registry.push("web:sick", SICK)
    rig.run(2)
    rig.assign(1, task("a"))
    rig.run(5)
    assert rig.running() == {WEB: ["a"]}
    return rig


def offered(rig: Rig) -> OfferStatus:
    (status,) = rig.status().offers
    return status


def test_an_offer_is_staged_and_asked_for_but_not_started(rig: Rig) -> None:
    """The image is pulled, the node asks, and what runs goes on until there is a grant."""
    rig.offer(1, offer(task("b")))
    rig.run(60)
    assert offered(rig).state is OfferState.STAGED
    assert rig.running() == {WEB: ["a"]}
    nonces = [request.nonce for request in rig.messages(Request)]
    assert len(nonces) == len(set(nonces)) >= 5


def test_a_granted_revision_that_stays_well_is_kept(rig: Rig) -> None:
    """After its monitor window the revision is settled, and the old container is gone."""
    rig.offer(1, offer(task("b")))
    rig.run(3)
    rig.grant()
    rig.run(3)
    assert offered(rig).state is OfferState.TRYING
    assert sorted(rig.boxes()[WEB]) == ["a", "b"]
    rig.run(10)
    assert offered(rig).state is OfferState.SETTLED
    assert rig.boxes() == {WEB: ["b"]}


def test_a_kept_revision_outlives_restarts_and_unrelated_assignments(rig: Rig) -> None:
    """While the offer stands, an assignment that still has the old revision does not bring it back."""
    rig.offer(1, offer(task("b")))
    rig.run(3)
    rig.grant()
    rig.run(15)
    (before,) = rig.engine.running()
    rig.crash()
    rig.run(1)
    rig.assign(2, task("a"), task("a", "porch.other.1"))
    rig.registry.push("other:a")
    rig.run(20)
    assert rig.running() == {WEB: ["b"], "porch.other.1": ["a"]}
    rig.assign(3, task("b"), task("a", "porch.other.1"))
    rig.offer(2)
    rig.run(20)
    assert before in rig.engine.running()
    assert rig.status().offers == ()


def test_a_withdrawn_settled_offer_yields_to_a_newer_assignment(rig: Rig) -> None:
    """The controller has the last word: offer withdrawn and a newer assignment without the revision bring the old one back."""
    rig.offer(1, offer(task("b")))
    rig.run(3)
    rig.grant()
    rig.run(15)
    rig.offer(2)
    rig.run(5)
    assert rig.running() == {WEB: ["b"]}
    rig.assign(2, task("a"))
    rig.run(10)
    assert rig.running() == {WEB: ["a"]}


@pytest.mark.parametrize(("revision", "reason"), [("crash", "exited with code 3"), ("sick", "is unhealthy")])
def test_a_revision_that_is_not_well_is_forgotten(rig: Rig, revision: str, reason: str) -> None:
    """The very container that ran before is started again, without a controller, and the same rollout is not tried again."""
    (before,) = rig.engine.running()
    rig.offer(1, offer(task(revision, healthcheck=CHECK), monitor_s=30.0))
    rig.run(3)
    rig.grant()
    rig.run(1)
    rig.cut()
    rig.run(30)
    assert [box.id for box in rig.engine.running()] == [before.id]
    assert rig.boxes() == {WEB: ["a"]}
    rig.mend()
    rig.run(60)
    assert offered(rig).state is OfferState.FAILED
    assert reason in offered(rig).reason
    rig.offer(2, offer(task(revision, healthcheck=CHECK), monitor_s=30.0))
    rig.run(5)
    assert offered(rig).state is OfferState.FAILED


def test_an_image_that_does_not_exist_fails_before_anything_is_disturbed(rig: Rig) -> None:
    """Staging fails, and what runs never stops."""
    (before,) = rig.engine.running()
    rig.offer(1, offer(task("typo")))
    rig.run(30)
    assert offered(rig).state is OfferState.FAILED
    assert rig.messages(Request) == []
    assert [(box.id, box.started) for box in rig.engine.running()] == [(before.id, before.started)]


def test_an_old_grant_starts_nothing(rig: Rig) -> None:
    """A grant more than 30 s after its asking is ignored, and so is one for a nonce that was never sent."""
    rig.offer(1, offer(task("b")))
    rig.run(3)
    old = rig.messages(Request)[-1]
    rig.run(40)
    rig.send(GrantTopic(FLEET, NAME), Grant(WEB, "b", old.nonce))
    rig.send(GrantTopic(FLEET, NAME), Grant(WEB, "b", "f00df00d"))
    rig.run(20)
    assert rig.running() == {WEB: ["a"]}


def test_a_grant_that_was_valid_for_less_time_starts_nothing(rig: Rig) -> None:
    """The controller may make a grant shorter than 30 s; it still counts from our asking."""
    rig.offer(1, offer(task("b")))
    rig.run(9)
    request = rig.messages(Request)[-1]
    rig.send(GrantTopic(FLEET, NAME), Grant(WEB, "b", request.nonce, valid_s=2.0))
    rig.run(5)
    assert rig.running() == {WEB: ["a"]}


def test_a_restart_within_the_monitor_window_fails_the_trial(rig: Rig) -> None:
    """Well again is not well: somebody's `docker restart` within the window is found by the start's own mark."""
    rig.offer(1, offer(task("b"), monitor_s=20.0))
    rig.run(3)
    rig.grant()
    rig.run(8)
    (box,) = rig.engine.running()
    box.end(0, rig.now_s)
    box.start(rig.now_s)
    rig.run(20)
    assert offered(rig).state is OfferState.FAILED
    assert "restarted" in offered(rig).reason
    assert rig.boxes() == {WEB: ["a"]}


def test_a_grant_of_an_earlier_process_starts_nothing(rig: Rig) -> None:
    """Nonces die with the process that sent them."""
    rig.offer(1, offer(task("b")))
    rig.run(3)
    rig.crash()
    rig.run(0.5)
    before = rig.messages(Request)[0]
    rig.send(GrantTopic(FLEET, NAME), Grant(WEB, "b", before.nonce))
    rig.run(5)
    assert rig.running() == {WEB: ["a"]}


def test_an_offer_withdrawn_while_staged_leaves_nothing(rig: Rig) -> None:
    """It is dropped, and a grant that comes now means nothing."""
    rig.offer(1, offer(task("b")))
    rig.run(3)
    rig.offer(2)
    rig.run(2)
    rig.grant()
    rig.run(10)
    assert rig.status().offers == ()
    assert rig.boxes() == {WEB: ["a"]}


def test_an_offer_withdrawn_while_trying_is_undone(rig: Rig) -> None:
    """The old container runs again, and the trial's is gone."""
    (before,) = rig.engine.running()
    rig.offer(1, offer(task("b"), monitor_s=60.0))
    rig.run(3)
    rig.grant()
    rig.run(10)
    assert rig.running() == {WEB: ["b"]}
    rig.offer(2)
    rig.run(10)
    assert [box.id for box in rig.engine.running()] == [before.id]
    assert rig.boxes() == {WEB: ["a"]}


def test_start_first_never_leaves_a_gap(rig: Rig) -> None:
    """With start-first the new container runs before the old one stops."""
    rig.offer(1, offer(task("b"), order=Order.START_FIRST))
    rig.run(3)
    rig.grant()
    seen = set()
    for _ in range(150):
        rig.run(0.1)
        seen.add(len(rig.running().get(WEB, [])))
    assert 0 not in seen
    assert rig.boxes() == {WEB: ["b"]}


def test_what_is_left_of_a_withdrawn_trial_goes_before_the_next_starts_first(rig: Rig) -> None:
    """With start-first two run for a while, and never three: what was withdrawn stays for as long as the settled one is ill."""
    rig.registry.push("web:b", Behaviour(health=((0.0, "starting"),)))
    rig.offer(1, offer(task("b", healthcheck=CHECK), order=Order.START_FIRST, monitor_s=60.0))
    rig.run(3)
    rig.grant()
    rig.run(2)
    settled = next(box for box in rig.engine.running() if box.labels["io.bramble.revision"] == "a")
    settled.behaviour = SICK
    rig.run(20)
    rig.offer(2, offer(task("c"), "r-2", order=Order.START_FIRST))
    rig.run(1)
    assert sorted(rig.running()[WEB]) == ["a", "b"]
    seen = set()
    for turn in range(150):
        if rig.messages(Request)[-1].revision == "c" and turn < 20:
            rig.grant()
        rig.run(0.1)
        seen.add(len(rig.running().get(WEB, [])))
    assert max(seen) == 2
    assert rig.boxes() == {WEB: ["c"]}


def test_stop_first_never_runs_two(rig: Rig) -> None:
    """With stop-first there are never two copies, so a host port can be handed over."""
    rig.assign(2, task("a", ports=(Port(80, 8080),)))
    rig.run(10)
    rig.offer(1, offer(task("b", ports=(Port(80, 8080),))))
    rig.run(3)
    rig.grant()
    for _ in range(150):
        rig.run(0.1)
        assert len(rig.running().get(WEB, [])) <= 1
    assert rig.boxes() == {WEB: ["b"]}


def test_a_trial_that_never_comes_up_ends_by_its_deadline(rig: Rig) -> None:
    """A port that stays taken fails the trial after ten minutes, and the old revision runs again."""
    rig.engine.put_foreign("theirs", task("x", ports=(Port(80, 9999),)).container)
    rig.offer(1, offer(task("b", ports=(Port(80, 9999),))))
    rig.run(3)
    rig.grant()
    rig.run(700)
    assert offered(rig).state is OfferState.FAILED
    assert "10 min" in offered(rig).reason
    assert rig.running()[WEB] == ["a"]


def test_a_power_cut_within_a_trial_continues_it(rig: Rig) -> None:
    """After the boot the watch begins anew, and the revision is kept when it stays well."""
    rig.offer(1, offer(task("b"), monitor_s=20.0))
    rig.run(3)
    rig.grant()
    rig.run(5)
    rig.cut_power()
    rig.run(40)
    assert offered(rig).state is OfferState.SETTLED
    assert rig.boxes() == {WEB: ["b"]}


def test_a_revision_that_takes_the_node_down_is_not_tried_for_ever(rig: Rig) -> None:
    """At the third restart within one trial the node falls back."""
    rig.offer(1, offer(task("b"), monitor_s=60.0))
    rig.run(3)
    rig.grant()
    for _ in range(3):
        rig.run(5)
        rig.cut_power()
    rig.run(10)
    assert offered(rig).state is OfferState.FAILED
    assert rig.boxes() == {WEB: ["a"]}


def test_an_offer_of_what_is_settled_already_is_settled(rig: Rig) -> None:
    """There is nothing to try, and nothing is disturbed."""
    (before,) = rig.engine.running()
    rig.offer(1, offer(task("a")))
    rig.run(5)
    assert offered(rig).state is OfferState.SETTLED
    assert [(box.id, box.started) for box in rig.engine.running()] == [(before.id, before.started)]


def test_a_roll_back_is_an_offer_like_any_other(rig: Rig) -> None:
    """Back to the assignment's own revision, over a kept one: asked for, granted, watched."""
    rig.offer(1, offer(task("b")))
    rig.run(3)
    rig.grant()
    rig.run(15)
    rig.offer(2, offer(task("a"), rollout="r-2"))
    rig.run(5)
    assert rig.running() == {WEB: ["b"]}
    rig.grant()
    rig.run(15)
    assert rig.boxes() == {WEB: ["a"]}
    assert offered(rig).state is OfferState.SETTLED


def test_two_tasks_are_tried_apart(rig: Rig) -> None:
    """A failing trial of one task leaves the trial of another alone."""
    rig.registry.push("other:a")
    rig.registry.push("other:b")
    rig.assign(2, task("a"), task("a", "porch.other.1"))
    rig.run(5)
    rig.offer(1, offer(task("crash")), offer(task("b", "porch.other.1")))
    rig.run(3)
    for request in rig.messages(Request):
        rig.send(GrantTopic(FLEET, NAME), Grant(request.task, request.revision, request.nonce))
    rig.run(20)
    assert rig.running() == {WEB: ["a"], "porch.other.1": ["b"]}
    assert {t.state for t in rig.status().tasks} == {TaskState.RUNNING}
