"""Functions that the controller has run, and what it knows of those it has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.decide.effects import Reply, Say
from controller.decide.invocation import InvocationState
from controller.decide.terms import Terms
from protocol.desired import Ack, Invocation
from protocol.envelope import FactMark
from protocol.ids import invocation_id
from protocol.observed import Answer, Link, Result, ResultStatus, SensorEvent
from protocol.topics import AckTopic, CallTopic, EventTopic, ResultTopic
from tests.controller.desk import FLEET, Desk

STACK = """
sensors:
  doorbell: {kind: button, pin: 17, nodes: ["node.labels.place == porch"]}
functions:
  greet:
    image: greet:1
    nodes: ["node.labels.runs == yes"]
    triggers: [{sensor: doorbell, on: pressed}]
"""
PORCH = {"place": "porch"}
RUNS = {"runs": "yes"}


def event(number: int = 1, node: str = "pi-1", kind: str = "pressed", taken: tuple[str, ...] = ()) -> SensorEvent:
    """A press of the doorbell."""
    return SensorEvent(f"s-{node}", 100 + number, node, "doorbell", kind, "2026-01-01T00:00:00Z", "b", 1, taken=taken)


def sense(desk: Desk, what: SensorEvent) -> tuple[Any, ...]:
    """An event arrives as a fact."""
    mark = FactMark(what.stream, what.sequence, what.sequence)
    return desk.heard(EventTopic(FLEET, what.node, what.sensor), what, mark=mark)


def id_of(what: SensorEvent) -> str:
    """The invocation that an event asks for."""
    return invocation_id(what.id, "porch", "greet", 0)


def end(desk: Desk, key: str, node: str, status: ResultStatus = ResultStatus.DONE, **more: Any) -> tuple[Any, ...]:
    """A result arrives."""
    result = Result(key, node, "porch", "greet", status, 1, **more)
    return desk.heard(ResultTopic(FLEET, node, key), result)


def dispatched(effects: tuple[Any, ...]) -> list[tuple[str, str]]:
    """Which node was asked for which invocation."""
    said = [effect for effect in effects if isinstance(effect, Say) and isinstance(effect.message, Invocation)]
    return [(effect.topic.node, effect.message.id) for effect in said]  # type: ignore[attr-defined]


def porch(path: Path | None = None, terms: Terms | None = None, **nodes: dict[str, str]) -> Desk:
    """A fleet with the doorbell on pi-1 and the function elsewhere, unless told otherwise."""
    desk = Desk(path, terms)
    for node, labels in (nodes or {"pi_1": PORCH, "pi_2": RUNS, "pi_3": RUNS}).items():
        desk.hello(node.replace("_", "-"), labels=labels)
    desk.manifest("porch", STACK)
    return desk


def test_what_its_node_cannot_run_goes_to_one_that_can() -> None:
    """The doorbell's node has no label for it: the idle one that is first by name is asked, once."""
    desk = porch()
    assert dispatched(sense(desk, event())) == [("pi-2", id_of(event()))]
    assert dispatched(sense(desk, event(2))) == [("pi-3", id_of(event(2)))]


def test_the_node_that_sensed_it_is_asked_first() -> None:
    """If it may run the function but did not take it up itself, the shortest way is back."""
    desk = porch(pi_0=RUNS, pi_1=PORCH | RUNS)
    assert dispatched(sense(desk, event())) == [("pi-1", id_of(event()))]


def test_what_its_node_took_up_is_on_the_ledger_and_sent_nowhere() -> None:
    """Triggers are matched on the node first; the controller only keeps the books."""
    desk = porch()
    assert dispatched(sense(desk, event(taken=(id_of(event()),)))) == []
    assert desk.fleet.ledger[id_of(event())].state is InvocationState.DISPATCHED
    end(desk, id_of(event()), "pi-1")
    assert desk.fleet.ledger[id_of(event())].state is InvocationState.DONE


def test_one_event_and_one_trigger_are_one_invocation_however_often_they_come(tmp_path: Path) -> None:
    """At-least-once delivery, twice through a restart: one dispatch, one acknowledgement each time."""
    desk = porch(tmp_path)
    count = 0
    for _ in range(3):
        effects = sense(desk, event())
        count += len(dispatched(effects))
        acks = [effect.message for effect in effects if isinstance(effect, Say) and isinstance(effect.message, Ack)]
        assert acks == [Ack("s-pi-1", 101, epoch=1)]
        desk.restart()
    assert count == 1
    assert desk.fleet.counts.get(("events",), 0) == 0
    assert len(desk.fleet.ledger) == 1


