"""Whether a container holds the lock that keeps it from being stopped for an update: a file (or directory) at a path inside it.

Docker is asked for the path's status alone, nothing is read and nothing runs inside the container. It sees the container's own
layer, its volumes and its binds, but no tmpfs: there a lock cannot be told from no lock, so it counts as held, and that is said.
Links on the way are followed as the container would, because one may lead onto a tmpfs, and so may the target of a mount.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from posixpath import join, normpath
from typing import Any, Protocol

from agent.adapters.docker_api import Answer
from agent.adapters.troubles import ENGINE_RETRY_S
from agent.decide.inputs import Done, Outcome, Retry
from protocol.hidden import TMPFS, hidden

LOCK_AGAIN_S = 5.0
# An application that has done its work is stopped soon after; a request costs some 3 ms.
_NOT_FOUND = 404

SYMLINK = 1 << 27
# Of a mode as Docker writes it (Go's `os.ModeSymlink`).


class Seer(Protocol):
    """Who can say what there is at a path in a container."""

    def stat(self, container: str, path: str) -> Answer:
        """The status of a path: its mode, and of a link where it leads in the end."""


def asked(api: Seer, found: Mapping[str, Any], path: str) -> Outcome:
    """`Done` if a container, as it was inspected, may be stopped; a `Retry` that is locked while it may not."""
    if not found["State"]["Running"]:
        return Done("it does not run")
    if unseen := hidden(path, _mounts(found)):
        return Retry(f"has its lock {path} on the tmpfs {unseen}, where nobody sees it", LOCK_AGAIN_S, locked=True)
    links = _Links(api, str(found["Id"]))
    answer = links.stat(path)
    if answer.ok:
        return Retry(f"holds {path}", LOCK_AGAIN_S, locked=True)
    real = links.followed(path)
    unseen = hidden(real, [(kind, links.followed(target)) for kind, target in _mounts(found)])
    if unseen:
        said = f"has its lock {path} where nobody can look: it leads to {real}, on the tmpfs {unseen}"
        return Retry(said, LOCK_AGAIN_S, locked=True)
    answer = links.refused or answer
    if answer.status == _NOT_FOUND:
        return Done("it holds no lock")
    return Retry(f"the engine does not tell of {path}: status {answer.status}", ENGINE_RETRY_S)


class _Links:
    """The links of one container, each path asked for once."""

    def __init__(self, api: Seer, container: str) -> None:
        self._api, self._container = api, container
        self._known: dict[str, Answer] = {}
        self.refused: Answer | None = None

    def stat(self, path: str) -> Answer:
        """What there is at a path; what the engine refuses to tell is remembered, for then nothing is known."""
        if path not in self._known:
            answer = self._known[path] = self._api.stat(self._container, path)
            if not answer.ok and answer.status != _NOT_FOUND:
                self.refused = answer
        return self._known[path]

    def followed(self, path: str) -> str:
        """Where a path leads, as far as can be seen; what is not there, or not seen, is taken as it is written."""
        here = "/"
        for part in normpath(path).strip("/").split("/"):
            here = join(here, part)
            answer = self.stat(here)
            if answer.ok and isinstance(answer.body, dict) and int(answer.body.get("mode", 0)) & SYMLINK:
                here = str(answer.body.get("linkTarget") or here)
        return here


def _mounts(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every mount of a container; Docker keeps a `--tmpfs` apart from the others."""
    yield from ((TMPFS, target) for target in found["HostConfig"].get("Tmpfs") or ())
    yield from ((mount["Type"], mount["Destination"]) for mount in found.get("Mounts") or ())
