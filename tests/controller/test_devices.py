"""What an operator reads of sensors and actuators: where each is, and what its node said of it last."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.observed import Answer, DeviceStatus, Link
from protocol.operator import OrderVerb
from tests.controller.desk import Desk

HALL = """
sensors:
  door: {kind: button, pin: 17, nodes: ["node.labels.place == hall"]}
actuators:
  lamp: {kind: led, pin: 27, nodes: ["node.labels.place == hall"]}
"""
YARD = 'sensors:\n  door: {kind: motion, pin: 4, nodes: ["node.labels.place == yard"]}\n'
EMPTY = 'sensors:\n  tap: {kind: button, pin: 5, nodes: ["node.labels.place == cellar"]}\n'


@pytest.fixture
def desk() -> Desk:
    """Three nodes, of which pi-1 has said how its devices stand, and stacks with and without nodes for their devices."""
    desk = Desk()
    for node, place in (("pi-1", "hall"), ("pi-2", "hall"), ("pi-3", "yard")):
        desk.hello(node, labels={"place": place})
        desk.presence(node, Link.ONLINE)
    for stack, text in (("hall", HALL), ("yard", YARD), ("empty", EMPTY)):
        desk.manifest(stack, text)
    door, lamp = (
        DeviceStatus("door", "button", "pin 17", "released"),
        DeviceStatus("lamp", "led", "pin 27", "", "taken"),
    )
    desk.status("pi-1", sensors=(door,), actuators=(lamp,))
    return desk


def rows(answer: Answer | None) -> list[tuple[Any, ...]]:
    """The answer's rows, each as the values that are not empty."""
    assert answer is not None
    assert answer.ok, answer.message
    assert isinstance(answer.result, list)
    return [tuple(value for value in row.values() if value) for row in answer.result]  # type: ignore[union-attr]


def test_each_device_is_a_row_for_each_node_that_has_it(desk: Desk) -> None:
    """With its place, its value or its fault where the node has said them."""
    assert rows(desk.order(OrderVerb.DEVICES)) == [
        ("hall.door", "pi-1", "online", "sensor", "button", "pin 17", "released"),
        ("hall.door", "pi-2", "online", "sensor", "button"),
        ("hall.lamp", "pi-1", "online", "actuator", "led", "pin 27", "taken"),
        ("hall.lamp", "pi-2", "online", "actuator", "led"),
        ("yard.door", "pi-3", "online", "sensor", "motion"),
    ]


def test_a_stack_a_device_and_a_node_narrow_it(desk: Desk) -> None:
    """Each by itself, and together."""
    shown = {row[:2] for row in rows(desk.order(OrderVerb.DEVICES, "hall", key="a"))}
    assert shown == {("hall.door", "pi-1"), ("hall.door", "pi-2"), ("hall.lamp", "pi-1"), ("hall.lamp", "pi-2")}
    assert {row[:2] for row in rows(desk.order(OrderVerb.DEVICES, "yard.door", key="b"))} == {("yard.door", "pi-3")}
    assert [row[0] for row in rows(desk.order(OrderVerb.DEVICES, key="c", node="pi-2"))] == ["hall.door", "hall.lamp"]
    assert rows(desk.order(OrderVerb.DEVICES, "yard", key="d", node="pi-1")) == []


def test_a_device_without_a_node_is_no_mistake_and_one_that_nobody_has_declared_is(desk: Desk) -> None:
    """The first has no rows; the second is answered with how to write it."""
    assert rows(desk.order(OrderVerb.DEVICES, "empty.tap", key="a")) == []
    for target in ("hall.bell", "attic"):
        answer = desk.order(OrderVerb.DEVICES, target, key=target)
        assert answer is not None
        assert answer.message == f"there is no stack, sensor or actuator {target!r}; write it as stack.name"
    answer = desk.order(OrderVerb.DEVICES, key="n", node="pi-9")
    assert answer is not None
    assert "there is no node 'pi-9'" in answer.message
