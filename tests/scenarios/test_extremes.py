"""Stories of what hardly ever happens: a node back after more than a year, a copied card, a second controller by mistake."""

from __future__ import annotations

import pytest

from sim.fleet import SimFleet
from sim.head import Head
from sim.node import SimNode
from sim.twins import copy_card
from tests.scenarios.porch import a_fleet, lamps

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


def test_a_copied_card_harms_nobody_but_its_twin() -> None:
    """Two nodes of one name drive each other off the broker for ever; all others keep their containers, and are updated."""
    with a_fleet(nodes=4) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        before = fleet.containers()
        twin = copy_card(fleet, "pi-2")
        fleet.run_for(minutes=10)
        assert min(dials(fleet, "pi-2"), dials(fleet, "pi-2-twin")) > 5
        assert fleet.containers() == before
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_for(minutes=20)
        assert fleet.settled(LAMP, "lamp:two") >= {"pi-1", "pi-3", "pi-4"}
        leave(twin)
        fleet.run_until_converged()
        assert fleet.settled(LAMP, "lamp:two") == set(fleet.nodes)


def dials(fleet: SimFleet, name: str) -> int:
    """How often a process of this name has connected."""
    return sum(f" {name} " in line and " dials " in line for line in fleet.world.trace)


def leave(twin: SimNode) -> None:
    """Somebody finds the copy and pulls its plug."""
    twin.cut_power()
    twin.world.broker.mend(twin.name)  # the network of that name is its twin's


@pytest.mark.parametrize("seed", [1, 6])
def test_a_second_controller_by_mistake_disturbs_nothing_and_exceeds_no_budget(seed: int) -> None:
    """It has an empty store and the same name on the broker; an update goes its way within its budget, also when it is gone."""
    with a_fleet(nodes=3, seed=seed) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        before = fleet.containers()
        second = Head(fleet.world, fleet.head.path.parent / "second", fleet.head.name)
        second.process.name = "second"
        second.process.start()
        fleet.run_for(minutes=5)
        assert min(dials(fleet, "controller"), dials(fleet, "second")) > 5
        assert fleet.containers() == before
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_for(minutes=5)
        second.retire()
        fleet.run_until_converged()
        assert fleet.settled(LAMP, "lamp:two") == set(fleet.nodes)
        assert fleet.invariants.most_down[LAMP] == 1