def test_an_event_that_meets_no_trigger_is_counted_and_acknowledged() -> None:
    """Nothing is asked for, and its node need not say it again."""
    desk = porch()
    sense(desk, event(kind="released"))
    assert desk.said[str(AckTopic(FLEET, "pi-1"))] == Ack("s-pi-1", 101, epoch=1)
    assert (desk.fleet.counts["events",], len(desk.fleet.ledger)) == (1, 0)


def test_the_first_result_wins() -> None:
    """A function may run twice if its node dies between running and reporting; it counts once."""
    desk = porch()
    sense(desk, event())
    end(desk, id_of(event()), "pi-2")
    end(desk, id_of(event()), "pi-3", ResultStatus.FAILED)
    assert desk.fleet.ledger[id_of(event())].state is InvocationState.DONE
    assert desk.fleet.counts["result_duplicates",] == 1
    assert desk.fleet.counts["invocations", "porch.greet", "done"] == 1


def test_a_result_may_come_before_its_event() -> None:
    """The outbox sends what is urgent first; the late event then asks for nothing."""
    desk = porch()
    end(desk, id_of(event()), "pi-1")
    assert dispatched(sense(desk, event())) == []
    assert desk.fleet.ledger[id_of(event())].state is InvocationState.DONE


def test_it_is_said_again_now_and_then_and_on_every_hello_until_there_is_a_result() -> None:
    """A lost message costs half a minute; the node knows the id and runs it once."""
    desk = porch()
    sense(desk, event())
    assert dispatched(desk.turn(29.0)) == []
    assert dispatched(desk.turn(1.0)) == [("pi-2", id_of(event()))]
    assert dispatched(desk.hello("pi-2", labels=RUNS)) == [("pi-2", id_of(event()))]
    end(desk, id_of(event()), "pi-2")
    assert dispatched(desk.turn(30.0)) == []
    assert dispatched(desk.hello("pi-2", labels=RUNS)) == []


def test_another_node_takes_over_what_a_vanished_one_was_asked() -> None:
    """Once its lease is over, once, and with the same id; while it is only silent it keeps its work."""
    desk = porch()
    sense(desk, event())
    desk.presence("pi-2", Link.OFFLINE)
    assert dispatched(desk.turn(5.0)) == []
    assert dispatched(desk.turn(60.0)) == [("pi-3", id_of(event()))]
    assert desk.fleet.counts["taken_over", "porch.greet"] == 1
    assert dispatched(desk.presence("pi-2", Link.ONLINE, epoch=2)) == []


def test_nothing_is_taken_over_while_nobody_can_be_heard() -> None:
    """With its own link down the controller cannot know who is back; when it is up, it looks again."""
    desk = porch()
    sense(desk, event())
    desk.presence("pi-2", Link.OFFLINE)
    desk.turn(5.0)
    desk.link_down()
    assert dispatched(desk.turn(60.0)) == []
    assert desk.fleet.ledger[id_of(event())].node == "pi-2"
    desk.link_up()
    desk.presence("pi-3", Link.ONLINE, epoch=2)
    desk.turn(15.0)
    assert desk.fleet.counts.get(("taken_over", "porch.greet"), 0) == 1


@pytest.mark.parametrize("first", ["pi-2", "pi-3"])
def test_the_first_result_of_a_taken_over_invocation_wins_whichever_node_says_it(first: str, tmp_path: Path) -> None:
    """The vanished node may have run it all the same, and says so when it is back, also after a restart; the other is counted."""
    desk = porch(tmp_path)
    sense(desk, event())
    desk.presence("pi-2", Link.OFFLINE)
    desk.turn(60.0)
    desk.restart()
    second = {"pi-2": "pi-3", "pi-3": "pi-2"}[first]
    end(desk, id_of(event()), first)
    end(desk, id_of(event()), second, ResultStatus.FAILED)
    entry = desk.fleet.ledger[id_of(event())]
    assert (entry.state, entry.node) == (InvocationState.DONE, first)
    assert desk.fleet.counts["result_duplicates",] == 1


