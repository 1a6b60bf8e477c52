"""How an update goes about what runs, its disk and its way back: four strategies, and what is kept until somebody confirms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.decide.effects import Clean, Create, Pull, Remove, Start, Stop
from protocol.desired import Offer, Order, Strategy, TaskSpec
from protocol.ids import full_reference
from protocol.observed import OfferState, OfferStatus, Request
from sim.images import Behaviour
from tests.fakes.agent import Rig, offer, task

WEB, OTHER = "porch.web.1", "porch.other.1"
LATE = (Strategy.KILL_THEN_DOWNLOAD, Strategy.DELETE_THEN_DOWNLOAD)


def made(folder: Path, **given: Any) -> Rig:
    """A node that runs revision a."""
    rig = Rig(folder, **given)
    for revision in ("a", "b", "c"):
        rig.registry.push(f"web:{revision}")
        rig.registry.push(f"other:{revision}")
    rig.registry.push("web:crash", Behaviour(exits_after_s=2.0, exit_code=3))
    rig.run(2)
    rig.assign(1, task("a"))
    rig.run(5)
    return rig


def told(rig: Rig) -> OfferStatus:
    return rig.status().offers[-1]


def images(rig: Rig) -> set[str]:
    """The revisions of web whose images are on the node."""
    return {revision for revision in ("a", "b", "c", "crash") if full_reference(f"web:{revision}") in rig.engine.images}


def offered(rig: Rig, revision: str, generation: int = 1, **conduct: Any) -> Offer:
    """Offer a revision and grant it."""
    made = offer(task(revision), rollout=f"r-{generation}", **conduct)
    rig.offer(generation, made)
    rig.run(4)
    rig.grant()
    return made


def steps(rig: Rig) -> list[str]:
    kinds = (Pull, Create, Start, Stop, Remove, Clean)
    return [type(effect).__name__.lower() for effect in rig.effects if isinstance(effect, kinds)]


@pytest.mark.parametrize(
    ("strategy", "goes", "kept"),
    [
        (Strategy.DOWNLOAD_THEN_KILL, "pull create stop start remove", {"a", "b"}),
        (Strategy.KILL_THEN_DOWNLOAD, "stop pull create start remove", {"a", "b"}),
        (Strategy.DELETE_THEN_DOWNLOAD, "stop remove clean pull create start", {"b"}),
        (Strategy.HAND_OVER, "pull create start stop remove", {"a", "b"}),
    ],
)
def test_a_strategy_is_an_order_of_steps(tmp_path: Path, strategy: Strategy, goes: str, kept: set[str]) -> None:
    """Each ends with the new revision alone; the image for the way back is deleted by delete-then-download only."""
    rig = made(tmp_path)
    rig.effects.clear()
    offered(rig, "b", strategy=strategy)
    rig.run(15)
    assert steps(rig) == goes.split()
    assert told(rig).state is OfferState.SETTLED
    assert rig.boxes() == {WEB: ["b"]}
    assert images(rig) == kept


@pytest.mark.parametrize("strategy", LATE)
def test_a_late_strategy_asks_without_the_image(tmp_path: Path, strategy: Strategy) -> None:
    """Nothing is pulled, and nothing disturbed, before the grant."""
    rig = made(tmp_path)
    rig.offer(1, offer(task("b"), strategy=strategy))
    rig.run(30)
    assert told(rig).state is OfferState.STAGED
    assert rig.messages(Request)
    assert images(rig) == {"a"}
    assert rig.running() == {WEB: ["a"]}


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("revision", ["crash", "typo"])
def test_a_bad_revision_falls_back(tmp_path: Path, strategy: Strategy, revision: str) -> None:
    """Whatever the strategy, what runs in the end is the old revision, and the same rollout is not tried again."""
    rig = made(tmp_path)
    (before,) = rig.engine.running()
    rig.offer(1, offer(task(revision), monitor_s=30.0, strategy=strategy))
    rig.run(4)
    if rig.messages(Request):
        rig.grant()
    rig.run(60)
    assert told(rig).state is OfferState.FAILED
    assert rig.boxes() == {WEB: ["a"]}
    assert images(rig) >= {"a"}
    assert (rig.engine.running() == (before,)) is (strategy is not Strategy.DELETE_THEN_DOWNLOAD)


def test_a_small_disk_holds_one_image_on_the_way_there_and_back(tmp_path: Path) -> None:
    """With delete-then-download no two images of the service are ever here, also not when the new one fails."""
    rig = made(tmp_path)
    offered(rig, "crash", strategy=Strategy.DELETE_THEN_DOWNLOAD, healthy_s=60.0)
    for _ in range(300):
        rig.run(0.1)
        assert len(images(rig)) <= 1
    assert told(rig).state is OfferState.FAILED
    assert rig.boxes() == {WEB: ["a"]}
    assert images(rig) == {"a"}


def test_an_image_that_somebody_else_needs_is_not_deleted(tmp_path: Path) -> None:
    """Another task of the same image keeps it, and the update goes on with the room there is."""
    rig = made(tmp_path)
    shared = replace(task("a", OTHER), container=task("a").container)
    rig.assign(2, task("a"), shared)
    rig.run(5)
    offered(rig, "b", strategy=Strategy.DELETE_THEN_DOWNLOAD)
    rig.run(15)
    assert rig.running() == {WEB: ["b"], OTHER: ["a"]}
    assert images(rig) == {"a", "b"}


def test_an_image_that_we_did_not_pull_is_not_deleted(tmp_path: Path) -> None:
    """What was here before us is not ours to remove."""
    rig = Rig(tmp_path)
    rig.registry.push("web:a")
    rig.registry.push("web:b")
    rig.engine.carry_out(Pull("", "web:a"))
    rig.run(2)
    rig.assign(1, task("a"))
    rig.run(5)
    offered(rig, "b", strategy=Strategy.DELETE_THEN_DOWNLOAD)
    rig.run(15)
    assert rig.boxes() == {WEB: ["b"]}
    assert images(rig) == {"a", "b"}


@pytest.mark.parametrize("strategy", LATE)
def test_a_registry_that_is_away_ends_a_late_update_by_its_deadline(tmp_path: Path, strategy: Strategy) -> None:
    """The time to be well counts from the grant, with the pull in it; then the old revision comes back as soon as it can."""
    rig = made(tmp_path)
    rig.offer(1, offer(task("b"), strategy=strategy, healthy_s=60.0))
    rig.run(4)
    rig.registry.up = False
    rig.grant()
    rig.run(40)
    assert rig.running() == {}
    assert told(rig).state is OfferState.TRYING
    rig.run(40)
    assert told(rig).state is OfferState.FAILED
    rig.registry.up = True
    rig.run(600 if strategy is Strategy.DELETE_THEN_DOWNLOAD else 0)
    assert rig.boxes() == {WEB: ["a"]}
    assert rig.running() == {WEB: ["a"]}


@pytest.mark.parametrize("order", list(Order))
def test_a_hand_over_never_leaves_a_gap(tmp_path: Path, order: Order) -> None:
    """The old one runs until the new one is well, whatever the order says."""
    rig = made(tmp_path)
    rig.registry.push("web:b", Behaviour(health=((0.0, "starting"), (3.0, "healthy"))))
    offered(rig, "b", order=order, strategy=Strategy.HAND_OVER)
    for _ in range(150):
        rig.run(0.1)
        assert rig.running().get(WEB, []) != []
    assert rig.boxes() == {WEB: ["b"]}


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize(
    ("revision", "dies_hard"), [("b", True), ("b", False), pytest.param("crash", True, marks=pytest.mark.slow)]
)
def test_a_power_cut_at_any_boundary_ends_wholly_old_or_wholly_new(
    tmp_path: Path, strategy: Strategy, revision: str, dies_hard: bool
) -> None:
    """Before and after each commit and each step: one container of one revision runs in the end, and nothing is left over."""
    fuse, died_at = 0, "first"
    while died_at:
        died_at = cut(tmp_path / f"{fuse}", fuse, offer(task(revision), monitor_s=3.0, strategy=strategy), dies_hard)
        fuse += 1
    assert fuse > 20


def cut(folder: Path, fuse: int, tried: Offer, dies_hard: bool) -> str:
    """Go through one update that dies at one moment, and say where that was; nothing if it was over before."""
    rig = made(folder, dies_hard=dies_hard)
    rig.offer(1, tried)
    rig.fuse, known, ends = fuse, 0, (OfferState.SETTLED, OfferState.FAILED)
    end, revision = (ends[0], "b") if tried.task.revision == "b" else (ends[1], "a")
    until_s = rig.now_s + 120
    while rig.now_s < until_s and not (told_state(rig) in ends and rig.boxes() == rig.running() == {WEB: [revision]}):
        rig.run(1)
        rig.offer(1, tried)  # as the controller does on each hello; it may have died before it committed the first
        if len(rig.messages(Request)) > known:
            known = len(rig.messages(Request))
            rig.grant()
    assert told_state(rig) is end, rig.died_at
    assert rig.boxes() == rig.running() == {WEB: [revision]}, rig.died_at
    rig.fuse = None
    rig.run(1)
    assert rig.status().tasks[0].revision == revision
    rig.store.close()
    return rig.died_at


def told_state(rig: Rig) -> OfferState | None:
    offers = rig.status().offers
    return offers[-1].state if offers else None


def kept(folder: Path) -> tuple[Rig, TaskSpec, str]:
    """A node that has settled revision b and keeps a, with the id of a's container."""
    rig = made(folder)
    (before,) = rig.engine.running()
    made_offer = offered(rig, "b", keeps_previous=True)
    rig.run(15)
    assert told(rig).state is OfferState.SETTLED
    assert rig.running() == {WEB: ["b"]}
    assert sorted(rig.boxes()[WEB]) == ["a", "b"]
    return rig, made_offer.task, before.id


