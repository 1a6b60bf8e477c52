"""Stories of functions that are called when nodes come and go: real agents, the real controller, and power that is cut."""

from __future__ import annotations

from sim.fleet import SimFleet
from sim.stacks import Section, stack
from tests.scenarios.porch import PORCH, a_fleet, ran


def watching() -> bytes:
    """A function on the porch (pi-1 and pi-3) that is called when the shed's node goes, and when it is back."""
    of_shed = {"when": [{"exact": {"node": "pi-2"}}]}
    alarm: Section = {
        "image": "greet:1",
        "nodes": [PORCH],
        "triggers": [{"node": word, **of_shed} for word in ("offline", "online")],
    }
    return stack({}, functions={"alarm": alarm})


def causes(fleet: SimFleet) -> list[str]:
    """What called, in order."""
    ledger = fleet.head.fleet.ledger if fleet.head.fleet is not None else {}
    entries = sorted((ledger[key] for key in ledger), key=lambda entry: entry.number)
    return [str(entry.state) for entry in entries]


def test_a_node_that_goes_and_comes_is_told_about_once_each() -> None:
    """Another node runs the function, also where the controller dies meanwhile; nodes that nobody asked about call nothing."""
    with a_fleet(nodes=3) as fleet:
        fleet.run_for(seconds=30)
        fleet.publish("watch", watching())
        fleet.run_until_converged()
        assert ran(fleet) == {}
        fleet.nodes["pi-2"].cut_power()
        fleet.run_for(minutes=3)
        assert sum(ran(fleet).values()) == 1
        fleet.head.kill()
        fleet.run_for(minutes=3)
        assert sum(ran(fleet).values()) == 1
        fleet.nodes["pi-2"].power()
        fleet.run_until_converged()
        fleet.run_for(seconds=20)
        assert sum(ran(fleet).values()) == 2
        assert "pi-2" not in ran(fleet)
        fleet.nodes["pi-1"].cut_power()
        fleet.run_for(minutes=3)
        assert causes(fleet) == ["done", "done"]
