"""What constraints say of nodes, and which can never meet."""

from __future__ import annotations

import pytest

from controller.decide.placement.constraints import objections
from controller.decide.records import Node
from protocol.constraint import are_disjoint, parse
from protocol.observed import Inventory

PORCH = Node("pi-1", Inventory("porch-pi", "armv7l", engine="20", labels={"place": "porch"}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("node.labels.place == porch", ()),
        ("node.labels.place==porch", ()),
        ("node.labels.place == attic", ("place is porch, not attic",)),
        ("node.labels.place != porch", ("place is porch",)),
        ("node.labels.place != attic", ()),
        ("node.labels.site == home", ("has no label site",)),
        ("node.labels.site != home", ()),
        ("node.hostname == porch-pi", ()),
        ("node.hostname == PORCH-PI", ()),
        ("node.id == pi-2", ("node.id is pi-1, not pi-2",)),
        ("node.platform.os == linux", ()),
        ("node.platform.os == windows", ("node.platform.os is linux, not windows",)),
        ("node.platform.arch == arm", ()),
        ("node.platform.arch == armv7l", ()),
        ("node.platform.arch == armhf", ()),
        ("node.platform.arch == arm64", ("node.platform.arch is armv7l, not arm64",)),
        ("node.platform.arch != x86_64", ()),
    ],
)
def test_an_objection_says_what_is_and_what_was_wanted(text: str, said: tuple[str, ...]) -> None:
    """A met constraint says nothing; an unmet one says one sentence."""
    assert objections([text], PORCH) == said


@pytest.mark.parametrize(
    ("uname", "docker"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("armv6l", "arm"), ("armv8l", "arm")]
)
def test_both_names_of_an_architecture_mean_the_same(uname: str, docker: str) -> None:
    """Operators write Docker's word, kernels say their own."""
    node = Node("pi", Inventory("pi", uname))
    assert objections([f"node.platform.arch == {docker}", f"node.platform.arch == {uname}"], node) == ()


@pytest.mark.parametrize(
    "text", ["", "place == porch", "node.labels.place = porch", "node.role == manager", "node.labels. == x"]
)
def test_what_cannot_be_asked_is_refused_in_words(text: str) -> None:
    """A typo never silently excludes, or includes, every node."""
    assert isinstance(parse(text), str)


@pytest.mark.parametrize(
    ("one", "other", "disjoint"),
    [
        (["node.labels.place == porch"], ["node.labels.place == attic"], True),
        (["node.labels.place == porch"], ["node.labels.place == porch"], False),
        (["node.labels.place == porch"], ["node.labels.place != porch"], True),
        (["node.labels.place != porch"], ["node.labels.place != attic"], False),
        (["node.labels.place == porch"], ["node.labels.site == home"], False),
        (["node.labels.a == 1", "node.labels.place == porch"], ["node.labels.place == attic"], True),
        (["node.platform.arch == aarch64"], ["node.platform.arch != arm64"], True),
        ([], ["node.labels.place == attic"], False),
    ],
)
def test_two_claims_meet_unless_no_node_can_satisfy_both(one: list[str], other: list[str], *, disjoint: bool) -> None:
    """The judgement needs no nodes, so it does not change when one joins."""
    assert are_disjoint(one, other) is disjoint
    assert are_disjoint(other, one) is disjoint
