"""Which nodes have which sensors, actuators and functions: every node that the constraints let through.

Devices sit on pins, so a drained or silent node keeps them; a function also needs an engine, or leave to run processes, and
all that its placeholders ask for. A new revision of them goes out with the next assignment, or with the update of their stack's
services there (`rollouts.switching`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from controller.decide import invocations, keeps, templates
from controller.decide.fleet import Fleet
from controller.decide.placement import constraints
from controller.decide.records import Devices, Node, stack_of
from protocol.ids import service_key
from protocol.stack import Actuator, Function, Sensor, Stack


def host(fleet: Fleet) -> None:
    """Work out anew what changed stacks put on all nodes, and what all stacks put on changed nodes."""
    is_new = [name for name in sorted(fleet.unsettled.stacks) if _is_new(fleet, name)]
    nodes: Iterable[str] = fleet.nodes if is_new else sorted(fleet.unsettled.hosts)
    for name in nodes:
        _settle(fleet, fleet.nodes[name])
    fleet.unsettled.stacks.clear()
    fleet.unsettled.hosts.clear()


def objections(node: Node, thing: Sensor | Actuator | Function) -> tuple[str, ...]:
    """What speaks against a device or a function on this node; nothing if it has it."""
    if node.is_leaving:
        return ("leaves the fleet",)
    against = constraints.objections(thing.constraints, node)
    if not isinstance(thing, Function):
        return against
    against += templates.lacking(node, thing.spec)
    if not thing.spec.needs_engine:
        return against if node.inventory.processes else (*against, "allows no processes (`processes` in its settings)")
    return against if node.inventory.engine else (*against, "has no Docker Engine")


def _is_new(fleet: Fleet, name: str) -> bool:
    """Whether a stack has other devices or functions than when the nodes were last looked at."""
    stack, before = fleet.catalogue.stacks.get(name, Stack(name)), fleet.hosted.get(name, Stack(name))
    after = replace(stack, services={}, logins=())
    fleet.hosted[name] = after
    keeps.changed(fleet, before, after)
    if name not in fleet.catalogue.stacks:
        del fleet.hosted[name]
    return after != before


def _settle(fleet: Fleet, node: Node) -> None:
    before = fleet.devices.get(node.name) or Devices(node.name)
    after = _devices(fleet, node)
    # A spec may have changed under the same name, so the assignment is looked at in any case.
    fleet.unsettled.assignments.add(node.name)
    if before == after:
        return
    fleet.devices[node.name] = after
    if (before.sensors, before.actuators) != (after.sensors, after.actuators):
        fleet.look_at(node.name)
    for key in set(before.functions) - set(after.functions):
        _leave(fleet.hosts, key, node.name)
    for key in set(after.functions) - set(before.functions):
        fleet.hosts.setdefault(key, set()).add(node.name)
    for stack in _stacks(before) - _stacks(after):
        _leave(fleet.device_nodes, stack, node.name)
    for stack in _stacks(after) - _stacks(before):
        fleet.device_nodes.setdefault(stack, set()).add(node.name)
    fleet.unsettled.reports |= (_stacks(before) | _stacks(after)) & set(fleet.catalogue.stacks)
    _tell_calls(fleet, before, after)


def _tell_calls(fleet: Fleet, before: Devices, after: Devices) -> None:
    """Functions came to a node or left it: what waits for one looks again, and instances are shared out anew."""
    if before.functions != after.functions:
        fleet.unsettled.scales |= {*before.functions, *after.functions}
        for key in {*before.functions} ^ {*after.functions}:
            fleet.rosters.pop(key, None)
    if set(after.functions) - set(before.functions):
        invocations.returned(fleet, after.node)


def _leave(nodes_of: dict[str, set[str]], key: str, node: str) -> None:
    nodes_of[key].discard(node)
    if not nodes_of[key]:
        del nodes_of[key]


def _stacks(devices: Devices) -> set[str]:
    """The stacks that have something on the node."""
    return {stack_of(key) for key in (*devices.sensors, *devices.actuators, *devices.functions)}


def _devices(fleet: Fleet, node: Node) -> Devices:
    stacks = [stack for _, stack in sorted(fleet.catalogue.stacks.items())]
    return Devices(
        node.name,
        tuple(key for stack in stacks for key in _fitting(node, stack, stack.sensors)),
        tuple(key for stack in stacks for key in _fitting(node, stack, stack.actuators)),
        tuple(key for stack in stacks for key in _fitting(node, stack, stack.functions)),
    )


def _fitting(
    node: Node, stack: Stack, things: dict[str, Sensor] | dict[str, Actuator] | dict[str, Function]
) -> Iterator[str]:  # fmt: skip
    return (service_key(stack.name, name) for name in sorted(things) if not objections(node, things[name]))
