"""Whether a container holds the lock that keeps it from being stopped for an update: a file (or directory) at a path inside it.

Docker is asked for the path's status alone, nothing is read and nothing runs inside the container. It sees the container's own
layer, its volumes and its binds, but no tmpfs: there a lock cannot be told from no lock, so it counts as held, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.adapters.docker_api import DockerApi
from agent.adapters.troubles import ENGINE_RETRY_S
from agent.decide.inputs import Done, Outcome, Retry
from protocol.hidden import TMPFS, hidden

LOCK_AGAIN_S = 5.0
# An application that has done its work is stopped soon after; a request costs some 3 ms.
_NOT_FOUND = 404


def asked(api: DockerApi, found: Mapping[str, Any], path: str) -> Outcome:
    """`Done` if a container, as it was inspected, may be stopped; a `Retry` that is locked while it may not."""
    if not found["State"]["Running"]:
        return Done("it does not run")
    if unseen := hidden(path, _mounts(found)):
        return Retry(f"has its lock {path} on the tmpfs {unseen}, where nobody sees it", LOCK_AGAIN_S, locked=True)
    answer = api.call("HEAD", f"/containers/{found['Id']}/archive", query={"path": path})
    if answer.ok:
        return Retry(f"holds {path}", LOCK_AGAIN_S, locked=True)
    if answer.status == _NOT_FOUND:
        return Done("it holds no lock")
    return Retry(f"the engine does not tell of {path}: status {answer.status}", ENGINE_RETRY_S)


def _mounts(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every mount of a container; Docker keeps a `--tmpfs` apart from the others."""
    yield from ((TMPFS, target) for target in found["HostConfig"].get("Tmpfs") or ())
    yield from ((mount["Type"], mount["Destination"]) for mount in found.get("Mounts") or ())
