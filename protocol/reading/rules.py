"""What does not go together within one service, or between the services of a stack. A rule notes its misfits, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from protocol import template
from protocol.manifest.compose import Service
from protocol.reading.document import Path
from protocol.reading.draft import Draft

Rule = Callable[[Draft, Path, Service], None]


def check(draft: Draft, name: str, source: Service, *, is_job: bool) -> None:
    """Every rule on one service."""
    path = ("services", name)
    for rule in RULES:
        rule(draft, path, source)
    if is_job:
        _job(draft, path, source)
    elif source.x_bramble.schedule is not None:
        reason = f"a schedule is for jobs, and the mode is {source.deploy.mode}"
        draft.misfit(
            (*path, "x-bramble", "schedule"), reason, "write replicated-job or global-job, or remove the schedule"
        )


def order(draft: Draft) -> None:
    """Every dependency names a service of the stack, and none leads back to itself."""
    services = draft.manifest.services
    for name, one in services.items():
        for other in one.depends_on:
            if other not in services:
                reason = f"there is no service {other!r}; this stack has {', '.join(services)}"
                draft.misfit(("services", name, "depends_on", other), reason)
    left = {name: {other for other in one.depends_on if other in services} for name, one in services.items()}
    while free := [name for name, others in left.items() if not others]:
        left = {name: others.difference(free) for name, others in left.items() if name not in free}
    if left:
        circle = _circle(left)
        reason = f"{' waits for '.join(circle)}: none of them would ever start"
        draft.misfit(("services", circle[0], "depends_on"), reason, "remove one of the dependencies")


def _circle(left: dict[str, set[str]]) -> list[str]:
    """One way round, from a service to itself."""
    way = [min(left)]
    while way[-1] not in way[:-1]:
        way.append(min(left[way[-1]]))
    return way[way.index(way[-1]) :]


def _job(draft: Draft, path: Path, source: Service) -> None:
    for key in ("update_config", "rollback_config"):
        if key in source.deploy.model_fields_set:
            reason = f"a job is not updated while it runs, its next run is the new one; {key} would do nothing"
            draft.misfit((*path, "deploy", key), reason, "remove it")


def _profiles(draft: Draft, path: Path, source: Service) -> None:
    if source.profiles:
        reason = f"it runs only where the profile {' or '.join(source.profiles)} is chosen, and a manifest chooses none"
        draft.misfit((*path, "profiles"), reason, "publish it with `bramble up --profile …`, or remove the key")


def _counts(draft: Draft, path: Path, source: Service) -> None:
    said = (("deploy", "replicas"), source.deploy.replicas), (("scale",), source.scale)
    for key, count in said:
        if count is not None and (source.deploy.mode or "").startswith("global"):
            reason = f"with the mode {source.deploy.mode} there is one on every node that fits, not a number of them"
            draft.misfit((*path, *key), reason, "remove it")


def _container_name(draft: Draft, path: Path, source: Service) -> None:
    """It names one container on a network of a node, so there may be one that is called so."""
    wanted, placement = source.container_name, source.deploy.placement
    if not wanted:
        return
    count = 1 if (source.deploy.mode or "").startswith("global") else source.deploy.replicas or source.scale or 1
    if placement.max_replicas_per_node != 1 and max(count, placement.max_replicas_per_node) > 1:
        reason = f"only one container can be called {wanted!r}, and a node may get several tasks of this service"
        remedy = "remove it, or add deploy: {placement: {max_replicas_per_node: 1}}"
        draft.misfit((*path, "container_name"), reason, remedy)
    for name, other in draft.manifest.services.items():
        if name != path[-1] and wanted in (name, other.container_name):
            reason = f"{wanted!r} is what the service {name!r} is called"
            draft.misfit((*path, "container_name"), reason, "choose another name, or remove it")


def _start_first(draft: Draft, path: Path, source: Service) -> None:
    """Two containers at once can share neither a port of the node nor an address."""
    fixed = [f"port {port.published} of a node" for port in source.ports if port.published]
    fixed += [
        address for how in source.networks.values() for address in (how.ipv4_address, how.ipv6_address) if address
    ]
    for key in ("update_config", "rollback_config"):
        pace = getattr(source.deploy, key)
        if pace is not None and pace.order == "start-first" and fixed:
            reason = f"start-first needs two containers at once, and {fixed[0]} can have only one"
            draft.misfit((*path, "deploy", key, "order"), reason, "use stop-first, or publish no fixed port")
    if source.x_bramble.update.strategy == "hand-over" and fixed:
        reason = f"hand-over needs two containers at once, and {fixed[0]} can have only one"
        draft.misfit((*path, "x-bramble", "update", "strategy"), reason, "choose another, or publish no fixed port")


def _memory(draft: Draft, path: Path, source: Service) -> None:
    most = source.deploy.resources.limits.memory or source.mem_limit
    if source.memswap_limit and not most:
        draft.misfit((*path, "memswap_limit"), "engines take it only together with mem_limit", "add mem_limit")
    elif 0 < source.memswap_limit < most:
        draft.misfit(
            (*path, "memswap_limit"), "it counts memory and swap together, and is less than mem_limit", "raise it"
        )
    reservations = (
        (("mem_reservation",), source.mem_reservation),
        (("deploy", "resources", "reservations", "memory"), source.deploy.resources.reservations.memory),
    )
    for key, least in reservations:
        if most and least > most:
            draft.misfit((*path, *key), "more is reserved than the container may use", "lower it, or raise the limit")


def _processor(draft: Draft, path: Path, source: Service) -> None:
    limits = source.deploy.resources.limits
    if (limits.cpus or source.cpus) and (source.cpu_quota or source.cpu_period):
        key = "cpu_quota" if source.cpu_quota else "cpu_period"
        draft.misfit((*path, key), "engines take either cpus or a quota and its period", "keep cpus")
    if limits.cpus and source.deploy.resources.reservations.cpus > limits.cpus:
        place = (*path, "deploy", "resources", "reservations", "cpus")
        draft.misfit(place, "more is reserved than the container may use", "lower it, or raise the limit")


def templates(draft: Draft, path: Path, texts: Mapping[Any, str]) -> None:
    """Placeholders that no node could fill in."""
    for key, text in texts.items():
        if fault := template.fault(text):
            reason, _, remedy = fault.partition("; ")
            draft.misfit((*path, key), reason, remedy)


def _templates(draft: Draft, path: Path, source: Service) -> None:
    templates(draft, path, {"hostname": source.hostname})
    templates(draft, (*path, "volumes"), {i: mount.source for i, mount in enumerate(source.volumes)})


RULES: tuple[Rule, ...] = (_profiles, _counts, _container_name, _start_first, _memory, _processor, _templates)