def test_nobody_else_may_say_the_result() -> None:
    """Only the nodes that were asked can have run it (S10)."""
    desk = porch(pi_1=PORCH, pi_2=RUNS, pi_3=RUNS, pi_4=RUNS)
    sense(desk, event())
    desk.presence("pi-2", Link.OFFLINE)
    desk.turn(60.0)
    end(desk, id_of(event()), "pi-4")
    assert desk.fleet.ledger[id_of(event())].state is InvocationState.DISPATCHED
    assert desk.fleet.counts["refusals", "other_node"] == 1


@pytest.mark.parametrize(("actuators", "taker"), [("", ["pi-2"]), ("actuators: {lamp: {kind: led, pin: 27}}\n", [])])
def test_what_a_node_took_itself_is_taken_over_unless_it_may_act_there(actuators: str, taker: list[str]) -> None:
    """A lamp of the same name on another node is another lamp: with one, its node does the work whenever it is back."""
    desk = porch(pi_1=PORCH | RUNS, pi_2=RUNS)
    desk.manifest("porch", STACK + actuators)
    sense(desk, event(taken=(id_of(event()),)))
    desk.presence("pi-1", Link.OFFLINE)
    assert dispatched(desk.turn(60.0)) == [(node, id_of(event())) for node in taker]
    assert desk.fleet.ledger[id_of(event())].by_node is not bool(taker)


def test_it_is_taken_over_by_the_first_that_comes_if_nobody_is_there() -> None:
    """Without another node it stays with its own; the next one that comes back, or is told of the function, takes it at once."""
    desk = porch(pi_1=PORCH, pi_2=RUNS, pi_3=RUNS)
    desk.presence("pi-3", Link.OFFLINE)
    desk.turn(60.0)
    sense(desk, event())
    desk.presence("pi-2", Link.OFFLINE)
    assert dispatched(desk.turn(60.0)) == []
    assert dispatched(desk.presence("pi-3", Link.ONLINE, epoch=2)) == [("pi-3", id_of(event()))]
    assert dispatched(desk.presence("pi-2", Link.ONLINE, epoch=2)) == []


def test_whoever_is_told_of_the_function_takes_what_nobody_could() -> None:
    """A new node is as good as one that is back."""
    desk = porch(pi_1=PORCH, pi_2=RUNS)
    sense(desk, event())
    desk.presence("pi-2", Link.OFFLINE)
    assert dispatched(desk.turn(60.0)) == []
    assert dispatched(desk.hello("pi-3", labels=RUNS)) == [("pi-3", id_of(event()))]


def test_an_invocation_expires_with_its_node_silent_and_nobody_to_take_over() -> None:
    """It is not asked for for ever."""
    desk = porch(pi_1=PORCH, pi_2=RUNS)
    sense(desk, event())
    desk.presence("pi-2", Link.OFFLINE)
    assert dispatched(desk.turn(60.0)) == []
    desk.turn(3600.0)
    assert desk.fleet.ledger[id_of(event())].state is InvocationState.EXPIRED


def test_a_controller_that_begins_again_gives_what_runs_as_much_time_as_before(tmp_path: Path) -> None:
    """What may wait for three seconds may run for longer: a restart lets nothing expire that began in time."""
    desk = porch(tmp_path)
    desk.manifest("porch", STACK.replace("image: greet:1", "image: greet:1\n    expires: 3s\n    timeout: 30s"))
    ((node, key),) = dispatched(sense(desk, event()))
    desk.restart()
    desk.turn(20.0)
    end(desk, key, node)
    assert desk.fleet.ledger[key].state is InvocationState.DONE


def test_stranded_work_that_has_ended_is_no_longer_remembered() -> None:
    """Its function may never have another node: a year of such nodes would be kept."""
    desk = porch(pi_1=PORCH, pi_2=RUNS)
    sense(desk, event())
    desk.presence("pi-2", Link.OFFLINE)
    desk.turn(60.0)
    assert desk.fleet.stranded == {"porch.greet": {id_of(event())}}
    desk.turn(4000.0)
    assert desk.fleet.ledger[id_of(event())].state is InvocationState.EXPIRED
    assert desk.fleet.stranded == {}


def test_it_waits_for_a_node_that_may_run_it() -> None:
    """Nobody is online now; the first one that comes back is asked."""
    desk = porch(pi_1=PORCH, pi_2=RUNS)
    desk.presence("pi-2", Link.OFFLINE)
    desk.turn(60.0)
    assert dispatched(sense(desk, event())) == []
    assert dispatched(desk.presence("pi-2", Link.ONLINE, epoch=2)) == [("pi-2", id_of(event()))]


