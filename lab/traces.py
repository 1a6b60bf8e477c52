"""What a run has left in the system, and its removal. One way for the end of a run and for the sweep of a dead one.

A trace belongs to a run when its name says so (lab/names.py), or, for processes, when they carry the run's mark, sit
in one of its network namespaces or in one of its cgroups (that finds containers, whose environment is their own).
Mounts leave no trace: every engine lives in a mount namespace that dies with its last process. Removing is idempotent
and goes on when a part is already gone; what stays nevertheless is told by `remaining`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lab.commands import succeeds
from lab.names import MARK, RunName, parse

NAMESPACES = Path("/run/netns")

_LINKS = Path("/sys/class/net")
_CGROUPS = Path("/sys/fs/cgroup")
_PATIENCE_S = 10.0
_POLL_S = 0.01


def runs() -> set[RunName]:
    """Return every run that left a directory, namespace, interface or cgroup, alive or dead."""
    names = [path.name for path in (*_directories(), *_listed(NAMESPACES), *_listed(_LINKS), *_cgroup_roots())]
    return {run for name in names if (run := parse(name))}


def is_alive(run: RunName) -> bool:
    """Say whether the run's owner lives; a stranger who was given its number since makes us err on the safe side."""
    return Path(f"/proc/{run.pid}").exists()


def processes(run: RunName, host: str | None = None) -> set[int]:
    """Return the run's processes, or only those of one of its hosts."""
    rooms = {_inode(path) for path in _namespaces(run) if host is None or path.name == run.namespace(host)} - {None}
    cgroup = f"/{run}/" if host is None else f"{run.cgroup(host)}/"
    mark = None if host else f"{MARK}={run}".encode()
    found = {pid for pid in _all_processes() if _belongs(pid, rooms, cgroup, mark)}
    return found - {os.getpid()}


def kill(run: RunName, host: str | None = None) -> None:
    """End the run's processes, or those of one host, all at once as a power cut does."""
    deadline_mono_s = time.monotonic() + _PATIENCE_S
    while (pids := processes(run, host)) and time.monotonic() < deadline_mono_s:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_S)


def remove(run: RunName) -> None:
    """Remove everything of the run: processes, network, cgroups, files, in this order."""
    kill(run)
    if (_LINKS / run.link).exists():
        succeeds(["ip", "link", "delete", run.link])
    for namespace in _namespaces(run):
        succeeds(["ip", "netns", "delete", namespace.name])
    for cgroup in _cgroups(run):
        _remove_cgroup(cgroup)
    for directory in _directories():
        if run.owns(directory.name):
            shutil.rmtree(directory, ignore_errors=True)


def remaining(run: RunName) -> list[str]:
    """Return what is left of a run, in words; empty when it is gone without a trace."""
    left = [f"process {pid}" for pid in sorted(processes(run))]
    left += [f"namespace {path.name}" for path in _namespaces(run)]
    left += [f"interface {run.link}"] if (_LINKS / run.link).exists() else []
    left += [f"cgroup {path}" for path in _cgroups(run)]
    left += [f"directory {path}" for path in _directories() if run.owns(path.name)]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return left + [f"mount {line.split()[1]}" for line in mounts if str(run) in line]


def _namespaces(run: RunName) -> list[Path]:
    return [path for path in _listed(NAMESPACES) if run.owns(path.name)]


def _directories() -> Iterator[Path]:
    for base in sorted({Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")}):
        yield from base.glob("bramble-lab-*")


def _cgroup_roots() -> Iterator[Path]:
    """Cgroup version 2 has one tree at the top; version 1, and the mixed form, one below each controller."""
    for pattern in ("bramble-lab-*", "*/bramble-lab-*"):
        yield from _CGROUPS.glob(pattern)


def _cgroups(run: RunName) -> list[Path]:
    return [path for path in _cgroup_roots() if run.owns(path.name)]


def _remove_cgroup(root: Path) -> None:
    for directory, _, _ in os.walk(root, topdown=False):
        deadline_mono_s = time.monotonic() + _PATIENCE_S
        while os.path.exists(directory) and time.monotonic() < deadline_mono_s:  # noqa: PTH110  walk gives strings
            try:
                os.rmdir(directory)  # noqa: PTH106
            except OSError:  # its last process is dead but not yet gone
                time.sleep(_POLL_S)


def _belongs(pid: int, rooms: set[int | None], cgroup: str, mark: bytes | None) -> bool:
    """Look at one process; one that ends meanwhile belongs to nobody, and so does one that is dead already."""
    proc = Path(f"/proc/{pid}")
    try:
        if _inode(proc / "ns/net") in rooms or cgroup in (proc / "cgroup").read_text():
            return (proc / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        return mark is not None and mark in (proc / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _all_processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _listed(directory: Path) -> list[Path]:
    return sorted(directory.iterdir()) if directory.is_dir() else []


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None
