"""What a step has changed is looked at alone, and the next step of its task waits for nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.decide import glances
from agent.decide.effects import Create, Look, Remove, Start, Stop
from agent.decide.inputs import ContainerSeen, Done, EngineSeen, Phase, Retry, StepEnded
from agent.decide.node import Node, Now
from agent.decide.steps import ended, looked
from agent.decide.stored import Pulled
from protocol.observed import OfferState, OfferStatus
from sim.images import Behaviour
from tests.fakes.agent import Rig, offer, task

WEB = "porch.web.1"
OLD = ContainerSeen("c1", "web", WEB, "a", "h", Phase.RUNNING)
ENDED = replace(OLD, phase=Phase.EXITED, exit_code=0)


def seeing(*containers: ContainerSeen) -> Node:
    """A node that has looked at its engine, and looks again."""
    node = Node("pi", "home", "boot", "0", "s", engine=EngineSeen("20", containers))
    node.looked_mono_s, node.looking_mono_s = 5.0, 10.0
    return node


def updated(folder: Path, *, is_glanced: bool, monitor_s: float = 0.0, image: Behaviour | None = None) -> Rig:
    """A node that runs revision a, and was granted revision b."""
    rig = Rig(folder, is_hinted=False, is_glanced=is_glanced)
    rig.registry.push("web:a")
    rig.registry.push("web:b", image or Behaviour())
    rig.run(2)
    rig.assign(1, task("a"))
    rig.run(20)
    rig.offer(1, offer(task("b"), monitor_s=monitor_s))
    rig.run(20)
    rig.grant()
    rig.effects.clear()
    return rig


def offered(rig: Rig) -> OfferStatus:
    (status,) = rig.status().offers
    return status


@pytest.mark.parametrize(("is_glanced", "looks"), [(True, 0), (False, 3)])
def test_an_update_needs_no_whole_look_between_its_steps(tmp_path: Path, is_glanced: bool, looks: int) -> None:
    """Stopped, started and kept, each right after the one before; without glances a look stands between them."""
    rig = updated(tmp_path, is_glanced=is_glanced)
    rig.run(1)
    kinds = [type(effect) for effect in rig.effects if isinstance(effect, Create | Start | Stop | Remove)]
    assert kinds == [Stop, Start, Remove]
    assert offered(rig).state is OfferState.SETTLED
    assert rig.boxes() == {WEB: ["b"]}
    assert sum(isinstance(effect, Look) for effect in rig.effects) >= looks
    assert looks or not any(isinstance(effect, Look) for effect in rig.effects)


def test_a_monitor_window_ends_with_a_look_at_what_it_is_about(tmp_path: Path) -> None:
    """What ends within its window is not kept, although it was glanced at while it ran."""
    rig = updated(tmp_path, is_glanced=True, monitor_s=5.0, image=Behaviour(exits_after_s=4.0, exit_code=3))
    rig.run(60)
    assert offered(rig).state is OfferState.FAILED
    assert rig.running() == {WEB: ["a"]}


def test_a_look_that_began_before_a_glance_gives_way_to_it() -> None:
    """It may have been made before the step; whatever else it shows is news."""
    node, other = seeing(OLD), ContainerSeen("c2", "db", "porch.db.1", "a", "h", Phase.RUNNING)
    ended(node, StepEnded(Stop(WEB, "c1", 10.0), Done(), ENDED), Now(11.0))
    looked(node, EngineSeen("20", (OLD, other)))
    assert set(node.containers()) == {ENDED, other}
    node.looking_mono_s = 12.0
    looked(node, EngineSeen("20", (OLD, other)))
    assert set(node.containers()) == {OLD, other}


def test_what_was_removed_is_gone_without_a_look() -> None:
    """An older look that still shows it does not bring it back."""
    node = seeing(ENDED)
    ended(node, StepEnded(Remove(WEB, "c1"), Done()), Now(11.0))
    assert node.containers() == ()
    looked(node, EngineSeen("20", (ENDED,)))
    assert node.containers() == ()
    assert WEB not in node.unseen


@pytest.mark.parametrize(
    "seen",
    [
        StepEnded(Stop(WEB, "c1", 10.0), Done()),
        StepEnded(Stop(WEB, "c1", 10.0), Retry("busy", 1.0), ENDED),
        StepEnded(Remove("run-1", "run-1"), Done()),
    ],
    ids=["nobody looked", "it did not work", "no task's container"],
)
def test_whatever_was_not_glanced_at_waits_for_a_whole_look(seen: StepEnded) -> None:
    """Nothing is believed to be so because it should be."""
    node = seeing(OLD)
    ended(node, seen, Now(11.0))
    assert node.containers() == (OLD,)
    assert seen.step.key in node.unseen


def test_while_an_image_is_mended_only_whole_looks_count() -> None:
    """Its containers are hidden, and a glance at one would show it."""
    node = seeing(OLD)
    node.pulled.put("web:a", Pulled("web:a", ids=("i",), damaged="i"))
    ended(node, StepEnded(Stop(WEB, "c1", 10.0), Done(), ENDED), Now(11.0))
    assert node.containers() == (OLD,)
    assert WEB in node.unseen


def test_a_container_is_as_old_as_the_newest_look_at_it() -> None:
    """What was glanced at counts from the glance, all else from the last whole look."""
    node = seeing(OLD)
    assert glances.seen_mono_s(node, "c1") == 5.0
    ended(node, StepEnded(Start(WEB, "c1"), Done(), OLD), Now(11.0))
    assert glances.seen_mono_s(node, "c1") == 11.0