def test_the_container_before_stays_until_it_is_confirmed(tmp_path: Path) -> None:
    """Stopped, with its image, over crashes, boots and the cleaning of images; the operator's word removes it."""
    rig, spec, _ = kept(tmp_path)
    rig.crash()
    rig.run(10)
    rig.cut_power()
    rig.run(2 * 3600)
    assert sorted(rig.boxes()[WEB]) == ["a", "b"]
    assert images(rig) == {"a", "b"}
    rig.offer(2, replace(offer(spec, keeps_previous=True), is_confirmed=True))
    rig.run(5)
    assert rig.boxes() == {WEB: ["b"]}


def test_an_offer_that_is_gone_because_it_is_assigned_keeps_nothing(tmp_path: Path) -> None:
    """While it stands, the assignment may say the same; without it the assignment is all there is."""
    rig, spec, _ = kept(tmp_path)
    rig.assign(2, spec)
    rig.run(20)
    assert sorted(rig.boxes()[WEB]) == ["a", "b"]
    rig.offer(2)
    rig.run(20)
    assert rig.boxes() == rig.running() == {WEB: ["b"]}


@pytest.mark.parametrize("is_offer_first", [True, False])
def test_an_abort_starts_the_very_container_before(tmp_path: Path, is_offer_first: bool) -> None:
    """Withdrawn unconfirmed, with the older revision assigned anew: nothing is made, in whichever order the two words come."""
    rig, _, before = kept(tmp_path)
    rig.effects.clear()
    if is_offer_first:
        rig.offer(2)
    rig.assign(2, task("a"))
    rig.run(3)
    rig.offer(3)
    rig.run(10)
    assert [box.id for box in rig.engine.running()] == [before]
    assert rig.boxes() == {WEB: ["a"]}
    assert steps(rig) == ["stop", "start", "remove"]


def test_an_undo_as_a_rollout_starts_the_very_container_before(tmp_path: Path) -> None:
    """An offer of the older revision tries the container that was kept."""
    rig, _, before = kept(tmp_path)
    offered(rig, "a", generation=2)
    rig.run(15)
    assert [box.id for box in rig.engine.running()] == [before]
    assert rig.boxes() == {WEB: ["a"]}


def test_the_next_rollout_keeps_both_until_it_is_well(tmp_path: Path) -> None:
    """A newer revision that fails takes neither the settled one nor the one before it away."""
    rig, spec, _ = kept(tmp_path)
    standing = offer(spec, keeps_previous=True, rollout="r-1")
    rig.offer(2, standing, offer(task("crash"), rollout="r-2", monitor_s=30.0))
    rig.run(4)
    rig.grant()
    rig.run(40)
    assert rig.running() == {WEB: ["b"]}
    assert sorted(rig.boxes()[WEB]) == ["a", "b"]
