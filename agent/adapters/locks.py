"""Whether a container holds the lock that keeps it from being stopped for an update: a file (or directory) at a path inside it.

Docker is asked for the path's status alone, nothing is read and nothing runs inside the container. It sees the container's own
layer, its volumes and its binds, but no tmpfs: there a lock cannot be told from no lock, so it counts as held, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath as Path
from typing import Any

from agent.adapters.docker_api import DockerApi
from agent.adapters.troubles import ENGINE_RETRY_S
from agent.decide.inputs import Done, Outcome, Retry

LOCK_AGAIN_S = 5.0
# An application that has done its work is stopped soon after; a request costs some 3 ms.
_SHM = "/dev/shm"  # noqa: S108 - Docker's own tmpfs, in every container
_NOT_FOUND = 404


def asked(api: DockerApi, found: Mapping[str, Any], path: str) -> Outcome:
    """`Done` if a container, as it was inspected, may be stopped; a `Retry` that is locked while it may not."""
    if not found["State"]["Running"]:
        return Done("it does not run")
    unseen = next((place for place in _unseen(found) if _is_below(path, place)), "")
    if unseen:
        return Retry(f"has its lock {path} on the tmpfs {unseen}, where nobody sees it", LOCK_AGAIN_S, locked=True)
    answer = api.call("HEAD", f"/containers/{found['Id']}/archive", query={"path": path})
    if answer.ok:
        return Retry(f"holds {path}", LOCK_AGAIN_S, locked=True)
    if answer.status == _NOT_FOUND:
        return Done("it holds no lock")
    return Retry(f"the engine does not tell of {path}: status {answer.status}", ENGINE_RETRY_S)


def _unseen(found: Mapping[str, Any]) -> Iterator[str]:
    yield _SHM
    yield from (found["HostConfig"].get("Tmpfs") or {})
    yield from (mount["Destination"] for mount in found.get("Mounts") or () if mount["Type"] == "tmpfs")
    mounts = found["HostConfig"].get("Mounts") or ()
    yield from (mount["Target"] for mount in mounts if mount["Type"] == "tmpfs")


def _is_below(path: str, place: str) -> bool:
    return Path(place) == Path(path) or Path(place) in Path(path).parents
