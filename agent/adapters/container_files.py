"""Configs and secrets: put into a container before its very first start, as files with an owner and a mode.

They are written into the container's own layer, where they survive restarts and power cuts as the container does. That layer is
closed to Docker in a `read_only` container, and a tmpfs covers it: there each directory with files gets a small anonymous volume,
which begins with what the image has there and goes with its container. What stays impossible is told by `misplaced`, before
anything is made. Contents go nowhere but into the container: no log, label, reason or inspection shows them.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath as Path
from typing import Any

from agent.adapters.docker_api import DockerApi
from agent.adapters.troubles import trouble
from agent.decide.inputs import Done, Outcome
from protocol.container import Container, File, Mount

_ROOT = Path("/")


def misplaced(container: Container) -> str:
    """Why a file cannot be where it should, in a sentence; empty when all can."""
    for file in container.files:
        path, cover = _path(file), _cover(container, _path(file))
        if path == _ROOT:
            return f"a file cannot be put at {file.target}: that is a directory"
        if cover is not None and cover.kind == "tmpfs" and Path(cover.target) == path.parent:
            return f"a file cannot be put at {path}: {cover.target} is a tmpfs, empty at each start; put it into a directory below"
        if cover is not None and cover.kind != "tmpfs" and cover.read_only:
            return f"a file cannot be put at {path}: the mount {cover.target} is read-only"
        if cover is None and container.read_only and path.parent == _ROOT:
            return f"a file cannot be put at {path} of a read-only container; put it into a directory"
    return ""


def file_mounts(container: Container) -> list[dict[str, Any]]:
    """The anonymous volumes for files that the container's own layer cannot take."""
    return [{"Type": "volume", "Target": str(directory)} for directory in _directories(container)]


def put_files(api: DockerApi, name: str, container: Container) -> Outcome:
    """Put every file, whole and on the disk; doing it twice is doing it once."""
    if not container.files:
        return Done()
    for directory in (_ROOT, *_directories(container)):
        files = [file for file in container.files if _home(container, file) == directory]
        if not files:
            continue
        query = {"path": str(directory), "noOverwriteDirNonDir": "true"}
        content = archive(files, directory)
        answer = api.call("PUT", f"/containers/{name}/archive", query=query, body=content)
        if not answer.ok:
            return trouble(name, answer.status, answer.message)
    os.sync()  # the container counts as complete once it has run; a power cut then must not leave empty files in it
    return Done()


def archive(files: Iterable[File], directory: Path) -> bytes:
    """A tar of the files, by their paths below a directory; Docker makes missing parents, and keeps links that lead there."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for file in files:
            content = file.content.encode()
            entry = tarfile.TarInfo(str(_path(file).relative_to(directory)))
            entry.size, entry.mode, entry.uid, entry.gid = len(content), file.mode, file.uid, file.gid
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def _path(file: File) -> Path:
    """The absolute path that is meant: a target without a slash in front stands in the root directory, as in Compose."""
    return Path(os.path.normpath(f"/{file.target.lstrip('/')}"))


def _home(container: Container, file: File) -> Path:
    """The directory through which a file is put: its volume, or the root directory."""
    path = _path(file)
    return next((directory for directory in _directories(container) if path.is_relative_to(directory)), _ROOT)


def _directories(container: Container) -> tuple[Path, ...]:
    """The directories that need a volume; none lies within another."""
    found: list[Path] = []
    for directory in sorted({*_closed(container)}, key=lambda path: len(path.parts)):
        if not any(directory.is_relative_to(above) for above in found):
            found.append(directory)
    return tuple(found)


def _closed(container: Container) -> Iterator[Path]:
    for file in container.files:
        cover = _cover(container, _path(file))
        if (container.read_only and cover is None) or (cover is not None and cover.kind == "tmpfs"):
            yield _path(file).parent


def _cover(container: Container, path: Path) -> Mount | None:
    """The innermost mount that a path lies in."""
    around = [mount for mount in container.mounts if path.is_relative_to(mount.target)]
    return max(around, key=lambda mount: len(mount.target), default=None)
