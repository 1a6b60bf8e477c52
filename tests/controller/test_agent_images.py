"""Updates of agents by image: who gets one, who is told that he cannot, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controller.decide.releases import KEY
from protocol.envelope import FactMark
from protocol.observed import Hello, Inventory
from protocol.operator import OrderVerb
from protocol.release import BASE, Release
from protocol.topics import HelloTopic
from tests.controller.desk import FLEET, Desk

IMAGE = "registry.local/bramble-agent:2"


@pytest.fixture
def desk() -> Desk:
    """One agent in a container, one that systemd starts, and one that nobody can update."""
    made = Desk()
    made.hello("pi-1", release=BASE, image="bramble-agent:1")
    made.hello("pi-2", release=BASE)
    made.hello("pi-3")
    return made


def test_an_image_reaches_who_is_a_container_and_the_others_are_told(desk: Desk) -> None:
    """They leave the service, and keep what they run."""
    answer = desk.order(OrderVerb.AGENTS_UPDATE, key="u1", image=IMAGE)
    assert answer is not None
    assert (answer.ok, f"are to be {IMAGE}; 1 of 3 nodes" in answer.message) == (True, True)
    (offer,) = desk.offers("pi-1").offers
    assert offer.task.release == Release(image=IMAGE)
    assert [desk.offers(name).offers for name in ("pi-2", "pi-3")] == [(), ()]
    listed = desk.order(OrderVerb.AGENTS, key="u2")
    assert listed is not None
    assert isinstance(listed.result, list)
    shown = {row["node"]: row for row in listed.result}
    assert "is no container" in shown["pi-2"]["reason"]
    assert "bramble-agent-launch" in shown["pi-3"]["reason"]
    assert shown["pi-1"]["wanted"] == IMAGE


def test_a_version_reaches_containers_too_and_back_from_an_image_is_one_order(desk: Desk) -> None:
    """Every agent under a launcher takes a version, and the base stands everywhere."""
    for key, said in (("u1", {"image": IMAGE}), ("u2", {"version": "0.2.0"})):
        answer = desk.order(OrderVerb.AGENTS_UPDATE, key=key, **said)
        assert answer is not None
        assert answer.ok
    assert f"{KEY}.pi-2" in desk.fleet.tasks
    back = desk.order(OrderVerb.AGENTS_UPDATE, key="u3", version="")
    assert back is not None
    assert back.ok


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"image": IMAGE, "version": "0.2.0"}, "all of an agent"),
        ({"image": IMAGE, "index": "https://x/simple"}, "all of an agent"),
        ({"image": "../x"}, "image"),
        ({"image": "a b"}, "image"),
    ],
)
def test_what_makes_no_sense_is_refused(said: dict[str, str], says: str, desk: Desk) -> None:
    """In a sentence that names it; nothing is wanted then."""
    answer = desk.order(OrderVerb.AGENTS_UPDATE, key="u1", **said)
    assert answer is not None
    assert (answer.ok, says in answer.message) == (False, True)
    assert KEY not in desk.fleet.catalogue.services


def test_an_image_that_nobody_here_has_ordered_is_known_by_its_node() -> None:
    """A store that was lost had ordered it; what goes back to it must not be a version of that name."""
    desk, ran = Desk(), Release(image=IMAGE)
    desk.hello("pi-1", release=ran.revision, image=IMAGE)
    assert desk.order(OrderVerb.AGENTS_UPDATE, key="u1", version="0.3.0")
    known = desk.fleet.revisions.get(f"{KEY}@{ran.revision}")
    assert known is not None
    assert known.release == ran


@pytest.mark.parametrize("image", ["", "../x"])
def test_a_node_with_a_version_that_is_none_ends_no_controller(image: str, tmp_path: Path) -> None:
    """What is remembered of it was not read again: no controller came up from that store any more (S10)."""
    desk, wild = Desk(tmp_path), Hello("pi-1", 1, "b", "my own build", Inventory("pi-1", "aarch64"), release="r")
    desk.heard(HelloTopic(FLEET, "pi-1"), replace(wild, image=image), mark=FactMark("s", 1, 1))
    assert desk.order(OrderVerb.AGENTS_UPDATE, key="u1", version="0.3.0")
    desk.restart()
    assert desk.fleet.tasks[f"{KEY}.pi-1"].revision == "r"


def test_what_an_image_is_called_is_its_revision_alone() -> None:
    """A version keeps the name that it always had."""
    assert Release(image=IMAGE).revision not in (BASE, Release("0.2.0").revision, Release(image="other:1").revision)
    assert Release(image=IMAGE).title == IMAGE
