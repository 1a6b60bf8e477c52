"""The orders about services: scale, restart, pull. What they leave behind is `scales`' and `images`' business.

Images are functions', too, so a pull may name one of these.
"""

from __future__ import annotations

from controller.decide import answers, force, manifests, scales
from controller.decide.fleet import Fleet
from controller.decide.records import Number, Scale
from protocol.ids import service_key
from protocol.observed import Answer
from protocol.operator import OperatorOrder

REPLICAS_MOST = 10_000
"""As in a manifest."""


def scale(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Have a service run with so many replicas."""
    service, replicas = fleet.catalogue.services.get(asked.target), asked.arguments.get("replicas")
    if service is None:
        return answers.not_found(f"there is no service {asked.target!r}; write it as stack.service")
    if service.mode.is_global:
        return answers.conflict(f"{asked.target} is {service.mode}: it has one task on every node that fits")
    if not isinstance(replicas, int) or isinstance(replicas, bool) or not 0 <= replicas <= REPLICAS_MOST:
        return answers.refused(f"`replicas` is a whole number from 0 to {REPLICAS_MOST}")
    if replicas == service.replicas:
        return Answer("", ok=True, message=f"{asked.target} has {_count(replicas)} already")
    written = fleet.stacks[service.stack].stack
    assert written is not None, "its service is in force"
    fleet.scales.put(asked.target, Scale(asked.target, service.stack, replicas, written.revision))
    force.enforce(fleet, service.stack)
    return Answer("", ok=True, message=f"{asked.target} has {_count(replicas)} until its manifest changes")


def restart(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Have a service, or all of a stack, begun anew."""
    if not asked.target:
        return answers.refused("name a stack or a service")
    services = answers.services_of(fleet, asked.target)
    if not services and answers.is_nothing(fleet, asked.target):
        return answers.not_found(f"there is no stack or service {asked.target!r}")
    if not services:
        return answers.conflict(f"{asked.target} has no services, and only these are begun anew")
    if any(service.release is not None for service in services):
        return answers.conflict(
            f"{asked.target} is the agents themselves; `bramble agents update` changes their release"
        )
    for service in services:
        key = service_key(service.stack, service.name)
        fleet.restarts.put(key, Number(scales.restarts(fleet, key) + 1))
    force.enforce(fleet, services[0].stack)
    names = ", ".join(service_key(service.stack, service.name) for service in services)
    return Answer("", ok=True, message=f"{names}: begun anew, as an update")


def pull(fleet: Fleet, asked: OperatorOrder, now_mono_s: float) -> Answer:
    """Have the tags of a service, of a function, or of all of a stack, looked up again."""
    if not asked.target:
        return answers.refused("name a stack, a service or a function")
    known = fleet.catalogue
    if not any(asked.target in parts for parts in (known.stacks, known.services, known.functions)):
        return answers.not_found(f"there is no stack, service or function {asked.target!r}")
    stack, _, part = asked.target.partition(".")
    if not manifests.look_again(fleet, stack, part, now_mono_s):
        return answers.refused(f"no registry is asked for {asked.target}: its images have digests, or look-ups are off")
    return Answer("", ok=True, message=f"{asked.target}: its images are looked up; what moved is rolled out")


def _count(replicas: int) -> str:
    return "1 replica" if replicas == 1 else f"{replicas} replicas"
