"""What an operator reads of sensors and actuators: a row for each on each node that has it, as that node said last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from controller.decide import answers
from controller.decide.fleet import Fleet
from controller.decide.records import stack_of
from protocol.observed import Answer, DeviceStatus
from protocol.operator import DeviceRow, OperatorOrder

UNKNOWN = DeviceStatus("", "", "")
"""Of a node that has not said anything of it yet."""


def devices(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Every sensor and actuator, or those of a stack, or one; of all nodes, or of one."""
    node, target = str(asked.arguments.get("node", "")), asked.target
    if node and node not in fleet.nodes:
        return answers.no_node(node)
    found = sorted(one for one in _places(fleet, node, target) if target in ("", one[0], stack_of(one[0])))
    if not found and target and not _is_known(fleet, target):
        return answers.not_found(f"there is no stack, sensor or actuator {target!r}; write it as stack.name")
    return answers.rows([asdict(_row(fleet, *one)) for one in found[: answers.ROWS_SHOWN]], len(found))


def _places(fleet: Fleet, node: str, target: str) -> Iterator[tuple[str, str, str]]:
    """Which devices the nodes that are meant have: `stack.name`, the node, and what it is."""
    its = fleet.device_nodes.get(stack_of(target), ()) if target else fleet.devices
    for name in (node,) if node else its:
        has = fleet.devices.get(name)
        if has is not None:
            yield from ((key, name, "sensor") for key in has.sensors)
            yield from ((key, name, "actuator") for key in has.actuators)


def _row(fleet: Fleet, key: str, node: str, is_a: str) -> DeviceRow:
    stack, name = key.split(".")
    known, status = fleet.catalogue.stacks[stack], fleet.statuses.get(node)
    spec = known.sensors[name].spec if is_a == "sensor" else known.actuators[name].spec
    told = (status.sensors if is_a == "sensor" else status.actuators) if status else ()
    shown = next((one for one in told if one.name == name), UNKNOWN)
    return DeviceRow(key, node, fleet.presence(node), is_a, spec.kind, shown.place, shown.value, shown.fault)


def _is_known(fleet: Fleet, target: str) -> bool:
    """Whether there is such a stack or device, be it on no node."""
    stack, _, name = target.partition(".")
    known = fleet.catalogue.stacks.get(stack)
    return known is not None and (not name or name in known.sensors or name in known.actuators)
