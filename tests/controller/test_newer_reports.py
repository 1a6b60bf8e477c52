"""Agents that were updated before their controller: their reports count, from the bytes on, and nothing moves too early."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from controller.decide.effects import Effect, Remark, Say
from controller.decide.invocation import InvocationState
from controller.decide.observe import observe
from controller.decide.rollouts.slot import SlotState
from controller.packing import read
from protocol.desired import Ack, Grant
from protocol.envelope import FactMark, Packet, pack
from protocol.observed import Health, OfferState, Result, ResultStatus, SensorEvent, TaskState
from protocol.operator import OrderVerb
from protocol.topics import EventTopic, HealthTopic, ResultTopic, StatusTopic, Topic
from tests.controller.desk import FLEET, Desk
from tests.controller.test_invocations import dispatched, event, id_of, porch
from tests.controller.test_rollout import begun


def says(
    desk: Desk, topic: Topic, message: Any, words: tuple[str, str], mark: FactMark | None = None
) -> tuple[Effect, ...]:
    """A newer agent says it, with another word in one place."""
    packet = pack(topic, message, mark)
    assert isinstance(packet, Packet)
    known, new = words
    payload = packet.payload.replace(f'"{known}"'.encode(), f'"{new}"'.encode(), 1)
    properties = tuple((key, new if said == known else said) for key, said in packet.properties)
    assert (payload, properties) != (packet.payload, packet.properties)
    heard = Packet(packet.topic, payload, properties, packet.qos, packet.retain)
    observe(desk.fleet, read(heard), desk.now)
    return desk.turn()


def sense(desk: Desk, what: SensorEvent, new: str) -> tuple[Effect, ...]:
    mark = FactMark(what.stream, what.sequence, what.sequence)
    return says(desk, EventTopic(FLEET, what.node, what.sensor), what, ("guess", new), mark)


def test_an_event_by_a_clock_of_a_new_quality_calls_and_is_acknowledged() -> None:
    """What is new about it is told once, with the node until its next hello, and counted each time."""
    desk = porch()
    effects = [sense(desk, event(number), "atomic") for number in (1, 2)]
    assert [len(dispatched(one)) for one in effects] == [1, 1]
    desk.turn(1.0)
    acks = [message for topic, message in desk.said.items() if isinstance(message, Ack) and "pi-1" in topic]
    assert [(ack.stream, ack.upto) for ack in acks] == [("s-pi-1", 102)]
    told = [one for some in effects for one in some if isinstance(one, Remark) and "atomic" in one.sentence]
    assert len(told) == 1
    assert desk.fleet.counts["newer_reports",] == 2
    assert "does not know yet (clock 'atomic')" in str(desk.order(OrderVerb.NODES, key="n1"))
    desk.hello("pi-1", labels={"place": "porch"}, epoch=2)
    assert "atomic" not in str(desk.order(OrderVerb.NODES, key="n2"))


def test_an_end_of_a_new_kind_is_an_end_and_its_input_is_kept() -> None:
    """The node is not asked again, and an operator finds what was called among the dead letters."""
    desk = porch()
    (asked,) = dispatched(sense(desk, event(), "atomic"))
    node, key = asked
    result = Result(key, node, "porch", "greet", ResultStatus.DONE, 1, output="hello")
    mark = FactMark(f"r-{node}", 1, 1)
    assert dispatched(says(desk, ResultTopic(FLEET, node, key), result, ("done", "abandoned"), mark)) == []
    assert desk.fleet.ledger[id_of(event())].state is InvocationState.FAILED
    assert len(desk.order(OrderVerb.DEAD_LETTERS, key="d1").result) == 1
    assert dispatched(desk.turn(600.0)) == []


def test_a_trial_in_a_new_state_holds_its_slot() -> None:
    """Neither given back nor settled: nobody else is granted one, and it goes on from the next word that is known."""
    desk, pis = begun(nodes=2)
    for pi in pis:
        pi.report()
        pi.ask(f"{pi.name[-1]}aaaaaaaaa")
    (granted,) = [pi for pi in pis if pi.go()]
    granted.report()
    held = {task: desk.fleet.slots[task].state for task in desk.fleet.slots}
    assert sorted(held.values()) == [SlotState.GRANTED, SlotState.STAGED]
    was = desk.fleet.statuses[granted.name]
    effects = says(
        desk, StatusTopic(FLEET, granted.name), replace(was, sequence=was.sequence + 1), ("trying", "verifying")
    )
    assert "offers.0.state 'verifying'" in str(desk.order(OrderVerb.NODES, key="n1"))
    assert not [one for one in (*effects, *desk.turn(60.0)) if isinstance(one, Say) and isinstance(one.message, Grant)]
    assert {task: desk.fleet.slots[task].state for task in desk.fleet.slots} == held
    settled = tuple(replace(one, state=OfferState.SETTLED) for one in was.offers)
    desk.heard(StatusTopic(FLEET, granted.name), replace(was, sequence=was.sequence + 2, offers=settled))
    assert SlotState.SETTLED in [desk.fleet.slots[task].state for task in desk.fleet.slots]


def test_a_task_in_a_new_state_neither_runs_nor_is_over() -> None:
    """Nothing is placed anew, and it does not count as running."""
    desk, (pi,) = begun(nodes=1)
    was = desk.fleet.statuses[pi.name]
    assert [task.state for task in was.tasks] == [TaskState.RUNNING]
    assigned = desk.assignment(pi.name)
    says(desk, StatusTopic(FLEET, pi.name), replace(was, sequence=was.sequence + 1), ("running", "hibernating"))
    desk.turn(5.0)
    assert desk.assignment(pi.name) == assigned
    (service,) = desk.stack("shop").services
    assert (service.running, [task.state for task in service.tasks]) == (0, ["preparing"])


def test_a_health_with_a_new_word_is_a_sign_of_life() -> None:
    """And its figures are taken."""
    desk = porch()
    says(desk, HealthTopic(FLEET, "pi-1"), Health(1.0, 0.5, 1, 1, temperature_celsius=41.0), ("guess", "atomic"))
    assert desk.fleet.health["pi-1"].temperature_celsius == 41.0
