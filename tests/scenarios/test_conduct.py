"""Stories of nodes that have something in the way: an application that holds its lock, a window, a small disk."""

from __future__ import annotations

from datetime import timedelta

from protocol.observed import OfferState, OfferStatus
from protocol.operator import OrderVerb
from sim.boxes import Box
from sim.fleet import SimFleet
from sim.node import BIRTHDAY
from sim.stacks import service, stack
from tests.scenarios.porch import a_fleet

BUSY = "/run/busy"


def lamps(image: str, **update: object) -> bytes:
    """A lamp on every node, updated one at a time and in this manner."""
    return stack({"lamp": {**service(image), "x-bramble": {"update": update}}})


def lamp(fleet: SimFleet, node: str) -> Box:
    (box,) = fleet.nodes[node].engine.running()
    return box


def told(fleet: SimFleet, node: str) -> OfferStatus:
    """What a node says of its offer."""
    made = fleet.nodes[node].node
    assert made is not None
    assert made.said is not None
    return made.said.offers[0]


def test_a_lock_that_is_taken_after_the_grant_gives_the_place_to_another() -> None:
    """With one place in the budget, the node that cannot go lets the others go, and follows when it is let."""
    with a_fleet(nodes=3) as fleet:
        fleet.publish("porch", lamps("lamp:one", lock={"path": BUSY}))
        fleet.run_until_converged()
        fleet.publish("porch", lamps("lamp:two", lock={"path": BUSY}))
        while not (trying := [name for name in fleet.nodes if fleet.invariants.tries(name, "porch.lamp")]):
            fleet.run_for(seconds=0.005)
        (busy,) = trying
        box = lamp(fleet, busy)
        box.held.add(BUSY)
        fleet.run_for(minutes=3)
        assert fleet.settled("porch.lamp", "lamp:two") == set(fleet.nodes) - {busy}
        assert told(fleet, busy).state is OfferState.STAGED
        assert "lamp holds /run/busy" in told(fleet, busy).reason
        assert (box.runs, box.starts) == (True, 1)

        box.held.clear()
        fleet.run_until_converged()
        assert fleet.settled("porch.lamp", "lamp:two") == set(fleet.nodes)
        assert fleet.invariants.most_down["porch.lamp"] == 1


def test_a_window_holds_an_update_until_it_opens() -> None:
    """Everything is staged at once; nobody begins before two, and everybody has by four."""
    with a_fleet(nodes=3) as fleet:
        window = {"schedule": "0 2 * * *", "duration": "2h"}
        fleet.publish("porch", lamps("lamp:one", window=window))
        fleet.run_until_converged()
        fleet.publish("porch", lamps("lamp:two", window=window))
        fleet.run_for(minutes=5)
        assert fleet.running("porch.lamp") == {name: ["lamp:one"] for name in fleet.nodes}
        two = BIRTHDAY + timedelta(hours=2)
        for name in fleet.nodes:
            assert told(fleet, name).state is OfferState.STAGED
            assert (
                told(fleet, name).reason == f"waits for its window: 02:00 for 2 h, next at {two:%Y-%m-%d} 02:00+00:00"
            )
        fleet.run_for(seconds=2 * 3600 - 60 - fleet.world.now_s)
        assert fleet.settled("porch.lamp", "lamp:two") == set()
        fleet.run_for(minutes=15)
        assert fleet.settled("porch.lamp", "lamp:two") == set(fleet.nodes)


def test_a_small_disk_is_updated_and_taken_back_over_power_cuts() -> None:
    """With delete-then-download a bad revision is taken back everywhere, with one image of it on each disk at a time."""
    with a_fleet(nodes=2) as fleet:
        fleet.invariants.bad.add("lamp:crashing")
        fleet.publish("porch", lamps("lamp:one", strategy="delete-then-download"))
        fleet.run_until_converged()
        fleet.publish("porch", lamps("lamp:crashing", strategy="delete-then-download"))
        fleet.run_for(seconds=3)
        for node in fleet.nodes.values():
            node.cut_power()
        fleet.run_for(seconds=20)
        for node in fleet.nodes.values():
            node.power()
        fleet.run_for(minutes=5)
        assert fleet.running("porch.lamp") == {name: ["lamp:one"] for name in fleet.nodes}
        fleet.publish("porch", lamps("lamp:two", strategy="delete-then-download"))
        fleet.run_until_converged()
        assert fleet.settled("porch.lamp", "lamp:two") == set(fleet.nodes)


def kept(fleet: SimFleet) -> dict[str, list[str]]:
    """The ids of every container of the lamp, by node, in the order of their making."""
    return {name: [box.id for box in node.engine.boxes.values()] for name, node in fleet.nodes.items()}


def a_kept_update(fleet: SimFleet) -> dict[str, list[str]]:
    """Go from one to two, and keep what was; the containers of one."""
    fleet.publish("porch", lamps("lamp:one", keep_previous=True))
    fleet.run_until_converged()
    before = kept(fleet)
    fleet.publish("porch", lamps("lamp:two", keep_previous=True))
    fleet.run_for(minutes=5)
    assert fleet.settled("porch.lamp", "lamp:two") == set(fleet.nodes)
    assert {name: len(ids) for name, ids in kept(fleet).items()} == dict.fromkeys(fleet.nodes, 2)
    return before


def test_what_was_before_stays_until_an_operator_confirms() -> None:
    """Stopped, on every node, also over a power cut; the confirmation removes it everywhere."""
    with a_fleet(nodes=2) as fleet:
        a_kept_update(fleet)
        fleet.nodes["pi-1"].cut_power()
        fleet.run_for(seconds=30)
        fleet.nodes["pi-1"].power()
        fleet.run_for(minutes=3)
        assert {name: len(ids) for name, ids in kept(fleet).items()} == dict.fromkeys(fleet.nodes, 2)
        fleet.order(OrderVerb.ROLLOUT_CONFIRM, "porch.lamp")
        fleet.run_for(minutes=1)
        assert {name: len(ids) for name, ids in kept(fleet).items()} == dict.fromkeys(fleet.nodes, 1)
        assert fleet.settled("porch.lamp", "lamp:two") == set(fleet.nodes)


def test_an_abort_starts_the_very_containers_that_were_kept() -> None:
    """Nothing is pulled and nothing made: the ids are those of before."""
    with a_fleet(nodes=2) as fleet:
        before, pulls = a_kept_update(fleet), fleet.registry.pulls
        fleet.order(OrderVerb.ROLLOUT_ABORT, "porch.lamp")
        fleet.run_for(minutes=5)
        assert kept(fleet) == before
        assert fleet.running("porch.lamp") == {name: ["lamp:one"] for name in fleet.nodes}
        assert fleet.registry.pulls == pulls


def test_an_operator_overrides_a_lock_on_one_node() -> None:
    """That node is updated at once, its neighbour waits on, and the node tells whose word it was."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("porch", lamps("lamp:one", lock={"path": BUSY}))
        fleet.run_until_converged()
        for name in fleet.nodes:
            lamp(fleet, name).held.add(BUSY)
        fleet.publish("porch", lamps("lamp:two", lock={"path": BUSY}))
        fleet.run_for(minutes=2)
        assert fleet.settled("porch.lamp", "lamp:two") == set()
        fleet.order(OrderVerb.OVERRIDE, "porch.lamp", node="pi-1")
        fleet.run_for(seconds=4)
        assert told(fleet, "pi-1").reason == "lamp held /run/busy, which an operator has overridden"
        fleet.run_for(minutes=1)
        assert fleet.settled("porch.lamp", "lamp:two") == {"pi-1"}
