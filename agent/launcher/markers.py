"""The files by which releases agree, whatever release reads or writes them: a folder for each, two links, a try, and its verdict.

    releases/0.2.0-1f3a…/          a whole virtual environment; its file `complete` was written last
    releases/current -> 0.2.0-1f3a…    what is started; without it the base, which is what was installed by hand
    releases/previous -> base          what was started before
    releases/trying.json           the release that is being tried, for how long, and how often it was started
    releases/verdict.json          why the last one that was not kept was not

Each file is whole or not there: it is written beside, synced, renamed, and the folder synced (a power cut leaves the old or the
new). Releases of all ages read these: a key may be added and none may change. Standard library only; errors go to the caller.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

BASE = "base"
CURRENT, PREVIOUS = "current", "previous"
TRYING, VERDICT = "trying.json", "verdict.json"
COMPLETE = "complete"

RELEASES, RELEASE, LAUNCH, SUPERVISED = "BRAMBLE_RELEASES", "BRAMBLE_RELEASE", "BRAMBLE_LAUNCH", "BRAMBLE_SUPERVISED"
"""What an agent is told: the folder of the releases, the name of its own, how to start the launcher again, whether one waits."""

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""An environment belongs to one: when the system's Python is another, after an upgrade, its releases are of no use."""

HAND_OVER = 75
"""With this an agent on trial, or one that was, says that another is to be tried (EX_TEMPFAIL of sysexits.h)."""

T = TypeVar("T", bound="Try | Verdict")


@dataclass(frozen=True, slots=True)
class Try:
    """A release that is being tried: the folder `name`, for an offer of a `rollout`, granted under `nonce`.

    It is started `attempts` times by now, and has `within_s` each time until it must have been kept.
    """

    name: str
    rollout: str = ""
    task: str = ""
    revision: str = ""
    nonce: str = ""
    within_s: float = 360.0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a release was not kept, for the agent that is started in its place to tell."""

    name: str
    rollout: str = ""
    task: str = ""
    revision: str = ""
    nonce: str = ""
    reason: str = ""


def verdict_on(what: Try, reason: str) -> Verdict:
    """The verdict on a try."""
    return Verdict(what.name, what.rollout, what.task, what.revision, what.nonce, reason)


def is_about(verdict: Verdict | None, what: Try) -> bool:
    """Whether a verdict is on this very try."""
    return verdict is not None and (verdict.name, verdict.rollout, verdict.nonce) == (
        what.name,
        what.rollout,
        what.nonce,
    )


def linked(folder: Path, link: str) -> str:
    """The release that a link names; the base where there is none."""
    try:
        return (folder / link).readlink().name or BASE
    except OSError:
        return BASE


def point(folder: Path, link: str, name: str) -> None:
    """Have a link name a release, from one instant to the next."""
    beside = folder / f".{link}.new"
    beside.unlink(missing_ok=True)
    beside.symlink_to(name)
    beside.rename(folder / link)
    sync(folder)


def keep(folder: Path, name: str) -> None:
    """Have a release that was tried be the one that is started from now on."""
    before = linked(folder, CURRENT)
    if before != name:
        point(folder, PREVIOUS, before)
        point(folder, CURRENT, name)
    forget_try(folder)


def is_complete(folder: Path, name: str) -> bool:
    """Whether a release stands whole on the disk, made with the Python that is here; the base always does."""
    if name == BASE:
        return True
    try:
        document: Any = json.loads((folder / name / COMPLETE).read_text() or "{}")
        return bool(document.get("python", PYTHON) == PYTHON)
    except (OSError, ValueError, AttributeError):
        return False


def trying(folder: Path) -> Try | None:
    """What is being tried."""
    return _read(folder / TRYING, Try)


def verdict(folder: Path) -> Verdict | None:
    """The last verdict."""
    return _read(folder / VERDICT, Verdict)


def write(folder: Path, what: Try | Verdict) -> None:
    """Write a try or a verdict."""
    put(folder / (TRYING if isinstance(what, Try) else VERDICT), json.dumps(asdict(what)))


def forget_try(folder: Path) -> None:
    """Nothing is being tried any more."""
    (folder / TRYING).unlink(missing_ok=True)
    sync(folder)


def put(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Have the names in a folder reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, kind: type[T]) -> T | None:
    """A file as this release understands it: keys that it does not know are a later one's, and left alone."""
    try:
        document: Any = json.loads(path.read_text())
        known = {field.name for field in fields(kind)}
        made = kind(**{name: value for name, value in document.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return made if isinstance(made.name, str) and _is_plain(made.name) else None


def _is_plain(name: str) -> bool:
    """Whether a name stays in the folder."""
    return bool(name) and "/" not in name and not name.startswith(".")
