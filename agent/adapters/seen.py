"""Docker's documents, read as what a decision sees: containers, runs, images, networks in use, the disk below it all.

Pure, but for the disk: it is asked of the kernel, where the engine's directory is this machine's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from agent.adapters.creation import LABEL
from agent.adapters.illness import UNHEALTHY
from agent.decide.inputs import ContainerSeen, DiskSeen, ImageSeen, InstanceSeen, Phase, RunSeen
from protocol.ids import full_reference

_PHASES: Mapping[str, Phase] = {
    "created": Phase.CREATED,
    "running": Phase.RUNNING,
    "paused": Phase.RUNNING,
    "restarting": Phase.RUNNING,
    "exited": Phase.EXITED,
}


def container_seen(body: Mapping[str, Any]) -> ContainerSeen:
    """A task's container, as its inspection shows it."""
    labels, state = body["Config"]["Labels"], body["State"]
    phase = _PHASES.get(state["Status"], Phase.DEAD)
    health = str((state.get("Health") or {}).get("Status", ""))
    return ContainerSeen(
        id=body["Id"],
        name=str(body["Name"]).lstrip("/"),
        task=labels[f"{LABEL}task"],
        revision=labels.get(f"{LABEL}revision", ""),
        spec_hash=labels.get(f"{LABEL}spec-hash", ""),
        phase=phase,
        image=body["Image"],
        health="" if health == "none" else health,
        exit_code=None if phase in {Phase.CREATED, Phase.RUNNING} else state["ExitCode"],
        started="" if state["StartedAt"].startswith("0001-") else state["StartedAt"],
        out_of_memory=bool(state.get("OOMKilled")),
    )


def run_seen(entry: Mapping[str, Any]) -> RunSeen:
    """A function's container, as a list shows it."""
    labels = entry["Labels"]
    attempt = labels.get(f"{LABEL}attempt", "")
    return RunSeen(
        id=entry["Id"],
        name=str(entry["Names"][0]).lstrip("/"),
        invocation=labels[f"{LABEL}invocation"],
        attempt=int(attempt) if attempt.isdecimal() else 0,
        phase=_PHASES.get(entry["State"], Phase.DEAD),
    )


def instance_seen(entry: Mapping[str, Any], state: Mapping[str, Any] | None = None) -> InstanceSeen:
    """An instance of a warm function, as a list shows it, or with the state that its inspection shows."""
    labels = entry["Labels"]
    status, health = entry["State"], UNHEALTHY if f"({UNHEALTHY})" in entry.get("Status", "") else ""
    if state is not None:
        status, health = state["Status"], (state.get("Health") or {}).get("Status", "")
    number = labels.get(f"{LABEL}instance", "")
    return InstanceSeen(
        entry["Id"],
        labels.get(f"{LABEL}stack", ""),
        labels.get(f"{LABEL}function", ""),
        labels.get(f"{LABEL}revision", ""),
        int(number) if number.isdecimal() else 0,
        _PHASES.get(status, Phase.DEAD),
        health if health == UNHEALTHY else "",
    )


def image_seen(entry: Mapping[str, Any]) -> ImageSeen:
    """An image, as a list shows it. Layers that it shares with others count in its size: what is its own only, Docker measures."""
    return ImageSeen(entry["Id"], int(entry.get("Size", 0)), tuple(_references(entry)))


def platform_of(body: Mapping[str, Any]) -> str:
    """What an image is made for, as its inspection shows it: `linux/arm/v7`."""
    return "/".join(filter(None, (body.get("Os"), body.get("Architecture"), body.get("Variant"))))


def networks_used(entry: Mapping[str, Any]) -> frozenset[str]:
    """The networks that a container is on, or will be when it is started again."""
    return frozenset((entry.get("NetworkSettings") or {}).get("Networks") or ())


def disk_seen(directory: str) -> DiskSeen | None:
    """The file system below a directory of the engine; None where it is another machine's."""
    try:
        found = os.statvfs(directory)
    except OSError:
        return None
    return DiskSeen(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


def _references(image: Mapping[str, Any]) -> Iterator[str]:
    for reference in [*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())]:
        if "<none>" not in reference:
            yield full_reference(reference)
