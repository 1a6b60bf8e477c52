"""The files by which releases agree, whatever release reads or writes them: a folder for each, two links, a try, and its verdict.

    releases/0.2.0-1f3a…/          a whole virtual environment; its file `complete` was written last
    releases/current -> 0.2.0-1f3a…    what is started; without it the base, which is what was installed by hand
    releases/previous -> base          what was started before
    releases/trying.json           the release that is being tried, for how long, and how often it was started
    releases/verdict.json          why the last one that was not kept was not
    releases/image-1f3a…/complete  a release that is a container: which one, and when its engine starts it by itself
    releases/base.json             the same of the base, where that is one

Each file is whole or not there: it is written beside, synced, renamed, and the folder synced (a power cut leaves the old or the
new). Releases of all ages read these: a key may be added and none may change. Standard library only; errors go to the caller.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from agent.launcher.disk import Disk

BASE = "base"
CURRENT, PREVIOUS = "current", "previous"
TRYING, VERDICT = "trying.json", "verdict.json"
COMPLETE = "complete"

RELEASES, RELEASE, LAUNCH, SUPERVISED = "BRAMBLE_RELEASES", "BRAMBLE_RELEASE", "BRAMBLE_LAUNCH", "BRAMBLE_SUPERVISED"
"""What an agent is told: the folder of the releases, the name of its own, how to start the launcher again, whether one waits."""

OURS = "BRAMBLE_CONTAINER"
"""What a container is told that was made for a release: which one it is. One that was made by hand is the base."""

BOX = "base.json"

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""An environment belongs to one: when the system's Python is another, after an upgrade, its releases are of no use."""

HAND_OVER = 75
"""With this an agent on trial, or one that was, says that another is to be tried (EX_TEMPFAIL of sysexits.h)."""

T = TypeVar("T", bound="Try | Verdict")

_KINDS: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float)}


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


@dataclass(frozen=True, slots=True)
class Box:
    """The container that a release is, and the restart policy that it has while it is in charge."""

    container: str
    restart: dict[str, Any]


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


def linked(disk: Disk, link: str) -> str:
    """The release that a link names; the base where there is none."""
    try:
        return disk.target(link) or BASE
    except OSError:
        return BASE


def point(disk: Disk, link: str, name: str) -> None:
    """Have a link name a release, from one instant to the next."""
    beside = f".{link}.new"
    disk.link(beside, name)
    disk.rename(beside, link)
    disk.sync()


def keep(disk: Disk, name: str) -> None:
    """Have a release that was tried be the one that is started from now on."""
    before = linked(disk, CURRENT)
    if before != name:
        point(disk, PREVIOUS, before)
        point(disk, CURRENT, name)
    forget_try(disk)


def is_complete(disk: Disk, name: str) -> bool:
    """Whether a release stands whole on the disk, made with the Python that is here; the base always does."""
    if name == BASE:
        return True
    try:
        document: Any = json.loads(disk.text(f"{name}/{COMPLETE}") or "{}")
        return bool(document.get("python", PYTHON) == PYTHON)
    except (OSError, ValueError, AttributeError):
        return False


def complete(disk: Disk, name: str, version: str, revision: str, host: str = BASE) -> None:
    """Say that a release stands whole on the disk, made within a host: the last thing that is done to it."""
    document = {"version": version, "revision": revision, "python": PYTHON, "host": host}
    put(disk, f"{name}/{COMPLETE}", json.dumps(document))


def complete_box(disk: Disk, name: str, revision: str, made: Box) -> None:
    """Say that a release is a container that was made."""
    put(disk, f"{name}/{COMPLETE}", json.dumps({"revision": revision, **asdict(made)}))


def remember_base(disk: Disk, made: Box) -> None:
    """Write down which container the base is."""
    put(disk, BOX, json.dumps(asdict(made)))


def box(disk: Disk, name: str) -> Box | None:
    """The container that a release is, if it is one."""
    try:
        document: Any = json.loads(disk.text(BOX if name == BASE else f"{name}/{COMPLETE}"))
        return Box(str(document["container"]), dict(document["restart"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def host_of(disk: Disk, name: str) -> str:
    """Within which release another is started: itself if it is a container, else the one that it was made in."""
    if name == BASE or box(disk, name) is not None:
        return name
    try:
        return str(json.loads(disk.text(f"{name}/{COMPLETE}")).get("host", BASE))
    except (OSError, ValueError, AttributeError):
        return BASE


def prune(disk: Disk, *wanted: str) -> None:
    """Remove every release but these, the one that is started, the one before it and the one on trial."""
    what = trying(disk)
    kept = {*wanted, linked(disk, CURRENT), linked(disk, PREVIOUS)}
    kept |= {what.name} if what is not None else set()
    for name in disk.folders():
        if name not in kept:
            disk.remove(f"{name}/{COMPLETE}")  # what is half removed must not look whole
            disk.clear(name)


def trying(disk: Disk) -> Try | None:
    """What is being tried."""
    return _read(disk, TRYING, Try)


def verdict(disk: Disk) -> Verdict | None:
    """The last verdict."""
    return _read(disk, VERDICT, Verdict)


def write(disk: Disk, what: Try | Verdict) -> None:
    """Write a try or a verdict."""
    put(disk, TRYING if isinstance(what, Try) else VERDICT, json.dumps(asdict(what)))


def forget_try(disk: Disk) -> None:
    """Nothing is being tried any more."""
    disk.remove(TRYING)
    disk.sync()


def put(disk: Disk, name: str, text: str) -> None:
    """Write a file whole or not at all."""
    folder, slash, last = name.rpartition("/")
    beside = f"{folder}{slash}.{last}.new"
    disk.write(beside, text)
    disk.rename(beside, name)
    disk.sync(folder or ".")


def _read(disk: Disk, name: str, kind: type[T]) -> T | None:
    """A file as this release understands it: keys it does not know are a later one's, and left alone; a damaged one is none."""
    try:
        document: Any = json.loads(disk.text(name))
        known = {field.name for field in fields(kind)}
        made = kind(**{name: value for name, value in document.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    is_whole = all(isinstance(getattr(made, field.name), _KINDS[str(field.type)]) for field in fields(kind))
    return made if is_whole and _is_plain(made.name) else None


def _is_plain(name: str) -> bool:
    """Whether a name stays in the folder."""
    return bool(name) and "/" not in name and not name.startswith(".")
