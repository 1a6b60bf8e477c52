"""The answers to an operator's questions: rows of nodes, stacks, services and tasks, and why something is where it is.

A question may look at the whole fleet: people ask it, not nodes. An answer holds as many rows as fit into a packet, and says so.
"""

from __future__ import annotations

from dataclasses import asdict

from controller.decide import brief, hosts, scheduler
from controller.decide.assignments import holders
from controller.decide.fleet import Fleet
from controller.decide.records import Node, service_key
from controller.decide.report import place, service_status, stack_status
from protocol.observed import Answer
from protocol.operator import Denial, Explanation, NodeObjection, NodeRow, OperatorOrder, StackRow
from protocol.shapes import JsonValue
from protocol.stack import Function, Service

ROWS_SHOWN = 500
"""A person reads no more; a packet may hold fewer."""


def nodes(fleet: Fleet, _: OperatorOrder, now_mono_s: float) -> Answer:
    """Every node, as the controller sees it."""
    return _rows([asdict(_node_row(fleet, fleet.nodes[name], now_mono_s)) for name in sorted(fleet.nodes)])


def stacks(fleet: Fleet, _: OperatorOrder, __: float) -> Answer:
    """Every stack, and how it stands."""
    rows = []
    for name in sorted(fleet.stacks):
        status = stack_status(fleet, fleet.stacks[name])
        rows.append(
            StackRow(
                name,
                status.verdict,
                status.revision,
                status.converged,
                len(status.services),
                len(status.functions),
                len(status.devices),
                len(status.faults),
            )
        )
    return _rows([asdict(row) for row in rows])


def services(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Every service, or those of one stack."""
    found = _services(fleet, asked.target)
    if not found and asked.target:
        return not_found(f"there is no stack or service {asked.target!r}")
    return _rows([asdict(service_status(fleet, service)) for service in found])


def ps(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Every task: of all, a stack, a service or a node."""
    node = str(asked.arguments.get("node", ""))
    if node:
        if node not in fleet.nodes:
            return not_found(f"there is no node {node!r}")
        tasks = sorted(fleet.tasks.of("node", node))
    else:
        found = _services(fleet, asked.target)
        if not found and asked.target:
            return not_found(f"there is no stack or service {asked.target!r}")
        keys = [service_key(service.stack, service.name) for service in found]
        tasks = [task for key in keys for task in sorted(fleet.tasks.of("service", key))]
    return _rows([asdict(place(fleet, fleet.tasks[task])) for task in tasks[:ROWS_SHOWN]], len(tasks))


def explain(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Why each node does, or does not, carry a service or a function."""
    thing: Service | Function | None = fleet.catalogue.services.get(asked.target)
    thing = thing or fleet.catalogue.functions.get(asked.target)
    if thing is None:
        return not_found(f"there is no service or function {asked.target!r}; write it as stack.name")
    said = _service_lines(fleet, thing) if isinstance(thing, Service) else _function_lines(fleet, thing)
    return Answer("", ok=True, result=asdict(Explanation(asked.target, said[0][:ROWS_SHOWN], said[1])))


def not_found(sentence: str) -> Answer:
    """The answer to an order about something that is not there."""
    return Answer("", ok=False, message=sentence, result={"denial": Denial.NOT_FOUND.value})


def _service_lines(fleet: Fleet, service: Service) -> tuple[tuple[NodeObjection, ...], tuple[str, ...]]:
    key = service_key(service.stack, service.name)
    carrying: dict[str, list[str]] = {}
    for task in sorted(fleet.tasks.of("service", key)):
        carrying.setdefault(fleet.tasks[task].node, []).append(task)
    lines = []
    for name in sorted(fleet.nodes):
        if name in carrying:
            held = [
                f"{task} waits until {', '.join(h)} has stopped it"
                for task in carrying[name]
                if (h := holders(fleet, task))
            ]
            lines.append(NodeObjection(name, chosen=True, objections=tuple(held)))
        else:
            against = scheduler.objections(fleet, fleet.nodes[name], service)
            lines.append(NodeObjection(name, chosen=False, objections=against or ("others have fewer tasks",)))
    return tuple(lines), service_status(fleet, service).reasons


def _function_lines(fleet: Fleet, function: Function) -> tuple[tuple[NodeObjection, ...], tuple[str, ...]]:
    lines = []
    for name in sorted(fleet.nodes):
        against = hosts.objections(fleet.nodes[name], function)
        lines.append(NodeObjection(name, chosen=not against, objections=against))
    return tuple(lines), () if any(line.chosen for line in lines) else ("no node may run it",)


def _services(fleet: Fleet, target: str) -> list[Service]:
    """All services, those of a stack, or one."""
    wanted = fleet.catalogue.services
    if target in wanted:
        return [wanted[target]]
    return [wanted[key] for key in sorted(wanted) if not target or wanted[key].stack == target]


def _node_row(fleet: Fleet, node: Node, now_mono_s: float) -> NodeRow:
    status, health, lease = fleet.statuses.get(node.name), fleet.health.get(node.name), fleet.leases.get(node.name)
    heard_mono_s = fleet.heard_mono_s.get(node.name)
    reasons = (lease.reason,) if lease and lease.reason else ()
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
    )


def _rows(rows: list[dict[str, JsonValue]], total: int = 0) -> Answer:
    """As many rows as may be shown; `total` is how many there are, where not all of them were made."""
    total = total or len(rows)
    shown = brief.fitting(rows[:ROWS_SHOWN])
    said = f"the first {len(shown)} of {total}" if len(shown) < total else ""
    return Answer("", ok=True, message=said, result=shown)
