"""A node that lies: whatever it says in good form, the controller goes on, and no other node feels it (S10)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.decide.effects import Reply, Say
from controller.decide.invocation import InvocationState
from controller.decide.report import stack_status
from controller.decide.streams import STREAMS_MOST
from protocol import envelope
from protocol.envelope import FactMark, Packet, Received
from protocol.ids import invocation_id
from protocol.observed import (
    Answer,
    DeviceStatus,
    Health,
    Hello,
    Inventory,
    Link,
    NodeStatus,
    OfferState,
    OfferStatus,
    Presence,
    Request,
    Result,
    ResultStatus,
    SensorEvent,
    TaskState,
    TaskStatus,
)
from protocol.operator import OrderVerb
from protocol.shapes import INT_LIMIT
from protocol.topics import (
    AnswerTopic,
    CallTopic,
    EventTopic,
    HealthTopic,
    HelloTopic,
    NodeAnswerTopic,
    PresenceTopic,
    RequestTopic,
    ResultTopic,
    StackStatusTopic,
    StatusTopic,
    Topic,
)
from tests.controller.desk import FLEET, Desk, web
from tests.controller.test_invocations import PORCH, RUNS, STACK, dispatched, end, event, id_of, sense

BAD = "pi-bad"
HERE = Inventory(BAD, "aarch64", engine="20.10")
HUGE = "x" * 200_000
TASK = TaskStatus("shop.web.1", "r", TaskState.RUNNING)


def fleet(tmp_path: Path) -> Desk:
    """Two honest nodes with a service and a function on them, and one that is about to lie."""
    desk = Desk(tmp_path)
    desk.hello("pi-1", labels=PORCH | RUNS)
    desk.hello("pi-2", labels=RUNS)
    desk.manifest("shop", web(mode="global"))
    desk.manifest("porch", STACK)
    desk.hello(BAD)
    for node in ("pi-1", "pi-2", BAD):
        desk.presence(node, Link.ONLINE)
        desk.runs(node)
    return desk


def hello(**more: Any) -> Hello:
    """A hello of the node that lies."""
    return Hello(more.pop("node", BAD), more.pop("epoch", 1), "b", "1", more.pop("inventory", HERE), **more)


def pressed(node: str = BAD, sensor: str = "doorbell", **more: Any) -> SensorEvent:
    """An event of the node that lies."""
    return SensorEvent("s", 7, node, sensor, "pressed", "2026-01-01T00:00:00Z", "b", 1, **more)


def result(key: str = "i1", **more: Any) -> Result:
    """A result of the node that lies."""
    words = {"node": BAD, "stack": "porch", "function": "greet", "status": ResultStatus.DONE, "attempt": 1} | more
    return Result(key, **words)


LIES: list[tuple[Topic, Any, FactMark | None]] = [
    (HelloTopic(FLEET, BAD), hello(node="pi-1"), FactMark("s", 1, 1)),
    (HelloTopic(FLEET, BAD), hello(assignment_epoch=INT_LIMIT), FactMark("s", 1, 1)),
    (HelloTopic(FLEET, BAD), hello(assignment_epoch=5_000), FactMark("s", 1, 1)),
    (HelloTopic(FLEET, BAD), hello(assignment_epoch=1, assignment_generation=INT_LIMIT), FactMark("s", 1, 1)),
    (HelloTopic(FLEET, BAD), hello(offers_generation=INT_LIMIT), FactMark("s", 1, 1)),
    (HelloTopic(FLEET, BAD), hello(epoch=-INT_LIMIT, assignment_generation=-7, offers_generation=-7), FactMark("s", 1, 1)),
    (HelloTopic(FLEET, BAD), hello(inventory=Inventory(HUGE, "", labels={"": "", "a.b/c": HUGE[:9]})), FactMark("s", 1, 1)),
    (HelloTopic(FLEET, BAD), hello(), FactMark("s", INT_LIMIT, INT_LIMIT)),
    (HelloTopic(FLEET, BAD), hello(), FactMark("s/../pi-1", 10**19, 10**19)),
    (HelloTopic(FLEET, BAD), hello(), FactMark("\u202e\n\0", 2, 3)),
    (HelloTopic(FLEET, BAD), hello(), None),
    (PresenceTopic(FLEET, BAD), Presence(Link.ONLINE, INT_LIMIT), None),
    (PresenceTopic(FLEET, BAD), Presence(Link.OFFLINE, -1), None),
    (PresenceTopic(FLEET, "pi-unknown"), Presence(Link.OFFLINE, 3), None),
    (StatusTopic(FLEET, BAD), NodeStatus("pi-1", 9, 9), None),
    (StatusTopic(FLEET, BAD), NodeStatus(BAD, INT_LIMIT, INT_LIMIT, INT_LIMIT, INT_LIMIT, INT_LIMIT), None),
    (StatusTopic(FLEET, BAD), NodeStatus(BAD, 2, 1, 9, 9, 9, (TASK, TASK, TaskStatus("", "", TaskState.FAILED))), None),
    (StatusTopic(FLEET, BAD), NodeStatus(BAD, 2, 1, 9, 9, 9, (TaskStatus("shop.web.1", "", TaskState.FAILED, reason=HUGE),)), None),
    (StatusTopic(FLEET, BAD), NodeStatus(BAD, 2, 1, offers=(OfferStatus("r", "shop.web.1", "r", OfferState.SETTLED),)), None),
    (StatusTopic(FLEET, BAD), NodeStatus(BAD, 2, 1, sensors=(DeviceStatus("doorbell", "x", HUGE[:9], HUGE[:9], "f"),) * 99), None),
    (StatusTopic(FLEET, BAD), NodeStatus(BAD, 2, 1, reasons=(HUGE,)), None),
    (StatusTopic(FLEET, "pi-unknown"), NodeStatus("pi-unknown", 1, 1), None),
    (EventTopic(FLEET, BAD, "doorbell"), pressed(node="pi-1"), FactMark("s", 7, 1)),
    (EventTopic(FLEET, BAD, "doorbell"), pressed(sensor="other"), FactMark("s", 7, 1)),
    (EventTopic(FLEET, BAD, "doorbell"), pressed(taken=("a",) * 20_000), FactMark("s", 7, 1)),
    (EventTopic(FLEET, BAD, "doorbell"), pressed(value=[{"": [None, 1e308, -INT_LIMIT]}] * 50), FactMark("s", 7, 1)),
    (EventTopic(FLEET, "pi-unknown", "doorbell"), pressed(node="pi-unknown"), FactMark("s", 7, 1)),
    (ResultTopic(FLEET, BAD, "i1"), result(node="pi-1"), FactMark("s", 7, 1)),
    (ResultTopic(FLEET, BAD, "i1"), result("i2"), FactMark("s", 7, 1)),
    (ResultTopic(FLEET, BAD, "i1"), result(stack="none", function="none", duration_s=1e8), FactMark("s", 7, 1)),
    (RequestTopic(FLEET, BAD), Request("r", "shop.web.pi-1", "r", "aaaaaaaa"), None),
    (RequestTopic(FLEET, BAD), Request("", "", HUGE, "aaaaaaaa"), None),
    (HealthTopic(FLEET, BAD), Health(-1.0, 1e308, -INT_LIMIT, 0, -1e308, (HUGE,)), None),
    (NodeAnswerTopic(FLEET, BAD, "c1"), Answer("c2", ok=True, result={"a": [HUGE]}), None),
]  # fmt: skip


def honest(desk: Desk) -> list[object]:
    """What two nodes that do not lie were told, and how their tasks are said to stand."""
    told = [desk.fleet.assignments[node] for node in ("pi-1", "pi-2")]
    status = stack_status(desk.fleet, desk.fleet.stacks["shop"])
    return [*told, *(place for place in status.services[0].tasks if place.node != BAD)]


@pytest.mark.parametrize("number", range(len(LIES)))
def test_a_lie_ends_nothing_and_nobody_else_feels_it(tmp_path: Path, number: int) -> None:
    """Read from its bytes, decided on, stored, loaded again; what the honest nodes were told and said stays as it was."""
    topic, message, mark = LIES[number]
    packet = envelope.pack(topic, message, mark)
    assert isinstance(packet, Packet)
    received = envelope.unpack(packet)
    assert isinstance(received, Received), received
    desk = fleet(tmp_path)
    before = honest(desk)
    desk.heard(topic, received.message, mark=mark)
    desk.runs("pi-2")
    desk.restart()
    for node in ("pi-1", "pi-2"):
        desk.presence(node, Link.ONLINE)
        desk.runs(node)
    assert honest(desk) == before
    assert "pi-unknown" not in desk.fleet.nodes


def test_a_hello_that_knows_the_future_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """A restored store is behind by a few epochs; nobody is behind by thousands."""
    desk = fleet(tmp_path)
    effects = desk.heard(HelloTopic(FLEET, BAD), hello(assignment_epoch=5_000), mark=FactMark("s", 1, 1))
    assert any("epoch 5000" in getattr(effect, "sentence", "") for effect in effects)
    assert desk.fleet.epoch == 1


def test_small_steps_into_the_future_carry_nobody_else_away(tmp_path: Path) -> None:
    """Each hello is believed, a hundred times over: it is the liar's own epoch that rises, and nobody else is told anything."""
    desk = fleet(tmp_path)
    before = honest(desk)
    for number in range(1, 101):
        epoch = desk.fleet.epoch_of(BAD) + 900
        effects = desk.heard(HelloTopic(FLEET, BAD), hello(assignment_epoch=epoch), mark=FactMark("s", number, number))
        assert {str(effect.topic).split("/")[4] for effect in effects if isinstance(effect, Say)} <= {BAD}
    assert honest(desk) == before
    assert (desk.fleet.epoch, desk.fleet.epoch_of("pi-1")) == (1, 1)
    assert desk.fleet.epoch_of(BAD) > 90_000


