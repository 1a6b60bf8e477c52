"""Stories of what hardly ever happens: a node back after more than a year, a copied card, a second controller by mistake."""

from __future__ import annotations

import pytest

from controller.decide.presence import Presence
from sim.fleet import SimFleet
from sim.head import CLIENT, Head
from sim.node import SimNode
from sim.twins import copy_card
from tests.scenarios.porch import a_fleet, doorbell, lamps, ran

DAY_S = 86_400.0
LAMP = "porch.lamp"


def test_a_node_that_is_back_after_four_hundred_days_is_updated_like_any_other() -> None:
    """Nothing that it kept, and nothing that was kept for it, is too old; what it ran goes on until its turn comes."""
    with a_fleet(nodes=3) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        fleet.nodes["pi-3"].cut_power()
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_for(minutes=5)
        assert fleet.settled(LAMP, "lamp:two") == {"pi-1", "pi-2"}
        let_pass(fleet, 400 * DAY_S)
        for node in fleet.nodes.values():
            node.power()
        fleet.run_until_converged()
        assert fleet.settled(LAMP, "lamp:two") == {"pi-1", "pi-2", "pi-3"}
        assert fleet.invariants.most_down[LAMP] == 1


def let_pass(fleet: SimFleet, seconds: float) -> None:
    """Let the controller alone live through a long time: the houses stand empty, and every fuse is out."""
    for node in fleet.nodes.values():
        if node.is_powered:
            node.cut_power()
    fleet.head.process.stretch, before = 3600.0, fleet.head.process.stretch
    fleet.run_for(seconds)
    fleet.head.process.stretch = before


def test_a_copied_card_is_quarantined_and_harms_nobody() -> None:
    """Two nodes of one name drive each other off the broker for ever; all others keep their containers, and are updated."""
    with a_fleet(nodes=4) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        before = fleet.containers()
        twin = copy_card(fleet, "pi-2")
        fleet.run_for(60.0)
        assert believed(fleet, "pi-2") is Presence.QUARANTINED
        fleet.run_for(minutes=9)
        assert min(dials(fleet, "pi-2"), dials(fleet, "pi-2-twin")) > 5
        assert fleet.containers() == before
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_for(minutes=20)
        assert fleet.settled(LAMP, "lamp:two") == {"pi-1", "pi-3", "pi-4"}
        assert fleet.containers()["pi-2"] == before["pi-2"]
        leave(twin)
        fleet.run_until_converged()
        assert fleet.settled(LAMP, "lamp:two") == set(fleet.nodes)
        assert believed(fleet, "pi-2") is Presence.ONLINE


def test_events_of_a_copied_card_and_of_its_original_are_all_taken() -> None:
    """Each counts its facts on a stream of its own: none is taken for the other's, and both forget what was committed."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("porch", doorbell())
        fleet.run_until_converged()
        original, twin = fleet.nodes["pi-1"], copy_card(fleet, "pi-1")
        fleet.run_for(minutes=2)
        for _ in range(5):
            assert original.press("bell")
            assert twin.press("bell")
            fleet.run_for(minutes=1)
        fleet.run_for(minutes=10)
        assert fleet.head.handled == len(original.accepted | twin.accepted) >= 20
        assert original.store is not None
        assert twin.store is not None
        assert (original.store.outbox.size, twin.store.outbox.size) == (0, 0)


def test_events_that_a_copied_card_held_are_said_by_both_and_what_they_cause_happens_once() -> None:
    """They go along to the stream of the copy, for the card may have been moved, not copied; what they call has one id."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("porch", doorbell())
        fleet.run_until_converged()
        fleet.cut("pi-2")
        assert fleet.press("pi-2", "bell")
        fleet.run_for(seconds=5)
        twin = copy_card(fleet, "pi-2")
        fleet.mend("pi-2")
        fleet.run_for(minutes=10)
        said = len(fleet.nodes["pi-2"].accepted)
        assert fleet.head.handled == 2 * said > 0
        assert fleet.head.fleet is not None
        assert len(fleet.head.fleet.ledger) == sum(ran(fleet).values()) == 1
        leave(twin)
        fleet.run_until_converged()


def believed(fleet: SimFleet, name: str) -> Presence:
    """What the controller believes of a node."""
    assert fleet.head.fleet is not None
    return fleet.head.fleet.presence(name)


def dials(fleet: SimFleet, name: str) -> int:
    """How often a process of this name has connected."""
    return sum(f" {name} " in line and " dials " in line for line in fleet.world.trace)


def leave(twin: SimNode) -> None:
    """Somebody finds the copy and pulls its plug."""
    twin.cut_power()
    twin.world.broker.mend(twin.name)  # the network of that name is its twin's


def another(fleet: SimFleet, name: str) -> Head:
    """A controller with a store of its own; both listen before they speak."""
    fleet.head.listens = True
    head = Head(fleet.world, fleet.head.path.parent / name, fleet.head.name)
    head.process.name, head.listens = name, True
    return head


@pytest.mark.parametrize("seed", [1, 6])
def test_a_second_controller_by_mistake_refuses_and_disturbs_nothing(seed: int) -> None:
    """It has an empty store: it hears that another is in charge, asks whether that one lives, and ends."""
    with a_fleet(nodes=3, seed=seed) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        before, calls = fleet.containers(), dials(fleet, "controller")
        second = another(fleet, "second")
        second.process.start()
        fleet.run_for(minutes=1)
        assert second.is_retired
        assert not second.process.is_alive
        assert dials(fleet, "controller") == calls
        assert fleet.containers() == before
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_until_converged()
        assert fleet.settled(LAMP, "lamp:two") == set(fleet.nodes)
        assert fleet.invariants.most_down[LAMP] == 1


def test_a_controller_that_was_replaced_while_it_was_cut_off_is_obeyed_by_nobody() -> None:
    """The other has an empty store, waits until it has been away for long enough, and is told everything by the nodes."""
    with a_fleet(nodes=3) as fleet:
        first = fleet.head
        second = another(fleet, "second")
        first.process.kill()  # it listens from its next start on
        fleet.run_for(10.0)
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        before = fleet.containers()
        fleet.cut(CLIENT, first.listener)
        fleet.run_for(minutes=1)
        second.process.start()
        fleet.run_for(minutes=2)
        assert second.fleet is not None
        assert not second.fleet.is_up
        fleet.run_for(minutes=5)
        fleet.mend(CLIENT, first.listener)
        fleet.run_for(minutes=5)
        assert first.is_retired
        assert second.fleet.epoch == 2
        assert fleet.containers() == before
        assert {node.node.obeyed_epoch for node in fleet.nodes.values() if node.node} == {2}
