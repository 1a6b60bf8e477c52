"""Stories of everyday life in virtual time: doorbells, brokers that forget, clocks that lie, ports that clash, drains."""

from __future__ import annotations

from dataclasses import replace

from protocol.envelope import Packet, pack
from protocol.observed import Health, NodeStatus
from protocol.operator import Verdict
from protocol.topics import HealthTopic, StatusTopic
from sim.fleet import FLEET, SimFleet
from tests.scenarios.porch import a_fleet, clocks, doorbell, lamps, ran, reasons, said, service, stack

LONG_AGO_S = -56 * 365 * 86_400.0


def test_a_trigger_during_a_partition_runs_locally_and_is_reported_once() -> None:
    """The porch answers its doorbell with no network; the event and its result arrive later, once each."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("porch", doorbell())
        fleet.run_until_converged()
        fleet.cut("pi-1")
        fleet.run_for(minutes=3)
        assert fleet.press("pi-1", "bell")
        fleet.run_for(seconds=10)
        assert ran(fleet) == {"pi-1": 1}
        assert fleet.head.handled == 0

        fleet.mend("pi-1")
        fleet.run_until_converged()
        assert ran(fleet) == {"pi-1": 1}
        assert fleet.head.handled == len(fleet.nodes["pi-1"].accepted) == 2
        assert _ended(fleet) == {"done": 1}


def test_what_a_node_cannot_run_is_run_by_another() -> None:
    """The shed has a doorbell and no function: the porch runs it, once."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("porch", doorbell())
        fleet.run_until_converged()
        assert fleet.press("pi-2", "bell")
        fleet.run_until_converged()
        assert ran(fleet) == {"pi-1": 1}
        assert _ended(fleet) == {"done": 1}


def test_a_node_that_reboots_offline_does_its_work() -> None:
    """After a power cut and with no network, containers, doorbell and function are back."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("porch", doorbell())
        fleet.publish("garden", lamps("lamp:one"))
        fleet.run_until_converged()
        fleet.cut("pi-1")
        fleet.nodes["pi-1"].cut_power()
        fleet.run_for(seconds=30)
        fleet.nodes["pi-1"].power()
        fleet.cut("pi-1")
        fleet.run_for(minutes=1)
        assert fleet.running("garden.lamp")["pi-1"] == ["lamp:one"]
        assert fleet.press("pi-1", "bell")
        fleet.run_for(seconds=10)
        assert ran(fleet) == {"pi-1": 1}
        fleet.mend("pi-1")
        fleet.run_until_converged()
        assert _ended(fleet) == {"done": 1}


def test_a_broker_that_forgets_everything_changes_nothing() -> None:
    """A broker that loses all retained messages gets them back from the controller; no container is touched."""
    with a_fleet(nodes=3) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        before, retained = fleet.containers(), set(fleet.world.broker.retained)
        fleet.lose_broker()
        fleet.run_for(seconds=5)
        fleet.start_broker()
        fleet.run_until_converged()
        fleet.run_for(minutes=2)
        assert fleet.containers() == before
        lost = {topic for topic in retained - set(fleet.world.broker.retained) if "/manifest/" not in topic}
        assert lost == set()


def test_a_clock_set_to_1970_decides_nothing() -> None:
    """A node that boots in the past deploys, updates and answers its doorbell like any other."""
    with a_fleet(nodes=3) as fleet:
        fleet.nodes["pi-1"].wall_off_s = LONG_AGO_S
        fleet.publish("porch", lamps("lamp:one"))
        fleet.publish("bell", doorbell())
        fleet.run_until_converged()
        fleet.publish("porch", lamps("lamp:two"))
        assert fleet.press("pi-1", "bell")
        fleet.run_for(seconds=20)
        fleet.nodes["pi-1"].wall_off_s = 0.0
        fleet.run_until_converged()
        assert fleet.settled("porch.lamp", "lamp:two") == set(fleet.nodes)
        assert ran(fleet) == {"pi-1": 1}


def test_two_stacks_that_claim_one_port_are_told_apart() -> None:
    """Who was accepted first keeps the port; the other is refused by name, and runs nowhere."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("porch", stack({"web": service("lamp:one", ports=("8080:80",))}))
        fleet.run_until_converged()
        fleet.publish("shed", stack({"web": service("lamp:two", ports=("8080:80",))}))
        fleet.run_until_converged()
        assert said(fleet, "shed").verdict is Verdict.REFUSED
        assert "8080" in reasons(fleet, "shed")
        assert "porch" in reasons(fleet, "shed")
        assert fleet.running("shed.web") == {}
        assert len(fleet.running("porch.web")) == 2


def test_a_message_of_an_unknown_node_changes_nothing() -> None:
    """Somebody who never said hello is no node of the fleet, and everything else goes on."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        for packet in (
            pack(StatusTopic(FLEET, "pi-99"), NodeStatus("pi-99", 1, 1)),
            pack(HealthTopic(FLEET, "pi-99"), Health(1.0, 0.1, 1, 1)),
            pack(StatusTopic(FLEET, "pi-1"), NodeStatus("pi-2", 9, 9)),
        ):
            assert isinstance(packet, Packet)
            fleet.world.broker.route(replace(packet, retain=False))
        fleet.run_for(seconds=10)
        assert fleet.head.fleet is not None
        assert set(fleet.head.fleet.nodes) == {"pi-1", "pi-2"}
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_until_converged()


def test_a_drained_node_gives_its_services_away_and_gets_them_back() -> None:
    """A drain moves what can move, never has two copies of it, and leaves global services to the others; activating undoes it."""
    with a_fleet(nodes=3) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.publish("hall", clocks(2))
        fleet.run_until_converged()
        (first, *_) = sorted(fleet.running("hall.clock"))
        fleet.drain(first)
        fleet.run_until_converged()
        assert first not in fleet.running("hall.clock")
        assert first not in fleet.running("porch.lamp")
        assert sum(map(len, fleet.running("hall.clock").values())) == 2
        fleet.activate(first)
        fleet.run_until_converged()
        assert set(fleet.running("porch.lamp")) == set(fleet.nodes)


def test_a_task_moves_only_when_its_old_node_has_stopped_it() -> None:
    """A node whose engine cannot be asked does not say that it stopped what it had to stop, and nobody else starts it."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("hall", clocks(1))
        fleet.run_until_converged()
        (first,) = fleet.running("hall.clock")
        fleet.nodes[first].stop_engine()
        fleet.run_for(seconds=20)
        fleet.drain(first)
        fleet.run_for(minutes=2)
        assert set(fleet.running("hall.clock")) == {first}

        fleet.nodes[first].start_engine()
        fleet.run_until_converged()
        assert set(fleet.running("hall.clock")) == set(fleet.nodes) - {first}


def test_a_removed_stack_leaves_nothing() -> None:
    """An empty manifest removes a stack everywhere, also where its removal was not heard at first."""
    with a_fleet(nodes=3) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.publish("hall", clocks(2))
        fleet.run_until_converged()
        fleet.cut("pi-3")
        fleet.remove("porch")
        fleet.run_for(minutes=3)
        assert set(fleet.running("porch.lamp")) == {"pi-3"}
        fleet.mend("pi-3")
        fleet.run_until_converged()
        assert fleet.running("porch.lamp") == {}
        assert sum(map(len, fleet.running("hall.clock").values())) == 2


def _ended(fleet: SimFleet) -> dict[str, int]:
    """How the invocations on the ledger ended."""
    assert fleet.head.fleet is not None
    states = [fleet.head.fleet.ledger[key].state.value for key in fleet.head.fleet.ledger]
    return {state: states.count(state) for state in states}
