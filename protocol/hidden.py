"""Which paths inside a container nobody outside it sees: those on a tmpfs, which is memory of its own.

Docker shows a container's own layer, its volumes and its binds. Of mounts below one another the deepest holds the path.
"""

from __future__ import annotations

from collections.abc import Iterable

TMPFS = "tmpfs"
OWN = ("/dev", "/dev/shm")  # noqa: S108 - paths in containers
"""Docker's own tmpfs, in every container."""


def hidden(path: str, mounts: Iterable[tuple[str, str]]) -> str:
    """The tmpfs that hides a path, by its target; nothing where the path is seen. A mount is its kind and its target."""
    all_of_them = [*((TMPFS, target) for target in OWN), *mounts]
    covers = [(len(_parts(target)), kind, target) for kind, target in all_of_them if _holds(target, path)]
    _, kind, target = max(covers, default=(0, "", ""))
    return target if kind == TMPFS else ""


def _holds(target: str, path: str) -> bool:
    above = _parts(target)
    return _parts(path)[: len(above)] == above


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
