"""Functions that are called by the ends of others, as the controller sees it: what their node did not take, it dispatches."""

from __future__ import annotations

from protocol.observed import ResultStatus
from tests.controller.desk import Desk
from tests.controller.test_invocations import PORCH, RUNS, dispatched, end, event, id_of, sense

STACK = """
sensors:
  doorbell: {kind: button, pin: 17, nodes: ["node.labels.place == porch"]}
functions:
  greet:
    image: greet:1
    nodes: ["node.labels.place == porch"]
    triggers: [{sensor: doorbell, on: pressed}]
  mail:
    image: mail:1
    nodes: ["node.labels.runs == yes"]
    triggers: [{function: greet, on: done, when: [{exact: {data.value: hello}}]}]
"""


def porch() -> Desk:
    desk = Desk(None, None)
    desk.hello("pi-1", labels=PORCH)
    desk.hello("pi-2", labels=RUNS)
    desk.manifest("porch", STACK)
    sense(desk, event(taken=(id_of(event()),)))
    return desk


def test_what_follows_from_a_result_goes_to_a_node_that_can() -> None:
    """Once, however often the result comes; the function reads what came out of the one before."""
    desk = porch()
    asked = dispatched(end(desk, id_of(event()), "pi-1", output="hello"))
    assert [node for node, _ in asked] == ["pi-2"]
    made = desk.fleet.ledger.get(asked[0][1])
    assert made is not None
    assert made.invocation.body == '{"event_type":"done","reason":"","value":"hello"}'
    assert (made.invocation.attributes["id"], made.invocation.attributes["depth"]) == (id_of(event()), "1")
    assert dispatched(end(desk, id_of(event()), "pi-1", output="hello")) == []


def test_another_end_and_another_output_call_nothing() -> None:
    """A trigger asks for one end of one function, and its conditions must hold."""
    assert dispatched(end(porch(), id_of(event()), "pi-1", ResultStatus.FAILED, output="hello")) == []
    assert dispatched(end(porch(), id_of(event()), "pi-1", output="bye")) == []


def test_what_the_node_took_is_sent_nowhere() -> None:
    """It stands on the ledger for the node whose result says so."""
    desk = porch()
    ((_, follows),) = dispatched(end(porch(), id_of(event()), "pi-1", output="hello"))
    assert dispatched(end(desk, id_of(event()), "pi-1", output="hello", taken=(follows,))) == []
    taken = desk.fleet.ledger.get(follows)
    assert taken is not None
    assert (taken.node, taken.by_node) == ("pi-1", True)


def test_a_result_of_the_last_depth_calls_nothing() -> None:
    """Also where the circle goes over several nodes."""
    assert dispatched(end(porch(), id_of(event()), "pi-1", output="hello", depth=7)) != []
    assert dispatched(end(porch(), id_of(event()), "pi-1", output="hello", depth=8)) == []


def test_what_nobody_remembers_is_counted() -> None:
    """A node without an engine has no function that could remember its events: nothing is called, and a metric says so."""
    desk = Desk(None, None)
    desk.hello("pi-1", labels=PORCH, engine=None)
    desk.manifest("porch", STACK.replace("on: pressed", "on: pressed, cooldown: 5s"))
    assert dispatched(sense(desk, event())) == []
    assert desk.fleet.counts["triggers_missed", "greet"] == 1
