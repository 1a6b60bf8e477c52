"""Which images are asked for again although they are here, and what becomes of it without a registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.observed import OfferState, TaskState
from sim.images import Behaviour
from tests.fakes.agent import Rig, offer, task

WEB = "porch.web.1"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    for revision in ("a", "b"):
        rig.registry.push(f"web:{revision}")
    rig.run(2)
    return rig


def recreate(rig: Rig) -> None:
    """Somebody removes every container; the agent makes them anew."""
    rig.engine.boxes.clear()
    rig.run(30)


@pytest.mark.parametrize(
    ("container", "pulls"),
    [
        ({}, 1),
        ({"pull_policy": "missing"}, 1),
        ({"pull_policy": "always"}, 3),
        ({"platform": "linux/arm/v7"}, 3),
        ({"platform": "linux/arm/v7", "pull_policy": "missing"}, 3),
    ],
)
def test_always_is_before_each_making_of_a_container(rig: Rig, container: dict[str, str], pulls: int) -> None:
    """Once for each container, and never for the restart of one that is there."""
    rig.assign(1, task("a", **container))
    rig.run(10)
    recreate(rig)
    recreate(rig)
    (box,) = rig.engine.running()
    box.end(1, rig.now_s)
    rig.run(60)
    assert rig.running() == {WEB: ["a"]}
    assert rig.registry.pulls == pulls


def test_a_digest_is_never_asked_for_again(rig: Rig) -> None:
    """What the controller has looked up has nothing newer behind it."""
    image = f"web:a@sha256:{'1' * 64}"
    rig.registry.push(image)
    rig.assign(1, task(f"a@sha256:{'1' * 64}", pull_policy="always"))
    rig.run(10)
    recreate(rig)
    assert rig.registry.pulls == 1
    assert len(rig.engine.running()) == 1


def test_a_tag_that_moved_is_what_the_next_container_is_made_of(rig: Rig) -> None:
    """The newest content behind the tag runs, once there is a container to make."""
    rig.assign(1, task("a", pull_policy="always"))
    rig.run(10)
    (before,) = rig.engine.running()
    rig.registry.push("web:a", Behaviour(exit_code=7))
    recreate(rig)
    (after,) = rig.engine.running()
    assert after.image != before.image


def test_without_a_registry_the_image_that_is_here_has_to_do(rig: Rig) -> None:
    """A node without a network makes its containers anew, at once, and says what they are made of until it could ask again."""
    rig.assign(1, task("a", pull_policy="always"))
    rig.run(10)
    rig.registry.up = False
    rig.engine.boxes.clear()
    rig.run(16)
    (status,) = rig.status().tasks
    assert status.state is TaskState.RUNNING
    assert status.reason.endswith("cannot be reached; it is made of the image that was here")
    rig.registry.up = True
    recreate(rig)
    assert rig.status().tasks[0].reason == ""


def test_what_a_registry_refuses_is_refused(rig: Rig) -> None:
    """An image that was withdrawn is not run from the node's own disk."""
    rig.assign(1, task("a", pull_policy="always"))
    rig.run(10)
    rig.registry.images.clear()
    recreate(rig)
    assert rig.status().tasks[0].state is TaskState.REJECTED
    assert rig.running() == {}


def test_a_trial_takes_the_image_that_was_staged(rig: Rig) -> None:
    """An offer's image is brought anew while it is staged, and not once more within the trial."""
    rig.assign(1, task("a"))
    rig.run(10)
    rig.assign(2, task("b"))
    rig.run(10)
    rig.assign(3, task("a"))
    rig.run(10)
    before = rig.registry.pulls
    rig.offer(1, offer(task("b", pull_policy="always")))
    rig.run(15)
    assert rig.status().offers[0].state is OfferState.STAGED
    rig.grant()
    rig.run(30)
    assert rig.status().offers[0].state is OfferState.SETTLED
    assert rig.registry.pulls == before + 1
