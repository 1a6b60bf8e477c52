"""Nodes that an operator keeps at what they run of a service, whatever its updates bring.

A task on a pinned node has no slot: no rollout offers it anything, waits for it, counts it as updated, failed or unseen, or takes
it back. Unpinned, it gets a slot of whatever rollout there is, and is updated late like a node that returns. A pin belongs to a
node and a service, so it outlives a task that is drained away and comes back; it goes with either of the two.

Whoever gives tasks their slots asks `is_pinned(fleet, service, node)`, and drops the slot of a pinned task. A slot that is held
stays until its node has reported, and no pin is taken meanwhile: nobody knows what the node will run.
"""

from __future__ import annotations

from controller.decide.fleet import Fleet
from controller.decide.records import Pin, Task, stack_of


def is_pinned(fleet: Fleet, service: str, node: str) -> bool:
    """Whether a node is to keep what it runs of a service (`stack.service`)."""
    return _key(service, node) in fleet.pins


def reason(task: Task) -> str:
    """Why no update reaches a task on a pinned node."""
    return f"pinned to {task.revision} by an operator"


def tasks(fleet: Fleet, service: str) -> list[Task]:
    """The tasks of a service that are on nodes pinned for it."""
    nodes = sorted(fleet.pins[key].node for key in fleet.pins.of("service", service))
    found = (fleet.tasks[task] for node in nodes for task in sorted(fleet.tasks.of("node", node)))
    return [task for task in found if task.service == service]


def put(fleet: Fleet, service: str, node: str) -> None:
    """Pin a service on a node."""
    fleet.pins.put(_key(service, node), Pin(service, node))
    _look_again(fleet, service, node)


def drop(fleet: Fleet, service: str, node: str) -> None:
    """Pin it no longer."""
    fleet.pins.drop(_key(service, node))
    _look_again(fleet, service, node)
    fleet.unsettled.rollouts.add(service)


def forget(fleet: Fleet, stack: str, but_not: frozenset[str] = frozenset()) -> None:
    """Forget the pins of the services of a stack that is gone, or has gone on without them."""
    for key in sorted(key for key in fleet.pins.of("stack", stack) if fleet.pins[key].service not in but_not):
        fleet.pins.drop(key)


def forget_node(fleet: Fleet, node: str) -> None:
    """Forget the pins on a node that has left."""
    for key in sorted(fleet.pins.of("node", node)):
        fleet.pins.drop(key)


def _look_again(fleet: Fleet, service: str, node: str) -> None:
    found = {task for task in fleet.tasks.of("node", node) if fleet.tasks[task].service == service}
    fleet.unsettled.slots |= found
    fleet.unsettled.judged.add(service)
    fleet.unsettled.reports.add(stack_of(service))


def _key(service: str, node: str) -> str:
    return f"{service}@{node}"
