"""What one task of a service asks of a node, worked out once for all nodes.

A service with an equal need chooses as before, so a need also tells whether a ranking still holds: how many tasks there should be
is no part of it. `rivals` are the other services that hold something which one node has only once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from controller.decide import images
from controller.decide.catalogue import claims
from controller.decide.fleet import Fleet
from controller.decide.placement.room import MILLIS
from controller.decide.rollouts.slot import ENDED, RolloutState
from protocol import template
from protocol.container import Port
from protocol.ids import service_key
from protocol.stack import Needs, Service
from protocol.template import Facts

IN_FLIGHT = tuple(state for state in RolloutState if state not in ENDED)
"""While these last, tasks of a service may still run an older revision, with other ports."""

EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - addresses are compared here, not bound


Field = tuple[tuple[str, ...], tuple[str, ...], str, Needs, str]


@dataclass(frozen=True, slots=True)
class Need:
    """What a task asks of a node.

    `platform` is the one that is asked for, `platforms` are the image's. `claims` are what a node has only once; `kin` are the
    services with the same image; `templated` is None without templates. `field` names what is asked of the node itself: services
    that ask for the same share the answer.
    """

    key: str
    field: Field
    constraints: tuple[str, ...]
    preferences: tuple[str, ...]
    platform: str
    platforms: tuple[str, ...]
    runtime: str
    hardware: Needs
    claims: tuple[str, ...]
    rivals: tuple[tuple[str, str], ...]
    most_per_node: int
    millicpus: int
    memory_bytes: int
    kin: frozenset[str]
    templated: Service | None


def need_of(fleet: Fleet, service: Service) -> Need:
    """What a task of this service asks for."""
    key, container = service_key(service.stack, service.name), service.container
    platform, platforms = _platform(container.platform), images.platforms(fleet, service)
    templated = Service(service.stack, service.name, container) if template.objections(container, Facts("")) else None
    return Need(
        key,
        (service.constraints, (platform, *platforms), container.runtime, service.needs, key if templated else ""),
        service.constraints,
        service.preferences,
        platform,
        platforms,
        container.runtime,
        service.needs,
        tuple(sorted(claims(service))),
        tuple(sorted(_rivals(fleet, key, service))),
        service.most_per_node,
        round(service.reservations.cpus * MILLIS),
        service.reservations.memory_bytes,
        frozenset(fleet.catalogue.images.get(container.image, ())) - {key},
        templated,
    )


def _platform(text: str) -> str:
    """Compose lets people leave out the system."""
    return text if "/" in text or not text else f"linux/{text}"


def _rivals(fleet: Fleet, key: str, service: Service) -> Iterator[tuple[str, str]]:
    """Each other service that would stand in the way on a node, and the sentence that says so."""
    if not claims(service):
        return
    others = {other for claim in claims(service) for other in fleet.catalogue.claims.get(claim, ())}
    others |= {other for state in IN_FLIGHT for other in fleet.rollouts.of("state", state)}
    for other in others - {key}:
        for what in _shared(service, tuple(_ports(fleet, other)), _pins(fleet, other)):
            yield other, f"{what} is taken by {other}"


def _shared(service: Service, ports: Iterable[Port], pins: tuple[int, ...]) -> set[str]:
    wanted = [port for port in service.container.ports if port.published]
    shared = {f"port {port.published}/{port.protocol}" for port in wanted if any(_is_same(port, one) for one in ports)}
    return shared | {f"pin {pin}" for pin in service.needs.pins if pin in pins}


def _ports(fleet: Fleet, service: str) -> Iterator[Port]:
    """The ports of a service, and of its older revisions that may still run."""
    for revision in fleet.revisions.of("service", service):
        yield from fleet.revisions[revision].container.ports


def _pins(fleet: Fleet, service: str) -> tuple[int, ...]:
    wanted = fleet.catalogue.services.get(service)
    return wanted.needs.pins if wanted else ()


def _is_same(one: Port, other: Port) -> bool:
    shared = one.host_ip == other.host_ip or one.host_ip in EVERYWHERE or other.host_ip in EVERYWHERE
    return shared and (one.published, one.protocol) == (other.published, other.protocol)
