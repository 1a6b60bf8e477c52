"""What an operator reads of nodes: a row for each, and everything that is known of one.

A node's status comes from a closed list (online, suspect, offline, quarantined); that it comes and goes is a reason beside it. A
pin is free that the node has and that neither a sensor, an actuator nor a task's needs claim there.
"""

from __future__ import annotations

from dataclasses import asdict

from controller.decide import answers, twins, unsaid
from controller.decide.fleet import Fleet
from controller.decide.records import Node
from controller.decide.report import place
from protocol.claims import pins_of
from protocol.observed import Answer
from protocol.operator import NodeDetail, NodeRow, OperatorOrder

TASKS_SHOWN = 200
"""A Pi carries dozens; a packet must hold them beside all the rest."""

UNSTEADY = "comes and goes; it gets nothing new until it has stayed for a while"
LEAVING = "leaves the fleet as soon as it shows that nothing runs on it"


def nodes(fleet: Fleet, _: OperatorOrder, now_mono_s: float) -> Answer:
    """Every node, as the controller sees it."""
    return answers.rows([asdict(node_row(fleet, fleet.nodes[name], now_mono_s)) for name in sorted(fleet.nodes)])


def inspect(fleet: Fleet, asked: OperatorOrder, now_mono_s: float) -> Answer:
    """Everything known of one node."""
    node = fleet.nodes.get(asked.target)
    if node is None:
        return answers.no_node(asked.target)
    status = fleet.statuses.get(node.name)
    tasks = sorted(fleet.tasks.of("node", node.name))
    detail = NodeDetail(
        node_row(fleet, node, now_mono_s),
        node.inventory,
        fleet.health.get(node.name),
        node.set_labels,
        tuple(place(fleet, fleet.tasks[task]) for task in tasks[:TASKS_SHOWN]),
        status.sensors if status else (),
        status.actuators if status else (),
        tuple(sorted(set(node.inventory.pins) - taken_pins(fleet, node.name))),
    )
    return Answer("", ok=True, result=asdict(detail))


def node_row(fleet: Fleet, node: Node, now_mono_s: float) -> NodeRow:
    """One node on one line."""
    status, health, lease = fleet.statuses.get(node.name), fleet.health.get(node.name), fleet.leases.get(node.name)
    heard_mono_s = fleet.heard_mono_s.get(node.name)
    reasons = [LEAVING] if node.is_leaving else []
    reasons += [lease.reason] if lease and lease.reason else []
    reasons += [said] if (said := twins.sentence(fleet, node.name)) else []
    reasons += [UNSTEADY] if fleet.unsteady(node.name) else []
    reasons += unsaid.sentences(fleet, node.name)
    reasons += [newer(unknown)] if (unknown := fleet.unknown.get(node.name)) else []
    return NodeRow(
        node.name,
        fleet.presence(node.name),
        node.availability,
        None if heard_mono_s is None else round(now_mono_s - heard_mono_s, 1),
        node.inventory.architecture,
        node.inventory.model,
        node.inventory.engine,
        node.version,
        node.generation,
        status.observed_generation if status else 0,
        health.temperature_celsius if health else None,
        health.memory_available_bytes if health else None,
        node.labels,
        (*reasons, *(status.reasons if status else ())),
        node.inventory.memory_bytes,
    )


def newer(unknown: str) -> str:
    """What is to be said of a node that tells more than this controller knows."""
    return f"tells what this controller does not know yet ({unknown}), and which is passed over: update the controller"


def taken_pins(fleet: Fleet, node: str) -> set[int]:
    """The pins of a node that the stacks' sensors, actuators and needs claim."""
    devices, stacks = fleet.devices.get(node), fleet.catalogue.stacks
    taken: set[int] = set()
    for stack, name in (key.split(".") for key in (devices.sensors if devices else ())):
        taken.update(pins_of(stacks[stack].sensors[name].spec))
    for stack, name in (key.split(".") for key in (devices.actuators if devices else ())):
        taken.update(pins_of(stacks[stack].actuators[name].spec))
    for task in fleet.tasks.of("node", node):
        service = fleet.catalogue.services.get(fleet.tasks[task].service)
        taken |= set(service.needs.pins) if service else set()
    return taken
