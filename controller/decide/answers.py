"""The answers to an operator's questions: rows of stacks, services and tasks, and why something is where it is.

A question may look at the whole fleet: people ask it, not nodes. An answer holds as many rows as fit into a packet, and says so.
"""

from __future__ import annotations

from dataclasses import asdict

from controller.decide import brief
from controller.decide.fleet import Fleet
from controller.decide.placement import explanations, hosts
from controller.decide.report import place, service_status, stack_status
from protocol.ids import service_key
from protocol.observed import Answer
from protocol.operator import Denial, Explanation, NodeObjection, OperatorOrder, StackRow
from protocol.shapes import JsonValue
from protocol.stack import Function, Service

ROWS_SHOWN = 500
"""A person reads no more; a packet may hold fewer."""


def stacks(fleet: Fleet, _: OperatorOrder, __: float) -> Answer:
    """Every stack, and how it stands."""
    found = []
    for name in sorted(fleet.stacks):
        status = stack_status(fleet, fleet.stacks[name])
        found.append(
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
    return rows([asdict(row) for row in found])


def services(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Every service, or those of one stack."""
    found = services_of(fleet, asked.target)
    if not found and is_nothing(fleet, asked.target):
        return not_found(f"there is no stack or service {asked.target!r}")
    return rows([asdict(service_status(fleet, service)) for service in found])


def ps(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Every task: of all, a stack, a service or a node."""
    node = str(asked.arguments.get("node", ""))
    if node:
        if node not in fleet.nodes:
            return not_found(f"there is no node {node!r}")
        tasks = sorted(fleet.tasks.of("node", node))
    else:
        found = services_of(fleet, asked.target)
        if not found and is_nothing(fleet, asked.target):
            return not_found(f"there is no stack or service {asked.target!r}")
        keys = [service_key(service.stack, service.name) for service in found]
        tasks = [task for key in keys for task in sorted(fleet.tasks.of("service", key))]
    return rows([asdict(place(fleet, fleet.tasks[task])) for task in tasks[:ROWS_SHOWN]], len(tasks))


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


def no_node(name: str) -> Answer:
    """The answer to an order about a node that is not there."""
    return not_found(f"there is no node {name!r}; `bramble nodes` lists them" if name else "name a node")


def conflict(sentence: str) -> Answer:
    """The answer to an order that is at odds with how things are."""
    return Answer("", ok=False, message=sentence, result={"denial": Denial.CONFLICT.value})


def refused(sentence: str) -> Answer:
    """The answer to an order that makes no sense."""
    return Answer("", ok=False, message=sentence)


def _service_lines(fleet: Fleet, service: Service) -> tuple[tuple[NodeObjection, ...], tuple[str, ...]]:
    return explanations.explained(fleet, service), service_status(fleet, service).reasons


def _function_lines(fleet: Fleet, function: Function) -> tuple[tuple[NodeObjection, ...], tuple[str, ...]]:
    lines = []
    for name in sorted(fleet.nodes):
        against = hosts.objections(fleet.nodes[name], function)
        lines.append(NodeObjection(name, chosen=not against, objections=against))
    return tuple(lines), () if any(line.chosen for line in lines) else ("no node may run it",)


def services_of(fleet: Fleet, target: str) -> list[Service]:
    """All services, those of a stack, or one."""
    wanted = fleet.catalogue.services
    if target in wanted:
        return [wanted[target]]
    return [wanted[key] for key in sorted(wanted) if not target or wanted[key].stack == target]


def is_nothing(fleet: Fleet, target: str) -> bool:
    """Whether no service is meant at all, where none was found: a stack may consist of functions."""
    return bool(target) and target not in fleet.stacks


def rows(found: list[dict[str, JsonValue]], total: int = 0) -> Answer:
    """As many rows as may be shown; `total` is how many there are, where not all of them were made."""
    total = total or len(found)
    shown = brief.fitting(found[:ROWS_SHOWN])
    said = f"the first {len(shown)} of {total}" if len(shown) < total else ""
    return Answer("", ok=True, message=said, result=shown)
