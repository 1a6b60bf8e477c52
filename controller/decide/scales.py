"""What operators have ordered of services beside their manifests: another number of replicas, and to begin anew.

A scale holds until a manifest with another content is accepted: the same one, published again, takes nothing back. A service that
is restarted gets a new revision of the same content (Swarm's ForceUpdate), so a restart is an ordinary update: one budget at a
time, watched, and an absent node gets it when it returns. How often it was restarted is never forgotten while the service is there,
or the next manifest would take it for yet another change.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide.fleet import Fleet
from protocol.ids import service_key
from protocol.stack import Service, Stack


def restarts(fleet: Fleet, key: str) -> int:
    """How often a service was begun anew."""
    before = fleet.restarts.get(key)
    return before.value if before else 0


def ordered(fleet: Fleet, written: Stack, stack: Stack) -> Stack:
    """A stack as operators have it. `written` is the same before its images were looked up: a scale holds for that content."""
    if not fleet.scales.of("stack", stack.name) and not fleet.restarts:
        return stack
    services = {name: _ordered(fleet, service, written) for name, service in stack.services.items()}
    return replace(stack, services=services)


def outdated(fleet: Fleet, written: Stack) -> None:
    """A manifest comes into force: what was ordered of another content, or of services that it has no more, is forgotten."""
    scales = sorted(fleet.scales.of("stack", written.name))
    for key in scales:
        if fleet.scales[key].content != written.revision:
            fleet.scales.drop(key)
    forget(fleet, written.name, frozenset(service_key(written.name, name) for name in written.services))


def forget(fleet: Fleet, stack: str, but_not: frozenset[str] = frozenset()) -> None:
    """Forget what was ordered of the services of a stack that is gone, or has gone without these."""
    for key in sorted(key for key in fleet.restarts if key.startswith(f"{stack}.") and key not in but_not):
        fleet.restarts.drop(key)
    for key in sorted(fleet.scales.of("stack", stack) - but_not):
        fleet.scales.drop(key)


def _ordered(fleet: Fleet, service: Service, written: Stack) -> Service:
    key = service_key(service.stack, service.name)
    scaled, count = fleet.scales.get(key), restarts(fleet, key)
    if count:
        service = replace(service, restarts=count)
    if scaled is not None and not service.mode.is_global and scaled.content == written.revision:
        service = replace(service, replicas=scaled.replicas)
    return service
