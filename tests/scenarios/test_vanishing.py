"""Stories of functions over a fleet in virtual time: work whose node vanishes, dead letters, and load that is told."""

from __future__ import annotations

import pytest

from controller.decide.invocation import InvocationState
from protocol.load import Load
from protocol.operator import OrderVerb
from protocol.topics import LoadTopic
from sim.fleet import FLEET, SimFleet
from sim.images import Behaviour
from sim.stacks import button, function, stack
from sim.truth import LABEL
from tests.scenarios.porch import PORCH, a_fleet, ran

SLOW = Behaviour(exits_after_s=8.0)
BROKEN = Behaviour(exits_after_s=0.2, exit_code=1)


def doorbell(image: str) -> bytes:
    """A doorbell everywhere; its function runs on the porch alone, on pi-1 and pi-3."""
    return stack({}, {"bell": button(17)}, {"greet": function(image, "bell", PORCH)})


def a_porch(image: str = "greet:slow") -> SimFleet:
    """Two nodes on the porch, and one in the shed that has the bell and not the function."""
    fleet = a_fleet(nodes=3)
    fleet.registry.push("greet:slow", SLOW)
    fleet.registry.push("greet:broken", BROKEN)
    fleet.invariants.runs.retries = 3
    fleet.publish("porch", doorbell(image))
    fleet.run_until_converged()
    return fleet


def states(fleet: SimFleet) -> list[InvocationState]:
    """How everything on the ledger stands."""
    assert fleet.head.fleet is not None
    return [fleet.head.fleet.ledger[key].state for key in sorted(fleet.head.fleet.ledger)]


def test_the_work_of_a_node_that_vanishes_is_taken_over_once() -> None:
    """It dies with a run under way; another one runs it under the same id; when it is back nothing runs again that was done."""
    with a_porch() as fleet:
        fleet.press("pi-2", "bell")
        fleet.run_for(seconds=3)
        assert ran(fleet) == {"pi-1": 1}
        fleet.nodes["pi-1"].cut_power()
        fleet.run_for(minutes=4)
        assert ran(fleet) == {"pi-1": 1, "pi-3": 1}
        assert fleet.nodes["pi-1"].engine.ran[0][0] == fleet.nodes["pi-3"].engine.ran[0][0]
        assert states(fleet) == [InvocationState.DONE]

        fleet.nodes["pi-1"].power()
        fleet.run_until_converged()
        assert ran(fleet)["pi-3"] == 1
        assert states(fleet) == [InvocationState.DONE]


@pytest.mark.parametrize("minutes", [4.0, 0.2])
def test_the_first_result_wins_when_a_node_was_only_cut_off(minutes: float) -> None:
    """It ran what it was asked and could not say so. Cut off for long, its late word is counted; for a moment, nobody took over."""
    with a_porch() as fleet:
        fleet.press("pi-2", "bell")
        fleet.run_for(seconds=3)
        fleet.cut("pi-1")
        fleet.run_for(minutes=minutes)
        fleet.mend("pi-1")
        fleet.run_until_converged()
        assert fleet.head.fleet is not None
        is_long = minutes > 1
        assert ran(fleet) == ({"pi-1": 1, "pi-3": 1} if is_long else {"pi-1": 1})
        assert fleet.head.fleet.counts.get(("result_duplicates",), 0) == int(is_long)
        assert states(fleet) == [InvocationState.DONE]


def test_work_is_taken_over_across_a_restart_of_the_controller() -> None:
    """The controller dies with the node: its ledger knows whom it asked."""
    with a_porch() as fleet:
        fleet.press("pi-2", "bell")
        fleet.run_for(seconds=3)
        fleet.nodes["pi-1"].cut_power()
        fleet.head.kill()
        fleet.run_for(minutes=6)
        assert ran(fleet) == {"pi-1": 1, "pi-3": 1}
        assert states(fleet) == [InvocationState.DONE]


