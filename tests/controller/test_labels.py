"""Labels that an operator sets, and everything that is known of one node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocol.observed import Answer, Link
from protocol.operator import OrderVerb
from tests.controller.desk import Desk, web

OWN = "site is a label of pi-1's own; change it in the settings of its agent, or set another value over it"
PORCH = web(placement="{constraints: [node.labels.place == porch]}")


def label(desk: Desk, node: str, key: str = "l1", **arguments: Any) -> Answer:
    """Order labels set or removed."""
    answer = desk.order(OrderVerb.LABEL, node, key=key, **arguments)
    assert answer is not None
    return answer


def test_a_label_lies_over_the_nodes_own_and_brings_what_waited_for_it() -> None:
    """Placement goes by the labels in effect; a task that no longer fits moves."""
    desk = Desk()
    desk.hello("pi-1", labels={"place": "attic", "site": "home"})
    desk.hello("pi-2")
    desk.manifest("shop", PORCH)
    said = label(desk, "pi-1", set={"place": "porch"})
    assert (said.ok, said.message) == (True, "pi-1 has the labels place=porch, site=home")
    assert desk.tasks("pi-1") == {"shop.web.1": "web:1"}
    desk.runs("pi-1")
    label(desk, "pi-2", "l2", set={"place": "porch"})
    label(desk, "pi-1", "l3", remove=["place"])
    desk.runs("pi-1")
    assert (desk.tasks("pi-1"), desk.tasks("pi-2")) == ({}, {"shop.web.1": "web:1"})


def test_labels_outlive_a_restart_and_a_new_hello(tmp_path: Path) -> None:
    """They are the operator's word, and a node that says hello again does not take it back."""
    desk = Desk(tmp_path)
    desk.hello("pi-1")
    label(desk, "pi-1", set={"place": "porch"})
    desk.restart()
    desk.hello("pi-1", labels={"place": "attic"}, epoch=2)
    assert desk.fleet.nodes["pi-1"].labels == {"place": "porch"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "name the labels to set or to remove"),
        ({"set": ["place"]}, "`set` is a mapping of labels to their values"),
        ({"remove": "place"}, "`remove` is a list of labels"),
        ({"set": {"pl ace": "x"}}, "'pl ace' is no name for a label: letters, digits, and . _ - / within"),
        ({"set": {"place": "x" * 256}}, "the value of place is no printable text of at most 255 characters"),
        ({"remove": ["site"]}, OWN),
        ({"remove": ["nothing"]}, "pi-1 has no label 'nothing'"),
        ({"set": {f"l{n}": "x" for n in range(65)}}, "a node may have 64 labels of an operator's, and 65 are too many"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(arguments: dict[str, Any], said: str) -> None:
    """And changes nothing."""
    desk = Desk()
    desk.hello("pi-1", labels={"site": "home"})
    assert label(desk, "pi-1", **arguments) == Answer("l1", ok=False, message=said)
    assert desk.fleet.nodes["pi-1"].set_labels == {}


def test_inspect_tells_everything_that_is_known_of_a_node() -> None:
    """Its row, its inventory, an operator's labels, its tasks and the pins that are free."""
    desk = Desk()
    desk.hello("pi-1", labels={"site": "home"}, pins=(4, 17, 27), memory_bytes=1 << 30)
    desk.manifest("shop", web() + "sensors:\n  bell: {kind: button, pin: 17}\n")
    desk.runs("pi-1")
    label(desk, "pi-1", set={"place": "porch"})
    answer = desk.order(OrderVerb.INSPECT, "pi-1")
    assert answer is not None
    found: Any = answer.result
    assert (found["row"]["presence"], found["row"]["memory_bytes"]) == ("online", 1 << 30)
    assert (found["row"]["labels"], found["set_labels"]) == ({"site": "home", "place": "porch"}, {"place": "porch"})
    assert [(task["task"], task["state"]) for task in found["tasks"]] == [("shop.web.1", "running")]
    assert found["free_pins"] == (4, 27)


@pytest.mark.parametrize("verb", [OrderVerb.DRAIN, OrderVerb.PAUSE, OrderVerb.ACTIVATE])
def test_availability_is_set_also_while_the_node_is_away(verb: OrderVerb) -> None:
    """The wish is kept for its return."""
    desk = Desk()
    desk.hello("pi-1")
    desk.order(OrderVerb.DRAIN if verb is OrderVerb.ACTIVATE else OrderVerb.ACTIVATE, "pi-1", key="o1")
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(60.0)
    answer = desk.order(verb, "pi-1", key="o2")
    assert answer is not None
    assert answer.ok
    desk.hello("pi-1", epoch=2)
    desk.manifest("shop", web())
    assert bool(desk.tasks("pi-1")) is (verb is OrderVerb.ACTIVATE)
