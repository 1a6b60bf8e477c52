"""The fleet and the stacks of the stories: a lamp on every node, a clock on some, a doorbell and a function on the porch's."""

from __future__ import annotations

from protocol.operator import StackStatus, Verdict
from sim.convergence import status_of
from sim.fleet import SimFleet
from sim.images import CRASHING, FUNCTION, SICK, WELL, Behaviour
from sim.stacks import Section, button, function, on, service, stack

SLOW = Behaviour(health=((0.0, "starting"), (4.0, "healthy")))
IMAGES = {
    "lamp:one": WELL,
    "lamp:two": WELL,
    "lamp:slow": SLOW,
    "lamp:sick": SICK,
    "lamp:crashing": CRASHING,
    "clock:1": WELL,
    "greet:1": FUNCTION,
}
PORCH = "node.labels.place == porch"


def a_fleet(nodes: int = 4, seed: int = 1) -> SimFleet:
    """Nodes that know the images of the stories; the odd ones stand on the porch."""
    fleet = SimFleet(nodes, seed)
    for image, behaviour in IMAGES.items():
        fleet.registry.push(image, behaviour)
    fleet.invariants.budgets["porch.lamp"] = 1
    return fleet


def lamps(image: str, failure_action: str = "pause") -> bytes:
    """A lamp on every node, updated one at a time."""
    return stack({"lamp": service(image, failure_action=failure_action)})


def clocks(replicas: int) -> bytes:
    """So many clocks, wherever there is room."""
    return stack({"clock": service("clock:1", replicas)})


def doorbell() -> bytes:
    """A doorbell everywhere; its function runs on the porch alone."""
    return stack({}, {"bell": button(17)}, {"greet": function("greet:1", "bell", PORCH)})


def said(fleet: SimFleet, name: str) -> StackStatus:
    """What an operator reads of a stack."""
    status = status_of(fleet, name)
    assert status is not None, f"nobody said anything of {name}"
    return status


def reasons(fleet: SimFleet, name: str) -> str:
    """Every reason that an operator reads of a stack, in one text."""
    status = said(fleet, name)
    texts = [fault.reason for fault in status.faults]
    for one in status.services:
        texts += [*one.reasons, *(task.reason for task in one.tasks)]
        texts += [one.rollout.report, *one.rollout.reasons] if one.rollout else []
    return "; ".join(texts)


def ran(fleet: SimFleet) -> dict[str, int]:
    """How many functions each node has run."""
    return {name: len(node.engine.ran) for name, node in fleet.nodes.items() if node.engine.ran}


__all__ = [
    "PORCH", "Section", "Verdict", "a_fleet", "clocks", "doorbell", "lamps", "on", "ran", "reasons", "said", "service", "stack",
]  # fmt: skip