def test_what_failed_is_replayed_when_its_function_is_mended() -> None:
    """An operator publishes a better image, and has the dead letters run once more."""
    with a_porch("greet:broken") as fleet:
        fleet.press("pi-1", "bell")
        fleet.press("pi-2", "bell")
        fleet.run_until_converged()
        assert states(fleet) == [InvocationState.FAILED] * 2
        assert fleet.head.fleet is not None
        assert len(fleet.head.fleet.letters) == 2

        fleet.publish("porch", doorbell("greet:1"))
        fleet.run_until_converged()
        fleet.order(OrderVerb.REPLAY, "porch.greet")
        fleet.run_until_converged()
        assert sorted(states(fleet)) == [InvocationState.DONE] * 2 + [InvocationState.FAILED] * 2
        assert len(fleet.head.fleet.letters) == 0


def instances(fleet: SimFleet) -> dict[str, int]:
    """How many instances of warm functions really run, by node."""
    running = {name: fleet.nodes[name].engine.running() for name in fleet.nodes}
    found = {name: sum(f"{LABEL}instance" in box.labels for box in boxes) for name, boxes in running.items()}
    return {name: count for name, count in found.items() if count}


def test_a_warm_function_grows_over_the_nodes_with_its_load_and_goes_to_zero_without() -> None:
    """Nothing runs before the first call; a burst has all three nodes help; five minutes after the last call nothing runs."""
    with a_fleet(nodes=3) as fleet:
        fleet.registry.push("ask:1", Behaviour(answers_after_s=4.0))
        ask = {"image": "ask:1", "mode": "warm", "concurrency": 2, "scale": {"target": 2, "max": 3}}
        fleet.publish("home", stack({}, {}, {"ask": ask}))
        fleet.run_until_converged()
        assert instances(fleet) == {}
        fleet.call("home.ask", "first")
        fleet.run_for(seconds=10)
        assert sum(instances(fleet).values()) == 1
        for number in range(60):
            fleet.call("home.ask", f"burst-{number}")
        fleet.run_for(seconds=30)
        assert instances(fleet) == {"pi-1": 1, "pi-2": 1, "pi-3": 1}
        fleet.run_until_converged()
        assert states(fleet) == [InvocationState.DONE] * 61
        fleet.run_for(minutes=8)
        assert instances(fleet) == {}
        generations = {name: fleet.nodes[name].node.assignment.generation for name in fleet.nodes}  # type: ignore[union-attr]
        assert max(generations.values()) <= 5


def test_a_node_tells_what_it_has_to_do_and_when_it_is_done() -> None:
    """The controller knows of a run that a node's own event has begun, and of its end."""
    with a_porch() as fleet:
        fleet.press("pi-1", "bell")
        fleet.run_for(seconds=3)
        assert fleet.head.fleet is not None
        assert fleet.head.fleet.loads.busy("porch.greet") == 1
        fleet.run_for(seconds=15)
        assert fleet.head.fleet.loads.busy("porch.greet") == 0


def test_a_node_at_rest_says_nothing_new() -> None:
    """Beside each health, a few bytes; and nothing at all where there are no functions."""
    with a_porch() as fleet:
        heard: list[tuple[str, object]] = []
        listen(fleet, heard)
        fleet.run_for(minutes=10)
        names = [name for name, _ in heard]
        assert {said for _, said in heard} == {Load()}
        assert 15 <= names.count("pi-1") <= 25
        assert "pi-2" not in names


def listen(fleet: SimFleet, heard: list[tuple[str, object]]) -> None:
    """Have every load that the broker routes noted."""
    from protocol.envelope import Packet, Received, unpack  # noqa: PLC0415 - of this one story

    route = fleet.world.broker.route

    def noted(packet: Packet) -> None:
        if packet.topic.endswith("/load"):
            received = unpack(packet)
            assert isinstance(received, Received)
            assert isinstance(received.topic, LoadTopic)
            assert received.topic.fleet == FLEET
            heard.append((received.topic.node, received.message))
        route(packet)

    fleet.world.broker.route = noted  # type: ignore[method-assign]
