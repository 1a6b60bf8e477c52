"""Stories of jobs and of order within a stack, with a whole fleet in virtual time."""

from __future__ import annotations

from protocol.observed import TaskState
from sim.fleet import SimFleet
from sim.images import Behaviour
from tests.scenarios.porch import Section, a_fleet, service, stack

MIGRATION = Behaviour(exits_after_s=5.0)


def once(image: str, **more: object) -> Section:
    """A job that runs to its end on one node."""
    return {"image": image, "deploy": {"mode": "replicated-job", "replicas": 1}, **more}


def ends(fleet: SimFleet, service_name: str) -> list[int | None]:
    """How the containers of a service ended, on all nodes."""
    boxes = [box for node in fleet.nodes.values() for box in node.engine.boxes.values()]
    return [box.exit_code for box in boxes if box.labels.get("io.bramble.service") == service_name and not box.runs]


def test_a_job_runs_once_over_cuts_and_restarts() -> None:
    """What has run to its end is never run again: not after a power cut, not after a restart of agent or controller."""
    with a_fleet(nodes=2) as fleet:
        fleet.registry.push("migrate:1", MIGRATION)
        fleet.publish("shop", stack({"migrate": once("migrate:1")}))
        fleet.run_for(minutes=2)
        assert ends(fleet, "migrate") == [0]
        (node,) = [node for node in fleet.nodes.values() if node.engine.boxes]
        starts = [box.starts for box in node.engine.boxes.values()]
        node.cut_power()
        fleet.run_for(seconds=20)
        node.power()
        fleet.run_for(minutes=2)
        assert [box.starts for box in node.engine.boxes.values()] == starts
        assert ends(fleet, "migrate") == [0]


def test_a_stack_starts_in_its_order_on_each_node() -> None:
    """A service that waits for another starts after it on the same node, and at once where the other is not."""
    with a_fleet(nodes=2) as fleet:
        fleet.registry.push("web:1")
        web = {**service("web:1"), "depends_on": {"lamp": {"condition": "service_healthy"}}}
        lamp = service("lamp:slow")
        fleet.publish("shop", stack({"web": web, "lamp": lamp}))
        fleet.run_until_converged()
        for node in fleet.nodes.values():
            order = sorted(node.engine.running(), key=lambda box: box.started_s)
            assert [box.labels["io.bramble.service"] for box in order] == ["lamp", "web"]
            assert order[1].started_s - order[0].started_s >= 4.0
            assert node.node is not None
            assert {task.state for task in node.node.tasks.values()} == {TaskState.RUNNING}
