"""From a stack as it was written to what is in force of it, and what follows when that changes.

Written is one thing; in force are the images by their digests, and whatever operators have said since. Everything that changes
one of these ends in `enforce`.
"""

from __future__ import annotations

from controller.decide import images, scales
from controller.decide.fleet import Fleet
from controller.decide.records import Revision, revision_key
from controller.decide.rollouts import history, pins, switching
from protocol.ids import service_key
from protocol.stack import Service, Stack


def in_force(fleet: Fleet, stack: Stack) -> Stack:
    """What is in force of a stack that is written so."""
    return history.ordered(fleet, stack, scales.ordered(fleet, stack, images.pinned(fleet, stack)))


def enforce(fleet: Fleet, name: str) -> None:
    """Have the catalogue say what is in force of a stack; whoever depends on a difference decides again."""
    record = fleet.stacks[name]
    if record.stack is None:
        return
    before, stack, functions = fleet.catalogue.stacks.get(name), in_force(fleet, record.stack), _functions(fleet, name)
    fleet.unsettled.reports.add(name)
    if before != stack:
        known = _revisions(fleet, name)
        changed(fleet, name, fleet.catalogue.put(stack))
        fleet.forget_counts(functions - _functions(fleet, name))
        if before is not None and (known != _revisions(fleet, name) or switching.differ(before, stack)):
            switching.remember(fleet, before, stack)
    if before is not None and before.logins != stack.logins:
        _tell_logins(fleet, stack)


def outdated(fleet: Fleet, written: Stack) -> None:
    """A manifest comes into force: forget what operators have said of what it does not have any more."""
    scales.outdated(fleet, written)
    history.outdated(fleet, written)
    pins.forget(fleet, written.name, frozenset(service_key(written.name, name) for name in written.services))


def forget(fleet: Fleet, stack: str) -> None:
    """A stack is gone: forget what operators have said of it."""
    scales.forget(fleet, stack)
    history.forget(fleet, stack)
    pins.forget(fleet, stack)
    fleet.earlier.drop(stack)
    fleet.forget_counts(_functions(fleet, stack))


def changed(fleet: Fleet, name: str, services: set[str]) -> None:
    """Services of a stack were put into the catalogue, or dropped from it."""
    fleet.unsettled.stacks.add(name)
    fleet.unsettled.services |= services
    for key in services & fleet.catalogue.services.keys():
        revision = fleet.catalogue.revisions[key]
        fleet.revisions.put(revision_key(key, revision), _revision(key, revision, fleet.catalogue.services[key]))
        history.note(fleet, key)


def _functions(fleet: Fleet, stack: str) -> set[str]:
    return {service_key(stack, one.name) for one in fleet.catalogue.functions_of(stack)}


def _revisions(fleet: Fleet, stack: str) -> dict[str, str]:
    services = fleet.catalogue.stacks[stack].services if stack in fleet.catalogue.stacks else {}
    return {name: fleet.catalogue.revisions[service_key(stack, name)] for name in services}


def _tell_logins(fleet: Fleet, stack: Stack) -> None:
    """Have every node that carries something of a stack told its logins, though nothing of what it runs has changed."""
    services = (service_key(stack.name, service) for service in stack.services)
    tasks = [task for service in services for task in fleet.tasks.of("service", service)]
    carried = (shelf.get(task) for task in tasks for shelf in (fleet.tasks, fleet.originals))
    fleet.unsettled.assignments |= {placed.node for placed in carried if placed is not None}
    fleet.unsettled.assignments |= fleet.device_nodes.get(stack.name, set())


def _revision(key: str, revision: str, service: Service) -> Revision:
    return Revision(
        key,
        revision,
        service.container,
        service.restart,
        service.depends_on,
        service.job,
        service.stop_after_s,
        service.release,
    )