def test_the_ledger_is_bounded() -> None:
    """The oldest ended ones are forgotten; beyond the bound of open ones new ones are dropped and counted."""
    desk = porch(terms=Terms(ledger_rows=3))
    for number in range(5):
        sense(desk, event(number))
    assert len(desk.fleet.ledger) == 3
    assert desk.fleet.counts["refusals", "ledger_full"] == 2
    for number in range(10):
        end(desk, f"other-{number}", "pi-2")
    assert len(desk.fleet.ledger) <= 6


def call(desk: Desk, function: str, key: str = "c1", body: bytes = b"hi", correlation: bytes = b"\x01") -> list[Answer]:
    """Somebody calls a function; the answers that came at once."""
    more = {"response_topic": "my/answers", "correlation": correlation}
    effects = desk.heard(CallTopic(FLEET, function, key), body, **more)
    return [effect.answer for effect in effects if isinstance(effect, Reply)]


def test_a_direct_call_is_answered_with_the_result_also_after_a_restart(tmp_path: Path) -> None:
    """Who asked is durable, with the correlation that came along."""
    desk = porch(tmp_path)
    assert call(desk, "greet") == []
    key = next(iter(desk.fleet.ledger))
    desk.restart()
    effects = end(desk, key, "pi-2", output="hello")
    reply = next(effect for effect in effects if isinstance(effect, Reply))
    assert (reply.response_topic, reply.correlation, reply.answer.id) == ("my/answers", b"\x01", "c1")
    assert (reply.answer.ok, reply.answer.result["output"]) == (True, "hello")
    assert call(desk, "greet") == [reply.answer]


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (ResultStatus.DONE, "", ""),
        (ResultStatus.DONE, "the output was cut", "the output was cut"),
        (ResultStatus.FAILED, "no luck", "no luck"),
        (ResultStatus.FAILED, "", "greet is failed on pi-2"),
    ],
)
def test_an_answers_message_is_the_reason(status: ResultStatus, reason: str, said: str) -> None:
    """Of what went well there is none, and nobody is warned; a failure is never without a word."""
    desk = porch()
    call(desk, "greet")
    effects = end(desk, next(iter(desk.fleet.ledger)), "pi-2", status=status, reason=reason)
    (answer,) = [effect.answer for effect in effects if isinstance(effect, Reply)]
    assert (answer.ok, answer.message) == (status is ResultStatus.DONE, said)


def test_a_repeated_call_does_not_run_again() -> None:
    """Its id is its cause."""
    desk = porch()
    call(desk, "porch.greet")
    call(desk, "porch.greet")
    assert len(desk.fleet.ledger) == 1


def test_the_way_back_to_a_caller_weighs_and_goes_with_the_answer() -> None:
    """Whoever calls may make it 64 KiB long, as MQTT has it, ten thousand times."""
    desk = porch(terms=Terms(ledger_bytes=100_000))
    assert call(desk, "greet", "c1", correlation=b"x" * 40_000) == []
    refused = call(desk, "greet", "c2", correlation=b"x" * 40_000)
    assert [answer.message for answer in refused] == ["too many invocations are open; call again later"]
    key = next(iter(desk.fleet.ledger))
    end(desk, key, "pi-2")
    assert (desk.fleet.ledger[key].correlation, desk.fleet.ledger[key].response_topic) == ("", "")
    assert call(desk, "greet", "c3", correlation=b"x" * 40_000) == []


@pytest.mark.parametrize(
    ("function", "body", "said"),
    [
        ("nothing", b"", "there is no function 'nothing'"),
        ("greet", b"\xff", "the body of a call is text in UTF-8; byte 0 is not"),
    ],
)
def test_a_call_that_cannot_be_done_is_answered_at_once(function: str, body: bytes, said: str) -> None:
    """Every refusal explains itself to whoever asked."""
    assert [answer.message for answer in call(porch(), function, body=body)] == [said]


def test_a_name_that_two_stacks_have_is_refused_with_both() -> None:
    """The caller must say which."""
    desk = porch()
    desk.manifest("attic", "functions:\n  greet: {image: greet:2}\n")
    (answer,) = call(desk, "greet")
    assert answer.message == "2 stacks have a function 'greet': call attic.greet or porch.greet"