def test_only_the_node_that_has_an_invocation_ends_it(tmp_path: Path) -> None:
    """Another node's result for it is refused; its own still counts."""
    desk = fleet(tmp_path)
    ((node, key),) = dispatched(sense(desk, event()))
    desk.heard(ResultTopic(FLEET, BAD, key), result(key), mark=FactMark("s", 1, 1))
    assert desk.fleet.ledger[key].state is InvocationState.DISPATCHED
    end(desk, key, node)
    assert desk.fleet.ledger[key].state is InvocationState.DONE


def test_an_event_of_one_sensor_on_the_topic_of_another_calls_nothing(tmp_path: Path) -> None:
    """The topic is the authority: access rules are written for topics."""
    desk = fleet(tmp_path)
    lie = event()
    effects = desk.heard(EventTopic(FLEET, "pi-1", "other"), lie, mark=FactMark("s-lie", 1, 1))
    assert dispatched(effects) == []
    assert id_of(lie) not in desk.fleet.ledger


def test_a_call_that_somebody_ended_before_it_was_made_is_answered(tmp_path: Path) -> None:
    """A result may come before its cause, and a lie looks the same; the caller is told, and never left to wait."""
    desk = fleet(tmp_path)
    key = invocation_id("call c1", "porch", "greet", 0)
    desk.heard(ResultTopic(FLEET, BAD, key), result(key), mark=FactMark("s", 1, 1))
    effects = desk.heard(CallTopic(FLEET, "porch.greet", "c1"), b"", response_topic="me")
    (reply,) = [effect for effect in effects if isinstance(effect, Reply)]
    assert not reply.answer.ok
    assert "ended already" in reply.answer.message


