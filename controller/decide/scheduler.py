"""*Where* tasks run: which node carries which task of which service, and one sentence for each node that does not.

Sticky: a placed task moves only if its node is drained or no longer meets the constraints. An offline node is not chosen for
anything new, and keeps what it has (`replace: false`). Among the nodes without an objection the one with the fewest tasks of
the service wins, then the one with the fewest tasks, then the first by name. *When* a revision arrives is `rollout`'s business.

Cost: a changed service looks at all nodes once; a changed node looks at its own tasks, the global services and what is pending.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator

from controller.decide import constraints
from controller.decide.fleet import Fleet
from controller.decide.presence import Presence
from controller.decide.records import Availability, Node, Pending, Task, revision_key, service_key, stack_of
from protocol.container import Port
from protocol.ids import task_id
from protocol.stack import Mode, Service

REASONS_SHOWN = 12
"""A person reads no more, and the status must fit into a packet."""


def schedule(fleet: Fleet) -> None:
    """Place what changed services want, and revisit changed nodes."""
    services, nodes = sorted(fleet.unsettled.services), sorted(fleet.unsettled.nodes)
    fleet.unsettled.services.clear()
    fleet.unsettled.nodes.clear()
    for key in services:
        _place(fleet, key)
        fleet.unsettled.rollouts.add(key)
    if nodes:
        _revisit(fleet, nodes)


def objections(fleet: Fleet, node: Node, service: Service) -> tuple[str, ...]:
    """What speaks against a new task of a service on this node; nothing if it may come."""
    return (*_lasting(node, service.constraints), *_passing(fleet, node, service))


def _lasting(node: Node, texts: tuple[str, ...]) -> Iterator[str]:
    """What would also move a task away that is here already."""
    if node.availability is Availability.DRAIN:
        yield "is drained"
    yield from constraints.objections(texts, node)


def _passing(fleet: Fleet, node: Node, service: Service) -> Iterator[str]:
    if node.availability is Availability.PAUSE:
        yield "is paused"
    presence = fleet.presence(node.name)
    if presence is not Presence.ONLINE:
        yield f"is {presence}"
    if not node.inventory.engine:
        yield "has no Docker Engine"
    wanted = [port for port in service.container.ports if port.published]
    if wanted:
        key = service_key(service.stack, service.name)
        for task in sorted(fleet.tasks.of("node", node.name)):
            yield from _clashes(fleet, fleet.tasks[task], key, wanted)


def _clashes(fleet: Fleet, task: Task, service: str, wanted: list[Port]) -> Iterator[str]:
    if task.service == service:
        return
    for taken in fleet.revisions[revision_key(task.service, task.revision)].container.ports:
        if any(_is_same(taken, port) for port in wanted):
            yield f"port {taken.published}/{taken.protocol} is taken by {task.service}"


def _is_same(one: Port, other: Port) -> bool:
    everywhere = ("", "0.0.0.0", "::")  # noqa: S104 - addresses are compared here, not bound
    shared = one.host_ip == other.host_ip or one.host_ip in everywhere or other.host_ip in everywhere
    return shared and (one.published, one.protocol) == (other.published, other.protocol)


def _place(fleet: Fleet, key: str) -> None:
    """Place a service anew: all its tasks, and all nodes."""
    service, tasks = fleet.catalogue.services.get(key), sorted(fleet.tasks.of("service", key))
    if service is None:
        for task in tasks:
            _unplace(fleet, task)
        fleet.pendings.drop(key)
        return
    fleet.unsettled.reports.add(service.stack)
    _spread(fleet, service, fleet.nodes, [task for task in tasks if not _stays(fleet, fleet.tasks[task], service)])


def _revisit(fleet: Fleet, nodes: list[str]) -> None:
    """Look at what changed nodes carry, at the services that go everywhere, and at what waits for a node."""
    moving: dict[str, list[str]] = {}
    for name in nodes:
        for task in (fleet.tasks[key] for key in sorted(fleet.tasks.of("node", name))):
            service = fleet.catalogue.services.get(task.service)
            if service is not None and not _stays(fleet, task, service):
                moving.setdefault(task.service, []).append(task.task)
    for key in sorted({*moving, *fleet.catalogue.globals, *fleet.pendings}):
        service = fleet.catalogue.services[key]
        is_moving = key in moving and service.mode is Mode.REPLICATED
        _spread(fleet, service, fleet.nodes if is_moving else nodes, moving.get(key, []))


def _spread(fleet: Fleet, service: Service, candidates: Iterable[str], moving: list[str]) -> None:
    key = service_key(service.stack, service.name)
    if service.mode is Mode.GLOBAL:
        _place_everywhere(fleet, key, service, candidates, moving)
    else:
        _place_counted(fleet, key, service, candidates, moving)


def _stays(fleet: Fleet, task: Task, service: Service) -> bool:
    is_global = task.task == task_id(service.stack, service.name, task.node)
    node = fleet.nodes.get(task.node)
    fits = node is not None and not any(True for _ in _lasting(node, service.constraints))
    return fits and is_global == (service.mode is Mode.GLOBAL)


def _place_everywhere(
    fleet: Fleet, key: str, service: Service, candidates: Iterable[str], moving: list[str]
) -> None:  # fmt: skip
    for task in moving:
        _unplace(fleet, task)
    for name in sorted(candidates):
        task = task_id(service.stack, service.name, name)
        if task not in fleet.tasks and not objections(fleet, fleet.nodes[name], service):
            _put(fleet, Task(task, key, name, base_revision(fleet, key)))
    fleet.pendings.drop(key)


def _place_counted(fleet: Fleet, key: str, service: Service, candidates: Iterable[str], moving: list[str]) -> None:
    placed = [task for task in fleet.tasks.of("service", key) if task not in moving]
    for task in _surplus(fleet, placed, service.replicas):
        _unplace(fleet, task)
        placed.remove(task)
    wanted = _missing(service, frozenset(placed))
    for task in moving:
        if task not in wanted:
            _unplace(fleet, task)
    missing = _fill(fleet, key, service, candidates, wanted)
    for task in missing:
        _unplace(fleet, task)
    if missing:
        fleet.unsettled.reports.add(service.stack)
        fleet.pendings.put(key, Pending(key, len(missing), _reasons(fleet, service)))
    else:
        fleet.pendings.drop(key)


def _missing(service: Service, placed: frozenset[str]) -> list[str]:
    """The lowest free numbers, as many as tasks are missing."""
    ids = (task_id(service.stack, service.name, str(number)) for number in itertools.count(1))
    return list(itertools.islice((task for task in ids if task not in placed), service.replicas - len(placed)))


def _surplus(fleet: Fleet, placed: list[str], replicas: int) -> list[str]:
    """The tasks to give up: from the nodes that carry most of this service, the highest numbers first."""
    surplus: list[str] = []
    crowd: dict[str, int] = {}
    for task in placed:
        crowd[fleet.tasks[task].node] = crowd.get(fleet.tasks[task].node, 0) + 1
    left = sorted(placed, key=_number)
    while len(left) > replicas:
        chosen = max(left, key=lambda task: (crowd[fleet.tasks[task].node], _number(task)))
        crowd[fleet.tasks[chosen].node] -= 1
        left.remove(chosen)
        surplus.append(chosen)
    return surplus


def _number(task: str) -> tuple[int, str]:
    slot = task.rsplit(".", 1)[1]
    return (int(slot) if slot.isdigit() else 0, slot)


def _fill(fleet: Fleet, key: str, service: Service, candidates: Iterable[str], wanted: list[str]) -> list[str]:
    """Place each wanted task on the best node; those for which there is none come back."""
    if not wanted:
        return []
    heap = [
        (_crowd(fleet, key, name), len(fleet.tasks.of("node", name)), name)
        for name in candidates
        if not objections(fleet, fleet.nodes[name], service)
    ]
    heapq.heapify(heap)
    has_ports = any(port.published for port in service.container.ports)
    for index, task in enumerate(wanted):
        if not heap or (has_ports and heap[0][0]):
            return wanted[index:]
        crowd, load, name = heapq.heappop(heap)
        before = fleet.tasks.get(task)
        _put(fleet, Task(task, key, name, before.revision if before else base_revision(fleet, key)))
        heapq.heappush(heap, (crowd + 1, load + 1, name))
    return []


def _crowd(fleet: Fleet, key: str, node: str) -> int:
    return sum(fleet.tasks[task].service == key for task in fleet.tasks.of("node", node))


def base_revision(fleet: Fleet, key: str) -> str:
    """What a new task begins with: the settled revision; an update then reaches it like any other."""
    rollout = fleet.rollouts.get(key)
    if rollout is not None:
        return rollout.settled
    # Without a rollout all tasks have the same revision, so any of them tells it.
    task = next(iter(fleet.tasks.of("service", key)), None)
    return fleet.tasks[task].revision if task else fleet.catalogue.revisions[key]


def _put(fleet: Fleet, task: Task) -> None:
    before = fleet.tasks.get(task.task)
    if fleet.tasks.put(task.task, task):
        fleet.unsettled.assignments |= {task.node} | ({before.node} if before else set())
        fleet.unsettled.slots.add(task.task)
        fleet.unsettled.reports.add(stack_of(task.task))


def _unplace(fleet: Fleet, task: str) -> None:
    before = fleet.tasks.drop(task)
    if before is not None:
        fleet.unsettled.assignments.add(before.node)
        fleet.unsettled.slots.add(task)
        fleet.unsettled.reports.add(stack_of(task))


def _reasons(fleet: Fleet, service: Service) -> tuple[str, ...]:
    """Why no more tasks can be placed: one sentence per node, as many as a person reads."""
    if not fleet.nodes:
        return ("there is no node yet",)
    has_ports = any(port.published for port in service.container.ports)
    said = []
    for name in sorted(fleet.nodes)[:REASONS_SHOWN]:
        against = objections(fleet, fleet.nodes[name], service)
        if not against and has_ports:
            against = ("carries this service already, and its port can be published once",)
        said.append(f"{name}: {', '.join(against)}" if against else f"{name}: nothing")
    more = len(fleet.nodes) - REASONS_SHOWN
    return (*said, f"and {more} more nodes") if more > 0 else tuple(said)
