"""A revision is there when a container of its very image runs, now and after the next boot; anything else is told and mended."""

from __future__ import annotations

import pytest

from agent.decide import attest
from agent.decide.inputs import ContainerSeen, EngineSeen, ImageSeen, Phase
from agent.decide.node import Node
from protocol.container import Container
from protocol.desired import TaskSpec
from protocol.ids import full_reference
from protocol.observed import STORED_CHARS, STORED_MOST, OfferState, TaskState
from sim.boxes import Box
from sim.images import SICK, WELL, image_id
from tests.fakes.agent import Rig, offer, task

WEB = "porch.web.1"
DIGEST = f"sha256:{'ab' * 32}"
PINNED = f"web:b@{DIGEST}"


def pinned(**given: object) -> TaskSpec:
    """Revision b, by its digest."""
    return TaskSpec(WEB, "porch", "web", "b", Container(PINNED, **given))  # type: ignore[arg-type]


@pytest.fixture
def rig(rig: Rig) -> Rig:
    """Whose registry has revision b by its digest, too."""
    rig.registry.push(PINNED)
    return rig


def spoil(box: Box) -> None:
    """Let a container be of another image, which is here too: of the old one."""
    box.image = image_id("web:a", WELL)


def test_what_runs_its_image_is_left_alone(rig: Rig) -> None:
    """Its status names the image that really runs; no look, crash or boot finds anything to mend."""
    rig.assign(2, pinned())
    rig.run(10)
    before = rig.app().id
    rig.crash()
    rig.run(10)
    rig.cut_power()
    rig.run(60)
    assert rig.app().id == before
    (status,) = rig.status().tasks
    assert (status.image, status.reason) == (image_id(PINNED, WELL), "")
    assert "strays" not in {name for name, *_ in rig.node.counts}


def test_a_settled_task_of_another_image_is_told_and_mended_after_a_boot(rig: Rig) -> None:
    """However the store of the engine came to it: the container is made anew, once, and then it is of its image."""
    rig.assign(2, pinned())
    rig.run(10)
    before = rig.app()
    spoil(before)
    rig.cut_power()
    rig.run(20)
    assert rig.app().id != before.id
    assert rig.app().image == image_id(PINNED, WELL)
    assert rig.boxes() == {WEB: ["b"]}
    reasons = [reason for one in rig.said for task in getattr(one.message, "tasks", ()) if (reason := task.reason)]
    assert any("its container is of the image sha256:" in reason and "made anew" in reason for reason in reasons)
    assert rig.status().tasks[0].reason == ""
    assert rig.node.counts["strays",] == 1


def test_one_that_is_wrong_again_runs_on_and_is_told(rig: Rig) -> None:
    """It is made anew once and not for ever: a wrong container is better than none."""
    rig.assign(2, pinned())
    rig.run(10)
    spoil(rig.app())
    for _ in range(300):
        rig.run(0.1)
        for box in rig.engine.boxes.values():
            spoil(box)
    last = rig.app().id
    rig.run(120)
    assert rig.app().id == last
    (status,) = rig.status().tasks
    assert status.state is TaskState.RUNNING
    assert status.reason.endswith("also after it was made anew")


def test_a_trial_of_another_image_is_never_settled(rig: Rig) -> None:
    """An engine that keeps making containers of the old image gets no success for it."""
    rig.offer(1, offer(pinned(), monitor_s=10.0))
    rig.run(4)
    rig.grant()
    for _ in range(600):
        rig.run(0.05)
        for box in rig.engine.boxes.values():
            if box.container.image == PINNED:
                spoil(box)
    (told,) = rig.status().offers
    assert told.state is OfferState.FAILED
    assert "its container is of the image" in told.reason
    assert rig.running() == {WEB: ["a"]}
    assert rig.boxes() == {WEB: ["a"]}


BUILT = ["a tag", "a platform"]


@pytest.mark.parametrize("spec", [task("b"), pinned(platform="linux/arm64")], ids=BUILT)
@pytest.mark.parametrize("boots", [False, True])
def test_where_a_name_does_not_say_the_image_that_ran_first_is_attested(
    rig: Rig, spec: TaskSpec, *, boots: bool
) -> None:
    """What was built here has no digest, and one digest has an image for each platform: another image is mended all the same."""
    rig.assign(2, spec)
    rig.run(10)
    before = rig.app()
    wanted = before.image
    spoil(before)
    if boots:
        rig.cut_power()
    rig.run(20)
    assert rig.app().id != before.id
    assert rig.app().image == wanted


