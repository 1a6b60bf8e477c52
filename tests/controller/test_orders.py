"""Operators' orders, and what they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.decide.effects import Reply, Say
from protocol.desired import Command, Verb
from protocol.envelope import Packet, pack
from protocol.observed import Answer, Link
from protocol.operator import Denial, OperatorOrder, OrderVerb
from protocol.topics import AnswerTopic, CommandTopic, NodeAnswerTopic, OrderTopic
from tests.controller.desk import FLEET, Desk, web


def fleet_of_two() -> Desk:
    """Two nodes and a running service."""
    desk = Desk()
    desk.hello("pi-1", labels={"place": "porch"})
    desk.hello("pi-2")
    desk.manifest("shop", web(replicas="2"))
    desk.runs("pi-1")
    desk.runs("pi-2")
    return desk


def test_nodes_are_listed_with_what_is_known_of_them() -> None:
    """One row per node."""
    answer = fleet_of_two().order(OrderVerb.NODES)
    assert answer is not None
    rows = [(row["node"], row["presence"], row["availability"], row["seen_s"]) for row in answer.result]
    assert rows == [("pi-1", "online", "active", 0.0), ("pi-2", "online", "active", 0.0)]


@pytest.mark.parametrize("verb", [OrderVerb.PS, OrderVerb.SERVICES, OrderVerb.ROLLOUT_STATUS])
def test_a_stack_of_functions_has_no_services_and_is_there(verb: OrderVerb) -> None:
    """A question that finds nothing is answered, not refused."""
    desk = fleet_of_two()
    desk.manifest("porch", "functions:\n  greet: {image: greet:1}\n")
    answer = desk.order(verb, "porch")
    assert answer is not None
    assert (answer.ok, answer.result) == (True, [])


@pytest.mark.parametrize(
    ("target", "arguments", "tasks"),
    [
        ("", {}, ["shop.web.1", "shop.web.2"]),
        ("shop", {}, ["shop.web.1", "shop.web.2"]),
        ("shop.web", {}, ["shop.web.1", "shop.web.2"]),
        ("", {"node": "pi-2"}, ["shop.web.2"]),
    ],
)
def test_tasks_are_listed_by_what_they_belong_to(target: str, arguments: dict[str, str], tasks: list[str]) -> None:
    """Of all, of a stack, of a service, of a node."""
    answer = fleet_of_two().order(OrderVerb.PS, target, **arguments)
    assert answer is not None
    assert [row["task"] for row in answer.result] == tasks
    assert {row["state"] for row in answer.result} == {"running"}


def test_stacks_and_services_say_how_they_stand() -> None:
    """What the retained status says, on demand."""
    desk = fleet_of_two()
    stacks, services = desk.order(OrderVerb.STACKS), desk.order(OrderVerb.SERVICES, key="o2")
    assert stacks is not None
    assert services is not None
    assert (stacks.result[0]["stack"], stacks.result[0]["converged"]) == ("shop", True)
    assert (services.result[0]["service"], services.result[0]["running"]) == ("shop.web", 2)


@pytest.mark.parametrize(
    ("verb", "target"),
    [(OrderVerb.EXPLAIN, "no.such"), (OrderVerb.PS, "nothing"), (OrderVerb.SERVICES, "x"), (OrderVerb.DRAIN, "pi-9"),
     (OrderVerb.COMMAND, "pi-9")],
)  # fmt: skip
def test_what_is_not_there_is_denied_by_a_word(verb: OrderVerb, target: str) -> None:
    """A command line turns it into an exit code."""
    answer = fleet_of_two().order(verb, target)
    assert answer is not None
    assert (answer.ok, answer.result) == (False, {"denial": Denial.NOT_FOUND.value})


def test_an_order_is_answered_where_its_sender_asked_for_it() -> None:
    """The response topic of MQTT 5 and its correlation; without one, the topic of the order's id."""
    desk = fleet_of_two()
    order = OperatorOrder(OrderVerb.NODES)
    (reply,) = desk.heard(OrderTopic(FLEET, "o1"), order, response_topic="my/desk", correlation=b"7")
    assert isinstance(reply, Reply)
    assert (reply.response_topic, reply.correlation) == ("my/desk", b"7")
    (reply,) = desk.heard(OrderTopic(FLEET, "o2"), order)
    assert isinstance(reply, Reply)
    assert reply.response_topic == str(AnswerTopic(FLEET, "o2"))


def test_a_changing_order_is_done_once_per_id(tmp_path: Path) -> None:
    """Its repetition, also after a restart, is told the same and does nothing."""
    desk = Desk(tmp_path)
    desk.hello("pi-1")
    first = desk.order(OrderVerb.DRAIN, "pi-1", key="o1")
    desk.order(OrderVerb.ACTIVATE, "pi-1", key="o2")
    desk.restart()
    assert desk.order(OrderVerb.DRAIN, "pi-1", key="o1") == first
    assert desk.fleet.nodes["pi-1"].availability == "active"


def test_a_command_goes_to_its_node_and_the_answer_back() -> None:
    """The node's word, under the operator's id; no other node can answer for it."""
    desk = fleet_of_two()
    assert desk.order(OrderVerb.COMMAND, "pi-1", verb="set", target="lamp", value="on") is None
    assert desk.said[str(CommandTopic(FLEET, "pi-1", "o1"))] == Command("o1", Verb.SET, "lamp", "on", epoch=1)
    assert desk.heard(NodeAnswerTopic(FLEET, "pi-2", "o1"), Answer("o1", ok=True, message="not me")) == ()
    effects = desk.heard(NodeAnswerTopic(FLEET, "pi-1", "o1"), Answer("o1", ok=True, message="lamp is on"))
    assert [e.answer for e in effects if isinstance(e, Reply)] == [Answer("o1", ok=True, message="lamp is on")]
    assert [e for e in desk.turn(60.0) if isinstance(e, Reply)] == []


def test_a_command_that_its_node_does_not_answer_is_answered_by_us() -> None:
    """An operator never waits for ever."""
    desk = fleet_of_two()
    desk.order(OrderVerb.COMMAND, "pi-1", verb="pins")
    effects = desk.turn(15.0)
    assert [e.answer.message for e in effects if isinstance(e, Reply)] == ["the node gave no answer within 15 s"]


def test_a_command_to_an_offline_node_is_refused_at_once() -> None:
    """It needs the node to answer."""
    desk = fleet_of_two()
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(60.0)
    answer = desk.order(OrderVerb.COMMAND, "pi-1", verb="pins")
    assert answer is not None
    assert answer.message == "pi-1 is offline; a command needs the node to answer"


def test_an_order_that_cannot_be_read_is_answered() -> None:
    """The reason reaches whoever sent it."""
    desk = fleet_of_two()
    effects = desk.unreadable(OrderTopic(FLEET, "o7"), "verb: no such word")
    assert [e.answer for e in effects if isinstance(e, Reply)] == [Answer("o7", ok=False, message="verb: no such word")]
    assert not any(isinstance(e, Say) for e in effects)


def test_a_long_list_ends_where_its_packet_is_full_and_says_so() -> None:
    """Nobody who asks is left without an answer because there is too much to tell."""
    desk = Desk()
    for number in range(200):
        desk.hello(f"pi-{number:03d}", labels={f"label-{n}": "x" * 200 for n in range(10)})
    answer = desk.order(OrderVerb.NODES)
    assert answer is not None
    assert isinstance(answer.result, list)
    assert answer.message == f"the first {len(answer.result)} of 200"
    assert isinstance(pack(AnswerTopic(FLEET, "o1"), answer), Packet)