def test_a_node_has_a_few_streams_and_no_more(tmp_path: Path) -> None:
    """A fresh card is a fresh stream; a node that makes up thousands loses its own oldest ones, nobody else's."""
    desk = fleet(tmp_path)
    for number in range(STREAMS_MOST * 5):
        desk.heard(EventTopic(FLEET, BAD, "x"), pressed(sensor="x"), mark=FactMark(f"s{number}", 1, 1))
    mine = [key for key in desk.fleet.intakes if key.startswith(f"{BAD}/")]
    assert len(mine) == STREAMS_MOST
    assert f"{BAD}/s{STREAMS_MOST * 5 - 1}" in mine
    assert "pi-1/s-pi-1" in desk.fleet.intakes
    desk.restart()
    desk.heard(EventTopic(FLEET, BAD, "x"), pressed(sensor="x"), mark=FactMark("last", 1, 1))
    assert len([key for key in desk.fleet.intakes if key.startswith(f"{BAD}/")]) == STREAMS_MOST


def test_made_up_functions_make_no_new_figures(tmp_path: Path) -> None:
    """The labels of a metric are names of ours, so a node cannot fill anybody's memory with them."""
    desk = fleet(tmp_path)
    for number in range(20):
        lie = result(f"i{number}", function=f"f{number}", duration_s=1.0)
        desk.heard(ResultTopic(FLEET, BAD, f"i{number}"), lie, mark=FactMark("s", number + 1, 1))
    counted = [name for name in desk.fleet.counts if name[0] == "invocations"]
    assert counted == [("invocations", "unknown", "done")]
    assert desk.fleet.durations == []


def test_a_long_story_of_one_node_hides_nobody_else(tmp_path: Path) -> None:
    """What a node says of itself is cut to what a person reads, so lists and statuses still fit into their packets."""
    desk = fleet(tmp_path)
    told = desk.assignment(BAD)
    tasks = tuple(
        TaskStatus(spec.task, spec.revision, TaskState.FAILED, reason=HUGE, image=HUGE) for spec in told.tasks
    )
    story = NodeStatus(BAD, 2, 1, told.epoch, told.generation, 0, tasks, reasons=(HUGE,) * 50)
    desk.heard(StatusTopic(FLEET, BAD), story)
    answer = desk.order(OrderVerb.NODES)
    assert answer is not None
    assert isinstance(envelope.pack(AnswerTopic(FLEET, "o1"), answer), Packet)
    assert isinstance(answer.result, list)
    assert len(answer.result) == 3
    assert isinstance(envelope.pack(StackStatusTopic(FLEET, "shop"), desk.stack("shop")), Packet)