def test_a_tag_that_means_another_image_by_now_is_no_fault(rig: Rig) -> None:
    """Neither the container of the old one, nor one that is made of the new one."""
    rig.assign(2, task("b"))
    rig.run(10)
    before = rig.app()
    rig.engine.images[full_reference("web:b")] = SICK
    rig.engine.images[image_id("web:b", SICK)] = SICK
    rig.run(10)
    assert rig.app().id == before.id
    before.image = image_id("web:b", SICK)
    rig.run(10)
    assert rig.app().id == before.id
    assert "strays" not in {name for name, *_ in rig.node.counts}


ONE, TWO, OTHER = "sha256:1", "sha256:2", "sha256:3"
NAMED = {
    DIGEST: frozenset({TWO}),
    "docker.io/library/web:b": frozenset({TWO}),
    **{id_: frozenset({id_}) for id_ in (ONE, TWO, OTHER)},
}
NOT_TWO = "sha256:1, not of sha256:2"


@pytest.mark.parametrize(
    ("image", "asked", "runs", "attested", "wrong"),
    [
        (PINNED, "", (TWO, ""), "", ""),
        (PINNED, "", (ONE, ""), "", NOT_TWO),
        (PINNED, "", (ONE, ""), TWO, NOT_TWO),
        (PINNED, "", (ONE, ""), ONE, ""),
        (PINNED, "linux/arm/v7", (TWO, "linux/arm/v7"), "", ""),
        (PINNED, "linux/arm/v7", (TWO, "linux/arm/v6"), "", ""),
        (PINNED, "linux/arm/v7", (TWO, "linux/arm64"), "", "for linux/arm64, not for linux/arm/v7"),
        (PINNED, "linux/arm/v7", (TWO, ""), "", ""),
        (PINNED, "linux/arm/v7", (ONE, "linux/arm/v7"), "", None),
        (PINNED, "linux/arm/v7", (ONE, "linux/arm/v7"), TWO, NOT_TWO),
        (PINNED, "linux/arm/v7", (ONE, "linux/arm/v7"), ONE, ""),
        ("web:b", "", (TWO, ""), "", ""),
        ("web:b", "", (ONE, ""), "", None),
        ("web:b", "", (ONE, ""), TWO, NOT_TWO),
        ("web:b", "", (ONE, ""), OTHER, None),
        ("web:gone", "", (ONE, ""), OTHER, None),
        (TWO, "", (TWO, ""), "", ""),
        (TWO, "", (ONE, ""), "", NOT_TWO),
        ("sha256:gone", "", (ONE, ""), "", None),
    ],
)
def test_what_is_known_of_an_image(
    image: str, asked: str, runs: tuple[str, str], attested: str, wrong: str | None
) -> None:
    """By digest and by id always; by a tag, or where a platform is asked for, by what was attested; else nothing is said."""
    seen = ContainerSeen("c", "c", WEB, "b", "h", Phase.RUNNING, runs[0], platform=runs[1])
    assert attest.judged(seen, Container(image, platform=asked), NAMED, attested) == wrong


def test_what_is_attested_of_a_task_goes_with_its_content(rig: Rig) -> None:
    """One line for each content that is wanted, and none for what is over."""
    rig.assign(2, pinned())
    rig.run(10)
    (key,) = rig.node.attested
    assert rig.node.attested.get(key) == image_id(PINNED, WELL)
    assert key.startswith(f"{WEB} b ")
    rig.assign(3)
    rig.run(10)
    assert len(rig.node.attested) == 0


def test_an_image_that_has_lost_its_name_proves_nothing(rig: Rig) -> None:
    """Where the digest names no image here any more, the container runs on."""
    rig.assign(2, pinned())
    rig.run(10)
    before = rig.app().id
    del rig.engine.images[full_reference(PINNED)]
    spoil(rig.app())
    rig.run(60)
    assert rig.app().id == before


def test_a_node_says_which_images_are_on_its_disk(rig: Rig) -> None:
    """By the end of each digest; a mere tag is no content. So a plan knows what there is left to fetch."""
    assert rig.status().images == ()
    rig.assign(2, pinned())
    rig.run(10)
    assert rig.status().images == (DIGEST[-STORED_CHARS:],)


def test_of_very_many_images_the_largest_are_told() -> None:
    """The least of them are of no weight, and a status has to fit into a packet."""
    node = Node("pi-1", "home", "boot", "test", "stream")
    images = (ImageSeen(f"sha256:{n:064x}", n, (f"web@sha256:{n:064x}",)) for n in range(100))
    node.engine = EngineSeen("1", (), stored=tuple(images))
    attest.looked(node)
    assert node.stored == tuple(f"{n:016x}" for n in range(100 - STORED_MOST, 100))
