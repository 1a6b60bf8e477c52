"""Functions that are called by the ends of others, as the controller sees it: what their node did not take, it dispatches."""

from __future__ import annotations

from controller.decide.inputs import Heard
from controller.decide.observe import observe
from protocol.desired import Invocation
from protocol.envelope import FactMark, Received
from protocol.observed import ResultStatus
from protocol.topics import ManifestTopic, NodeInvocationTopic
from tests.controller.desk import FLEET, Desk
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

PORCH_NODES, RUNS_NODES = (
    'image: greet:1\n    nodes: ["node.labels.place == porch"]',
    'image: greet:1\n    nodes: ["node.labels.runs == yes"]',
)


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


def test_what_a_node_only_remembers_is_run_by_another() -> None:
    """Its assignment has the triggers alone; what these call comes as a fact, and is dispatched once under the same id."""
    desk = Desk(None, None)
    desk.hello("pi-1", labels=PORCH, engine=None)
    desk.hello("pi-2", labels=RUNS)
    desk.manifest("porch", STACK.replace("on: pressed", "on: pressed, cooldown: 5s").replace(PORCH_NODES, RUNS_NODES))
    (told,) = desk.assignment("pi-1").functions
    assert (told.name, told.is_away, told.container.image, len(told.triggers)) == ("greet", True, "", 1)
    assert not any(one.is_away for one in desk.assignment("pi-2").functions)
    assert dispatched(sense(desk, event())) == []
    assert ("triggers_missed", "porch.greet") not in desk.fleet.counts
    assert asked(desk, 2) == [("pi-2", id_of(event()))]
    assert asked(desk, 3) == []
    assert desk.fleet.ledger[id_of(event())].near == "pi-1"


def test_a_node_asks_for_nothing_that_it_was_not_told_of() -> None:
    """Whoever holds a node's key may not call what has no trigger there."""
    desk = Desk(None, None)
    desk.hello("pi-1", labels=PORCH, engine=None)
    desk.hello("pi-2", labels=RUNS)
    desk.manifest("porch", STACK)
    assert asked(desk, 1, function="mail") == []
    assert desk.fleet.counts["refusals", "other_function"] == 1


def test_a_node_that_asks_for_what_was_removed_within_the_turn_is_told_of_it() -> None:
    """Nobody would run it: it stands on no ledger until its hour is over."""
    desk = Desk(None, None)
    desk.hello("pi-1", labels=PORCH, engine=None)
    desk.hello("pi-2", labels=RUNS)
    desk.manifest("porch", STACK.replace("on: pressed", "on: pressed, cooldown: 5s").replace(PORCH_NODES, RUNS_NODES))
    removal = Heard(Received(ManifestTopic(FLEET, "porch"), b"", None), payload_digest="gone")
    observe(desk.fleet, removal, desk.now)
    assert asked(desk, 1) == []
    assert desk.fleet.counts["refusals", "no_function"] == 1
    assert len(desk.fleet.ledger) == 0


def asked(desk: Desk, sequence: int, function: str = "greet") -> list[tuple[str, str]]:
    """A node asks for a run; where it was sent."""
    made = Invocation(id_of(event()), "porch", function, {"id": event().id}, "{}")
    topic, mark = NodeInvocationTopic(FLEET, "pi-1", made.id), FactMark("5f1d", sequence, sequence)
    return dispatched(desk.heard(topic, made, mark=mark))


def test_a_condition_in_cel_over_what_came_out() -> None:
    """An output is a text, which an expression may read as a number; one that is none is counted, and calls nothing."""
    for output, calls in (("31.5", 1), ("12", 0), ("warm", 0)):
        desk = Desk(None, None)
        desk.hello("pi-1", labels=PORCH)
        desk.hello("pi-2", labels=RUNS)
        desk.manifest("porch", STACK.replace("{exact: {data.value: hello}}", "{cel: double(event.data.value) > 30.0}"))
        sense(desk, event(taken=(id_of(event()),)))
        assert len(dispatched(end(desk, id_of(event()), "pi-1", output=output))) == calls
        assert (("conditions_unclear", "porch.mail") in desk.fleet.counts) is (output == "warm")
