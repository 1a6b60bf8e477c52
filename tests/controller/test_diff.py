"""What a manifest would change, asked before it is published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocol.observed import Answer
from protocol.operator import OrderVerb
from tests.controller.desk import Desk, web
from tests.controller.test_memory import shelves

DEVICES = "sensors:\n  bell: {kind: button, pin: 17}\nfunctions:\n  f: {image: f:1, triggers: [{every: 1m}]}\n"


def fleet(text: str, path: Path | None = None) -> Desk:
    """Two nodes that run a stack."""
    desk = Desk(path)
    desk.hello("pi-1")
    desk.hello("pi-2")
    desk.manifest("shop", text)
    for node in ("pi-1", "pi-2"):
        desk.runs(node)
    return desk


def ask(desk: Desk, text: str, stack: str = "shop") -> Answer:
    """Ask for a diff."""
    answer = desk.order(OrderVerb.DIFF, stack, manifest=text)
    assert answer is not None
    return answer


def rows(desk: Desk, text: str, stack: str = "shop") -> list[tuple[Any, ...]]:
    """The rows of a diff."""
    answer: Any = ask(desk, text, stack)
    assert answer.ok, answer.message
    return [(row["node"], row["what"], row["change"], row["details"]) for row in answer.result]


def test_the_same_manifest_changes_nothing() -> None:
    """Everything is kept, and said to be."""
    desk = fleet(web(replicas="2") + DEVICES)
    assert {row[2] for row in rows(desk, web(replicas="2") + DEVICES)} == {"keep"}
    assert len(rows(desk, web(replicas="2") + DEVICES)) == 6


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (web(), web("web:2"), [("pi-1", "service web", "update", ("image web:1 -> web:2",))]),
        (web(), web() + "    environment: {FOO: '1'}\n", [("pi-1", "service web", "update", ("env FOO",))]),
        (web(), web() + "    ports: ['80:80']\n    restart: 'no'\n",
         [("pi-1", "service web", "update", ("ports", "restart"))]),
        (web(), web(replicas="2"), [("pi-2", "service web", "add", ())]),
        (web(replicas="2"), web(), [("pi-2", "service web", "remove", ())]),
        (web(), web() + "  db: {image: db}\n", [("pi-2", "service db", "add", ())]),
        (web() + "  db: {image: db}\n", web(), [("pi-1", "service db", "remove", ())]),
        (web(), web(replicas="3"), [("pi-1", "service web", "update", ("1 -> 2 tasks",)), ("pi-2", "service web", "add", ())]),
        (web(), web(placement="{constraints: [node.hostname == pi-9]}"),
         [("", "service web", "add",
           ("1 task would have no node", "pi-1: node.hostname is pi-1, not pi-9", "pi-2: node.hostname is pi-2, not pi-9")),
          ("pi-1", "service web", "remove", ())]),
    ],
)  # fmt: skip
def test_each_node_says_what_it_would_get_lose_or_change(before: str, after: str, expected: list[Any]) -> None:
    """Decided as publishing would decide; what is kept is left out here."""
    assert [row for row in rows(fleet(before), after) if row[2] != "keep"] == expected


def test_devices_and_functions_are_compared_too() -> None:
    """A pin, a new function, one that goes."""
    desk = fleet(web() + DEVICES)
    after = web() + "sensors:\n  bell: {kind: button, pin: 27}\nfunctions:\n  g: {image: g, triggers: [{every: 1m}]}\n"
    found = [row for row in rows(desk, after) if row[2] != "keep" and row[0] == "pi-1"]
    assert found == [
        ("pi-1", "function f", "remove", ()),
        ("pi-1", "function g", "add", ()),
        ("pi-1", "sensor bell", "update", ("pin",)),
    ]


def test_what_changes_with_an_update_is_said_to() -> None:
    """Where a service changes too, a sensor and a function come, change and go with it; elsewhere at once."""
    desk = fleet(web() + DEVICES)
    changed = DEVICES.replace("17", "18").replace("bell", "gong").replace("f:1", "f:2")
    said = {(node, what): details for node, what, _, details in rows(desk, web("web:2") + changed)}
    assert said["pi-1", "sensor bell"] == said["pi-1", "sensor gong"] == ("with the update of its services there",)
    assert said["pi-1", "function f"] == ("container", "with the update of its services there")
    assert said["pi-2", "sensor gong"] == ()
    assert said["pi-2", "function f"] == ("container",)


@pytest.mark.parametrize("image", ["web:1", "web:2"])
def test_a_plan_of_other_sections_changes_nothing(image: str) -> None:
    """Also where nothing moves, so that the fleet's own records are looked at."""
    desk = fleet(web() + DEVICES)
    before = shelves(desk.fleet)
    assert desk.order(OrderVerb.PLAN, "shop", manifest=web(image) + DEVICES.replace("17", "18"))
    for _ in range(20):
        desk.turn()
    assert shelves(desk.fleet) == before


def test_a_diff_changes_nothing_and_says_nothing(tmp_path: Path) -> None:
    """No record, no message, no generation; and publishing afterwards does what the diff said."""
    desk = fleet(web(), tmp_path)
    before = shelves(desk.fleet)
    effects = len(desk.effects)
    found = rows(desk, web("web:2", replicas="2"))
    assert shelves(desk.fleet) == before
    assert len(desk.effects) == effects + 1
    assert ("pi-2", "service web", "add", ()) in found
    desk.manifest("shop", web("web:2", replicas="2"))
    assert "shop.web.2" in desk.tasks("pi-2")


def test_a_scale_that_another_manifest_would_end_is_counted() -> None:
    """The same manifest keeps it."""
    desk = fleet(web())
    desk.order(OrderVerb.SCALE, "shop.web", key="s1", replicas=2)
    assert {row[2] for row in rows(desk, web())} == {"keep"}
    assert ("pi-2", "service web", "remove", ()) in rows(desk, web("web:2"))


def test_a_manifest_with_faults_is_answered_with_them() -> None:
    """Those of its text, and those that only the controller can know."""
    desk = fleet("services: {a: {image: a, ports: ['80:80']}}")
    for text in ("services: {b: {imagee: b}}", "services: {b: {image: b, ports: ['80:80']}}"):
        answer: Any = ask(desk, text, "other")
        assert not answer.ok
        assert answer.message.startswith("the manifest of other would be refused: ")
        assert answer.result["faults"][0]["reason"]
    assert ask(desk, "").message == "a diff needs the name of a stack and the text of its manifest"
