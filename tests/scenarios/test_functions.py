"""Stories of functions that follow each other: over nodes, through crashes, and with the broker away."""

from __future__ import annotations

from collections import Counter

import pytest

from sim.fleet import SimFleet
from sim.images import Behaviour
from sim.stacks import Section, button, stack
from tests.scenarios.porch import PORCH, a_fleet

SHED = "node.labels.place != porch"
RINGS = Behaviour(exits_after_s=2.0, answer=lambda *_: "on")


def household(**greet: object) -> bytes:
    """A bell and a lamp on the porch; whoever rings lights it, tells the household, and is written down in the shed."""
    then: list[Section] = [{"set": "lamp"}, {"publish": "home/porch/rang", "retain": True}, {"call": "log"}]
    ring = {
        "image": "ring:1",
        "triggers": [{"sensor": "bell", "on": "pressed"}],
        "then": then,
        "nodes": [PORCH],
        **greet,
    }
    log = {"image": "log:1", "nodes": [SHED]}
    lamp = {"kind": "led", "pin": 27, "nodes": [PORCH]}
    return stack({}, {"bell": button(17, PORCH)}, {"ring": ring, "log": log}, {"lamp": lamp})


def a_household(seed: int, **greet: object) -> SimFleet:
    fleet = a_fleet(nodes=2, seed=seed)
    fleet.registry.push("ring:1", RINGS)
    fleet.registry.push("log:1", Behaviour(exits_after_s=0.2))
    fleet.publish("porch", household(**greet))
    fleet.run_until_converged()
    return fleet


def ledger(fleet: SimFleet) -> Counter[tuple[str, str]]:
    """How many invocations of each function ended how."""
    assert fleet.head.fleet is not None
    entries = [fleet.head.fleet.ledger[key] for key in fleet.head.fleet.ledger]
    return Counter((entry.function, entry.state.value) for entry in entries)


def attempts(fleet: SimFleet) -> dict[str, Counter[tuple[str, int]]]:
    """How often each attempt was begun, on each node."""
    return {name: Counter(node.engine.ran) for name, node in fleet.nodes.items()}


def test_one_function_calls_another_where_that_one_is() -> None:
    """The porch rings, the shed writes it down; who listens on the household's topic hears of it."""
    with a_household(seed=1) as fleet:
        assert fleet.press("pi-1", "bell")
        fleet.run_until_converged()
        assert ledger(fleet) == {("porch.ring", "done"): 1, ("porch.log", "done"): 1}
        assert [len(found) for found in attempts(fleet).values()] == [1, 1]
        assert fleet.world.broker.retained["home/porch/rang"].payload == b"on"


def test_who_rings_twice_is_heard_once() -> None:
    """While the bell is being answered a second press is skipped, and calls nothing."""
    with a_household(seed=2, queue="single") as fleet:
        for _ in range(3):
            assert fleet.press("pi-1", "bell")
            fleet.run_for(seconds=0.5)
        fleet.run_until_converged()
        assert ledger(fleet) == {("porch.ring", "done"): 1, ("porch.ring", "skipped"): 2, ("porch.log", "done"): 1}


def test_the_newest_ring_counts() -> None:
    """With `restart` the last press is answered, and those before it are stopped."""
    with a_household(seed=3, queue="restart") as fleet:
        for _ in range(3):
            assert fleet.press("pi-1", "bell")
            fleet.run_for(seconds=0.5)
        fleet.run_until_converged()
        assert ledger(fleet) == {("porch.ring", "done"): 1, ("porch.ring", "skipped"): 2, ("porch.log", "done"): 1}


@pytest.mark.parametrize("seed", range(4, 10))
def test_a_bad_night_has_one_effect_for_each_ring(seed: int) -> None:
    """The agent is killed, the power fails, the broker goes away: every ring is answered, told and written down once."""
    with a_household(seed, retries=3, queue={"mode": "queued", "max": 50}) as fleet:
        porch = fleet.nodes["pi-1"]
        for number in range(6):
            assert fleet.press("pi-1", "bell")
            fleet.run_for(seconds=0.3 + 0.4 * number)
            match (number + seed) % 5:
                case 0:
                    porch.kill()
                case 1:
                    fleet.lose_broker(lose_retained=False)
                case 2:
                    fleet.cut("pi-1")
                case 3:
                    porch.stop_engine()
                case _:
                    porch.cut_power()
                    fleet.run_for(seconds=5)
                    porch.power()
            fleet.run_for(seconds=4)
            fleet.start_broker()
            fleet.mend("pi-1")
            porch.start_engine()
            fleet.run_for(seconds=20)
        fleet.run_for(minutes=3)
        fleet.run_until_converged()
        assert ledger(fleet) == {("porch.ring", "done"): 6, ("porch.log", "done"): 6}
        assert all(set(found.values()) == {1} for found in attempts(fleet).values())
        assert fleet.world.broker.retained["home/porch/rang"].payload == b"on"
        assert porch.node is not None
        assert len(porch.node.publications) == len(porch.node.runs) == 0


def remembered(trigger: Section) -> SimFleet:
    """A bell on the porch, whose trigger calls a function in the shed."""
    fleet = a_fleet(nodes=2)
    log = {"image": "greet:1", "nodes": [SHED], "triggers": [{"sensor": "bell", "on": "pressed", **trigger}]}
    fleet.publish("porch", stack({}, {"bell": button(17, PORCH)}, {"log": log}))
    fleet.run_until_converged()
    return fleet


def test_what_the_porch_remembers_while_it_is_cut_off_the_shed_does() -> None:
    """A bell that is held for ten seconds calls a function that is elsewhere, when there is a network again."""
    with remembered({"for": "10s"}) as fleet:
        assert fleet.nodes["pi-1"].press("bell", 60.0)
        fleet.run_for(seconds=3)
        fleet.cut("pi-1")
        fleet.run_for(seconds=30)
        fleet.mend("pi-1")
        fleet.run_until_converged()
        assert ledger(fleet) == {("porch.log", "done"): 1}
        assert [len(found) for found in attempts(fleet).values()] == [0, 1]


@pytest.mark.parametrize("way", ["kill", "cut_power"])
def test_the_porch_remembers_over_a_crash_what_the_shed_has_done(way: str) -> None:
    """Within the cooldown a second ring calls nothing, though the node has died in between."""
    with remembered({"cooldown": "5m"}) as fleet:
        porch = fleet.nodes["pi-1"]
        for _ in range(2):
            assert porch.press("bell")
            fleet.run_for(seconds=1)
            getattr(porch, way)()
            fleet.run_for(seconds=5)
            if not porch.is_powered:
                porch.power()
            fleet.run_for(seconds=20)
        fleet.run_until_converged()
        assert ledger(fleet) == {("porch.log", "done"): 1}
        assert [len(found) for found in attempts(fleet).values()] == [0, 1]
