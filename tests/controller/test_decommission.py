"""Nodes that leave the fleet for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.decide.effects import Effect, Remark, Say
from controller.decide.rollouts.slot import SlotState
from protocol.observed import Answer, Link, TaskState, TaskStatus
from protocol.operator import Denial, OrderVerb
from protocol.topics import AssignmentTopic, OfferTopic, PresenceTopic, StatusTopic
from tests.controller.desk import FLEET, Desk, web
from tests.controller.test_rollout import begun

TOPICS = {str(topic(FLEET, "pi-1")) for topic in (PresenceTopic, StatusTopic, AssignmentTopic, OfferTopic)}


def cleared(effects: tuple[Effect, ...] | list[Effect]) -> set[str]:
    """The topics that were emptied."""
    return {str(effect.topic) for effect in effects if isinstance(effect, Say) and effect.message == b""}


def fleet(path: Path | None = None) -> Desk:
    """Two nodes; pi-1 runs a service, a function and a sensor."""
    desk = Desk(path)
    desk.hello("pi-1")
    text = web() + "functions:\n  f: {image: f, triggers: [{every: 1m}]}\nsensors:\n  bell: {kind: button, pin: 17}\n"
    desk.manifest("shop", text)
    desk.runs("pi-1")
    desk.hello("pi-2")
    desk.runs("pi-2")
    return desk


def away(desk: Desk, node: str = "pi-1") -> None:
    """Go offline."""
    desk.presence(node, Link.OFFLINE)
    desk.turn(60.0)


def order(desk: Desk, key: str = "d1", **arguments: object) -> Answer:
    """Decommission pi-1."""
    answer = desk.order(OrderVerb.DECOMMISSION, "pi-1", key=key, **arguments)
    assert answer is not None
    return answer


def test_a_node_that_is_offline_leaves_at_once_with_every_trace(tmp_path: Path) -> None:
    """No record and no retained topic stays; its task goes on elsewhere, since whoever orders this vouches for its end."""
    desk = fleet(tmp_path)
    away(desk)
    desk.effects.clear()
    answer = order(desk)
    assert (answer.ok, answer.message) == (
        True, "pi-1 has left the fleet; its 1 task moves or waits for another node",
    )  # fmt: skip
    assert cleared(desk.effects) == TOPICS
    assert desk.tasks("pi-2") == {"shop.web.1": "web:1"}
    desk.turn(86_400.0)
    for name, shelf in desk.fleet.shelves().items():
        assert [key for key in shelf if key.startswith("pi-1")] == (["pi-1"] if name == "departed" else [])
    assert "pi-1" not in {node for key in desk.fleet.holds for node in desk.fleet.holds[key].nodes}
    assert desk.fleet.hosts == {"shop.f": {"pi-2"}}
    assert desk.fleet.device_nodes == {"shop": {"pi-2"}}
    assert order(desk, "d2").result == {"denial": Denial.NOT_FOUND.value}


@pytest.mark.parametrize("seconds", [0.0, 5.0])
def test_a_node_that_is_there_is_not_let_go_unless_forced(seconds: float) -> None:
    """Online, or suspect: its containers would go on without a master."""
    desk = fleet()
    if seconds:
        desk.presence("pi-1", Link.OFFLINE)
        desk.turn(seconds)
    answer = order(desk)
    word = "suspect" if seconds else "online"
    assert answer.message == f"pi-1 is {word}: stop its agent first, or force it"
    assert answer.result == {"denial": Denial.CONFLICT.value}
    assert desk.tasks("pi-1") == {"shop.web.1": "web:1"}


def test_a_forced_one_stops_everything_first_and_then_leaves() -> None:
    """It is told an empty assignment; when it shows that nothing runs, its task starts elsewhere and its topics are cleared."""
    desk = fleet()
    before = desk.assignment("pi-1")
    assert order(desk, force=True).message.startswith(
        "pi-1 is told to stop everything, and leaves the fleet when it has"
    )
    told = desk.assignment("pi-1")
    assert (told.tasks, told.sensors, told.functions) == ((), (), ())
    assert desk.tasks("pi-2") == {}
    desk.status("pi-1", (), observed_generation=before.generation)
    assert "pi-1" in desk.fleet.nodes
    desk.effects.clear()
    effects = desk.status("pi-1", ())
    assert "pi-1" not in desk.fleet.nodes
    assert desk.tasks("pi-2") == {"shop.web.1": "web:1"}
    assert cleared(effects) == TOPICS
    assert Remark("pi-1", "has left the fleet") in effects
    desk.turn(86_400.0)
    assert "pi-1" not in desk.fleet.leases


@pytest.mark.parametrize("state", TaskState)
def test_what_a_node_still_lists_may_still_run(state: TaskState) -> None:
    """An ill container has failed, and goes on until it is stopped; what is not wanted is listed until nothing of it runs."""
    desk = fleet()
    order(desk, force=True)
    desk.status("pi-1", (TaskStatus("shop.web.1", "one", state),))
    assert "pi-1" in desk.fleet.nodes
    assert desk.tasks("pi-2") == {}


def test_a_forced_one_that_has_not_seen_its_engine_has_stopped_nothing() -> None:
    """With a lost card it lists no task, and its containers go on: it leaves, and its task moves, when it has looked."""
    desk = fleet()
    order(desk, force=True)
    desk.status("pi-1", (), is_blind=True)
    assert "pi-1" in desk.fleet.nodes
    assert desk.tasks("pi-2") == {}
    desk.status("pi-1", ())
    assert "pi-1" not in desk.fleet.nodes
    assert desk.tasks("pi-2") == {"shop.web.1": "web:1"}


def test_a_forced_one_that_goes_offline_leaves_then(tmp_path: Path) -> None:
    """Also when the controller was restarted meanwhile; activating it does not hold it back."""
    desk = fleet(tmp_path)
    order(desk, force=True)
    denied = desk.order(OrderVerb.ACTIVATE, "pi-1", key="a1")
    assert denied is not None
    assert (denied.ok, denied.message) == (False, "pi-1 is leaving the fleet")
    desk.restart()
    desk.turn(91.0)
    desk.turn(11.0)
    assert "pi-1" not in desk.fleet.nodes


def test_a_will_that_comes_after_the_departure_is_cleared() -> None:
    """The last connection of a node leaves a retained message behind; nobody else would take it away."""
    desk = fleet()
    order(desk, force=True)
    desk.status("pi-1", ())
    assert str(PresenceTopic(FLEET, "pi-1")) in cleared(desk.presence("pi-1", Link.OFFLINE))
    assert desk.unreadable(PresenceTopic(FLEET, "pi-1"), "not readable as JSON", 0) == ()
    assert "pi-1" not in desk.fleet.leases


def test_topics_are_cleared_again_when_the_link_comes_up(tmp_path: Path) -> None:
    """A broker that was restored brings old messages back."""
    desk = fleet(tmp_path)
    away(desk)
    order(desk)
    desk.restart()
    desk.effects.clear()
    desk.link_down()
    desk.link_up()
    desk.turn(1.0)
    assert cleared(desk.effects) == TOPICS


def test_a_node_that_says_hello_later_is_a_new_one() -> None:
    """It is told higher numbers than before, be it of an empty assignment; nobody takes ours for a restored store."""
    desk = fleet()
    desk.order(OrderVerb.LABEL, "pi-1", key="l1", set={"place": "porch"})
    before = desk.assignment("pi-1")
    away(desk)
    order(desk)
    desk.manifest("shop", web())
    desk.hello("pi-1", epoch=9, assignment_epoch=1, assignment_generation=before.generation)
    assert desk.fleet.epoch == 1
    assert desk.fleet.nodes["pi-1"].set_labels == {}
    told = desk.assignment("pi-1")
    assert (told.generation > before.generation, told.tasks) == (True, ())
    assert len(desk.fleet.departed) == 0


def test_a_slot_that_a_departed_node_held_is_free() -> None:
    """It will never report, and whoever decommissions it gives its place up."""
    desk, (one, two) = begun(2)
    one.ask("nonce000")
    assert desk.fleet.slots["shop.web.pi-1"].state is SlotState.GRANTED
    away(desk, one.name)
    order(desk)
    assert all(desk.fleet.slots[task].node == two.name for task in desk.fleet.slots)
    two.read()
    two.ask("nonce111")
    assert two.go() == 1
