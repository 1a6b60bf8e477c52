"""*Where* tasks run: which node carries which task of which service. *When* a revision arrives is `rollout`'s business.

Sticky: a placed task moves only because its node is drained, no longer meets a constraint, has lost what the service needs, or is
gone; never for a better place. `filters` say which nodes may take a new task, `ranking` which of them is best, `moves` how many
may be on their way at once. A job's task that has run to its end stays where it was, for ever.

Cost: a service that is new looks at all nodes once; from then on a turn looks at what changed: one more replica at one heap, a
changed node at its own tasks, the global services and what is pending.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from controller.decide import releases
from controller.decide.fleet import Fleet
from controller.decide.numbering import Numbering
from controller.decide.placement import filters, surplus
from controller.decide.placement.filters import candidate
from controller.decide.placement.groups import Key
from controller.decide.placement.leaving import Leave, is_of_mode, leave
from controller.decide.placement.need import Need, need_of
from controller.decide.placement.ranking import forget_oldest, ranking_of
from controller.decide.placement.ranking import score as score_of
from controller.decide.records import Node, Pending, Task, service_of, stack_of
from controller.decide.rollouts import history
from protocol.ids import service_key, task_id
from protocol.stack import Resources, Service

REASONS_SHOWN = 12
"""A person reads no more, and the status must fit into a packet."""


def schedule(fleet: Fleet) -> None:
    """Place what changed services want, revisit changed nodes, and use the room that became free."""
    unsettled = fleet.unsettled
    services, unsettled.services = sorted(unsettled.services), set()
    nodes, unsettled.nodes = sorted(unsettled.nodes), set()
    for key in services:
        _weigh(fleet, key)
    for key in services:
        _place_service(fleet, key)
    _revisit(fleet, nodes)
    while unsettled.turns or unsettled.freed:
        turns, unsettled.turns = sorted(unsettled.turns), set()
        for key in turns:
            _take_turns(fleet, key)
        freed, unsettled.freed = sorted(unsettled.freed), set()
        _use(fleet, freed)
    forget_oldest(fleet)


def objections(fleet: Fleet, node: Node, service: Service) -> tuple[str, ...]:
    """What speaks against a new task of a service on this node; nothing if it may come."""
    need = need_of(fleet, service)
    return filters.objections(candidate(fleet, node.name, need), need)


def best_node(fleet: Fleet, service: Service, but_not: Collection[str] = ()) -> str | None:
    """The node that would take one more task of a service now, or None; `but_not` are not asked."""
    return ranking_of(fleet, service).first(fleet, but_not)


def score(fleet: Fleet, service: Service, node: str) -> Key:
    """By what a node of this fleet comes before another for a service, the lesser first; its groups are not looked at."""
    need = need_of(fleet, service)
    return score_of(candidate(fleet, node, need), need)


def place(fleet: Fleet, task: Task) -> None:
    """Put a task on a node, whether it is new or elsewhere now."""
    key, tasks, unsettled = task.task, fleet.tasks, fleet.unsettled
    before = tasks.get(key)
    if not tasks.put(key, task):
        return
    unsettled.assignments.add(task.node)
    unsettled.slots.add(key)
    unsettled.reports.add(stack_of(key))
    if before is not None and before.node != task.node:
        unsettled.assignments.add(before.node)
        unsettled.freed.add(before.node)


def _begin(fleet: Fleet, tasks: list[Task]) -> None:
    """Put tasks on nodes that were nowhere before; their stack is told of by whoever places them."""
    records = {task.task: task for task in tasks}
    fleet.tasks.add(records)
    fleet.unsettled.assignments.update([task.node for task in tasks])
    fleet.unsettled.slots.update(records)


def unplace(fleet: Fleet, task: str) -> Task | None:
    """Take a task from its node, and give it back."""
    before = fleet.tasks.drop(task)
    if before is None:
        return None
    unsettled = fleet.unsettled
    unsettled.assignments.add(before.node)
    unsettled.freed.add(before.node)
    unsettled.slots.add(task)
    unsettled.reports.add(stack_of(task))
    if fleet.moves.is_under_way(task):
        unsettled.turns.add(before.service)
    fleet.moves.arrive(task)
    fleet.moves.stay(task)
    numbering = fleet.numberings.get(before.service)
    if numbering is not None:
        numbering.give(surplus.number(task))
    return before


def abandon(fleet: Fleet, task: str) -> None:
    """The node of a task is gone for good: what a job has done stays done, without a node; anything else is placed anew."""
    placed = fleet.tasks[task]
    if placed.is_completed and surplus.number(task):
        fleet.tasks.put(task, replace(placed, node=""))
        fleet.unsettled.assignments.add(placed.node)
        return
    unplace(fleet, task)
    fleet.unsettled.services.add(placed.service)


def base_revision(fleet: Fleet, key: str) -> str:
    """What a new task begins with: the settled revision; an update then reaches it like any other."""
    rollout = fleet.rollouts.get(key)
    if rollout is not None:
        return rollout.settled if history.is_proved(fleet, rollout) else rollout.previous
    if fleet.catalogue.services[key].release is not None:
        return history.before_now(fleet, key)  # agents are there already, and may be of any release
    # Without a rollout all tasks have the same revision, so any of them tells it.
    task = next(iter(fleet.tasks.of("service", key)), None)
    return fleet.tasks[task].revision if task else fleet.catalogue.revisions[key]


def _weigh(fleet: Fleet, key: str) -> None:
    """Count what the tasks of a service reserve, before anything is placed beside them."""
    service = fleet.catalogue.services.get(key)
    share = service.reservations if service else Resources()
    if not fleet.rooms.is_weighed(key, share):
        fleet.rooms.weigh(key, share, [fleet.tasks[task] for task in fleet.tasks.of("service", key)])


def _place_service(fleet: Fleet, key: str) -> None:
    """Look at a service that changed: at its tasks if it asks for something else, and at how many there are."""
    service, before = fleet.catalogue.services.get(key), fleet.scheduled.get(key)
    if service is None:
        for task in sorted(fleet.tasks.of("service", key)):
            unplace(fleet, task)
        _forget(fleet, key)
        return
    fleet.scheduled[key] = service
    fleet.unsettled.reports.add(service.stack)
    tasks = fleet.tasks.of("service", key)
    had_tasks = bool(tasks)
    at_once = _leaving(fleet, service, sorted(tasks)) if before is None or _asks(before) != _asks(service) else []
    if before is None:
        _depart(fleet, service)
    _fit(fleet, service, at_once, None)
    if before is None or not had_tasks or not tasks or before != replace(service, replicas=before.replicas):
        fleet.unsettled.rollouts.add(key)
    if fleet.moves.waiting(key):
        fleet.unsettled.turns.add(key)


def _asks(service: Service) -> tuple[object, ...]:
    """What decides whether a placed task stays."""
    return service.constraints, service.needs, service.mode, service.container if service.mode.is_job else None


def _forget(fleet: Fleet, key: str) -> None:
    fleet.unsettled.rollouts.add(key)
    fleet.pendings.drop(key)
    for of_services in (fleet.scheduled, fleet.rankings, fleet.numberings):
        of_services.pop(key, None)


def _depart(fleet: Fleet, service: Service) -> None:
    """After a restart: what has not been seen at its node is under way there, as far as we know."""
    key = service_key(service.stack, service.name)
    for task in fleet.tasks.of("service", key):
        if task in fleet.holds and (fleet.tasks[task].node, task) not in fleet.seen:
            fleet.moves.begin(task)


def _revisit(fleet: Fleet, nodes: list[str]) -> None:
    """Look at what changed nodes carry, and whether they can take what waits for a node."""
    moving: dict[str, list[str]] = {}
    for name in nodes:
        for task in sorted(fleet.tasks.of("node", name)):
            moving.setdefault(fleet.tasks[task].service, []).append(task)
    for key in sorted(moving):
        service = fleet.catalogue.services.get(key)
        at_once = _leaving(fleet, service, moving[key]) if service else []
        if service and at_once:
            _fit(fleet, service, at_once, [] if service.mode.is_global else None)
    _use(fleet, nodes)


def _use(fleet: Fleet, nodes: list[str]) -> None:
    """Offer nodes that changed, or have room again, to the services that go everywhere and to those that wait."""
    if nodes:
        for key in sorted({*fleet.catalogue.globals, *fleet.pendings}):
            _fit(fleet, fleet.catalogue.services[key], [], nodes)


def _leaving(fleet: Fleet, service: Service, tasks: list[str]) -> list[str]:
    """Of these tasks, those that must go at once; those that must go in their turn are noted."""
    at_once = []
    for task in tasks:
        match leave(fleet, fleet.tasks[task], service):
            case Leave.AT_ONCE:
                at_once.append(task)
            case Leave.IN_TURN:
                fleet.moves.wait(task)
                fleet.unsettled.turns.add(service_of(task))
    return at_once


def _take_turns(fleet: Fleet, key: str) -> None:
    """Let as many tasks of a service go as its budget allows."""
    service = fleet.catalogue.services.get(key)
    for task in sorted(fleet.moves.waiting(key), key=surplus.number):
        if service is None or leave(fleet, fleet.tasks[task], service) is None:
            fleet.moves.stay(task)
        elif len(fleet.moves.under_way(key)) >= service.update.at_once(len(fleet.tasks.of("service", key))):
            return
        else:
            _fit(fleet, service, [task], None)


def _fit(fleet: Fleet, service: Service, leaving: list[str], nodes: list[str] | None) -> None:
    """Move what leaves, and have as many tasks as are wanted; on these nodes, or on any."""
    key = service_key(service.stack, service.name)
    gone = [before for task in leaving if (before := unplace(fleet, task)) is not None]
    if service.mode.is_global:
        _fit_everywhere(fleet, key, service, fleet.nodes if nodes is None else nodes)
    else:
        _fit_counted(fleet, key, service, [task for task in gone if is_of_mode(task, service)], nodes)


def _fit_everywhere(fleet: Fleet, key: str, service: Service, nodes: Iterable[str]) -> None:
    need = need_of(fleet, service)
    for name in sorted(nodes):
        task = task_id(service.stack, service.name, name)
        if task in fleet.tasks or name not in fleet.nodes or filters.objections(candidate(fleet, name, need), need):
            continue
        begun = base_revision(fleet, key) if service.release is None else releases.running(fleet, name)
        place(fleet, Task(task, key, name, begun))
        if service.release is not None:
            releases.differs(fleet, begun)
    fleet.pendings.drop(key)


def _fit_counted(fleet: Fleet, key: str, service: Service, left: list[Task], nodes: list[str] | None) -> None:
    placed = fleet.tasks.of("service", key)
    if len(placed) > service.replicas:
        for task in surplus.chosen(fleet, placed, len(placed) - service.replicas):
            unplace(fleet, task)
    missing = service.replicas - len(placed)
    if missing > 0 and (nodes is None or _has_candidate(fleet, service, nodes)):
        missing = _fill(fleet, service, left[:missing], missing)
    if missing > 0:
        fleet.unsettled.reports.add(service.stack)
        fleet.pendings.put(key, Pending(key, missing, _reasons(fleet, service)))
    else:
        fleet.pendings.drop(key)


def _has_candidate(fleet: Fleet, service: Service, nodes: list[str]) -> bool:
    """Whether one of these nodes would take a task; for a service that waited, no other can."""
    need = need_of(fleet, service)
    return any(not filters.objections(candidate(fleet, name, need), need) for name in nodes if name in fleet.nodes)


def _fill(fleet: Fleet, service: Service, left: list[Task], missing: int) -> int:
    """Place so many tasks, first those that moved, each on the best node; how many found none."""
    key = service_key(service.stack, service.name)
    revision = "" if len(left) == missing else base_revision(fleet, key)
    ids = _free_ids(fleet, key)
    fleet.unsettled.reports.add(service.stack)
    for names in ranking_of(fleet, service).deal(fleet, missing):
        moved, left = left[: len(names)], left[len(names) :]
        for task, name in zip(moved, names, strict=False):
            place(fleet, replace(task, node=name))
            fleet.moves.begin(task.task)
        _begin(fleet, [Task(task, key, name, revision) for name, task in zip(names[len(moved) :], ids, strict=False)])
    return service.replicas - len(fleet.tasks.of("service", key))


def _free_ids(fleet: Fleet, key: str) -> Iterator[str]:
    """The ids that no task of a service has, the lowest number first."""
    numbering, tasks = fleet.numberings.get(key), fleet.tasks
    if numbering is None:
        numbering = fleet.numberings[key] = Numbering(map(surplus.number, tasks.of("service", key)))
    while True:
        task = f"{key}.{numbering.take()}"
        if task not in tasks:
            yield task


def _reasons(fleet: Fleet, service: Service) -> tuple[str, ...]:
    """Why no more tasks can be placed: one sentence per node, as many as a person reads."""
    if not fleet.nodes:
        return ("there is no node yet",)
    need: Need = need_of(fleet, service)
    said = []
    for name in fleet.rooms.names[:REASONS_SHOWN]:
        against = filters.objections(candidate(fleet, name, need), need)
        said.append(f"{name}: {', '.join(against)}" if against else f"{name}: nothing")
    more = len(fleet.nodes) - REASONS_SHOWN
    return (*said, f"and {more} more nodes") if more > 0 else tuple(said)
