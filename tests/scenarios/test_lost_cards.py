"""Stories of a card that is lost while its containers go on: nobody starts elsewhere what this node may still be running."""

from __future__ import annotations

from controller.decide.invocation import InvocationState
from sim.cards import throw_away
from sim.fleet import SimFleet
from tests.scenarios.porch import a_fleet, clocks, doorbell

CLOCK = "porch.clock"


def a_clock_that_moves(fleet: SimFleet) -> tuple[str, str]:
    """One clock runs, its node loses its card and is drained before it is back; where it runs, and where it is to go."""
    fleet.publish("porch", clocks(1))
    fleet.run_until_converged()
    (here,) = [name for name, runs in fleet.running(CLOCK).items() if runs]
    (there,) = set(fleet.nodes) - {here}
    return here, there


def test_a_node_without_its_card_tells_of_what_runs_before_another_may_have_it() -> None:
    """Drained and activated while it was away, it stops its clock; only then does the other start it."""
    with a_fleet(nodes=2) as fleet:
        here, there = a_clock_that_moves(fleet)
        throw_away(fleet, fleet.nodes[here], "0" * 15 + "1")
        fleet.drain(here)
        fleet.run_until_converged()
        assert fleet.running(CLOCK)[there]
        assert not fleet.running(CLOCK).get(here)


def test_a_node_without_its_card_and_its_engine_gives_nothing_away() -> None:
    """It knows of no task and sees no container: that proves nothing, and the other waits until it has looked."""
    with a_fleet(nodes=2) as fleet:
        here, there = a_clock_that_moves(fleet)
        node = fleet.nodes[here]
        node.stop_engine()
        throw_away(fleet, node, "0" * 15 + "1")
        fleet.drain(here)
        fleet.run_for(minutes=3)
        assert fleet.running(CLOCK)[here]
        assert not fleet.running(CLOCK).get(there)
        node.start_engine()
        fleet.run_until_converged()
        assert fleet.running(CLOCK)[there]
        assert not fleet.running(CLOCK).get(here)


def test_what_the_lost_card_had_taken_up_is_asked_of_its_node_again() -> None:
    """The event said who runs what it calls; a store that nobody has heard of does not know of it, and is told at once."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("porch", doorbell())
        fleet.run_until_converged()
        node, head = fleet.nodes["pi-1"], fleet.head
        assert node.press("bell")
        while head.fleet is None or not len(head.fleet.ledger):
            fleet.run_for(seconds=0.01)
        (key,) = head.fleet.ledger
        assert head.fleet.ledger[key].by_node
        throw_away(fleet, node, "0" * 15 + "1")
        fleet.run_for(minutes=1)
        assert head.fleet.ledger[key].state is InvocationState.DONE
        fleet.run_until_converged()
