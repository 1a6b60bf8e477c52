"""Compose's profiles: services of profiles that nobody asked for are left out, before anything is published.

A service without profiles is always there; `*` asks for all. Who needs a service that is left out is wrong, unless `required:
false` says that it can do without.
"""

from __future__ import annotations

from dataclasses import replace

from cli.parts import Findings, Part

ALL = "*"
_SERVICE_MODE = "service:"
_MODES = ("network_mode", "ipc", "pid")


def active(root: Part, wanted: frozenset[str], findings: Findings) -> Part:
    """The document with the services that are there for these profiles, without their `profiles`."""
    services = root.get("services")
    there = {name: part for name, part in services.mapping.items() if _is_active(part, wanted)}
    away = services.mapping.keys() - there.keys()
    if not any("profiles" in part.mapping for part in services.mapping.values()):
        return root
    kept = {
        name: _without(name, part.having("profiles", None), services, away, findings) for name, part in there.items()
    }
    return root.having("services", replace(services, value=kept))


def _is_active(service: Part, wanted: frozenset[str]) -> bool:
    named = _profiles(service)
    return not named or ALL in wanted or bool(named & wanted)


def _profiles(service: Part) -> set[str]:
    profiles = service.get("profiles")
    return {str(item.value) for item in profiles.items} or {profiles.text} - {""}


def _without(name: str, service: Part, services: Part, away: set[str], findings: Findings) -> Part:
    """A service that names none of those that are left out; a need that cannot be met is told."""
    for key in _MODES:
        mode = service.get(key)
        if mode.text.removeprefix(_SERVICE_MODE) in away and mode.text.startswith(_SERVICE_MODE):
            _tell(mode, ("services", name, key), mode.text.removeprefix(_SERVICE_MODE), services, findings)
    needs = service.get("depends_on")
    for place, item in enumerate(needs.items):
        if item.value in away:
            _tell(item, ("services", name, "depends_on", place), item.text, services, findings)
    kept = {}
    for other, need in needs.mapping.items():
        if other not in away:
            kept[other] = need
        elif need.get("required").value is not False:
            _tell(need, ("services", name, "depends_on", other), other, services, findings)
    is_changed = bool(needs.mapping) and len(kept) < len(needs.mapping)
    return service.having("depends_on", replace(needs, value=kept) if kept else None) if is_changed else service


def _tell(part: Part, path: tuple[str | int, ...], other: str, services: Part, findings: Findings) -> None:
    profiles = sorted(_profiles(services.get(other)))
    reason = f"this needs {other!r}, which is only there with the profile {' or '.join(profiles)}"
    findings.fault(part.place, path, reason, f"add --profile {profiles[0]}")
