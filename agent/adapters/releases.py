"""The agent's own releases on the disk: what stands there, making one ready, and handing over to the launcher.

Making ready goes on in a thread, and its answer arrives in the inbox. The other acts are a few files, written and synced at once by
the loop's thread: after the commit that they follow from, and before the process ends for them.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from typing import Protocol as Seam

from agent.adapters import boxes
from agent.decide.inputs import GiveUp, Outcome
from agent.decide.release import (
    KeepRelease,
    LeaveRelease,
    OfferKey,
    ReleaseEffect,
    ReleaseMoved,
    ReleaseSeen,
    ReleaseStaged,
    StageRelease,
    SwitchRelease,
)
from agent.launcher import markers
from agent.launcher.disk import Disk
from agent.launcher.markers import HAND_OVER, LAUNCH, OURS, RELEASE, RELEASES, SUPERVISED, Try, Verdict
from protocol.release import BASE, Release

if TYPE_CHECKING:
    from agent.adapters.installation import Installation

Told = Callable[[Outcome], object]


class Making(Seam):
    """Whoever makes a release stand complete on a disk."""

    def begin(self, name: str, asked: StageRelease, running: str, told: Told) -> None:
        """Clear away what nobody can start any more, begin with this one, and tell what came of it."""

    def close(self) -> None:
        """End what is under way."""


class Releases:
    """The folder of the releases, as the launcher told us of it."""

    def __init__(
        self,
        environ: Mapping[str, str],
        deliver: Callable[[object], object],
        disk: Disk | None = None,
        making: Making | None = None,
    ) -> None:
        self._disk = disk or Disk(Path(environ.get(RELEASES, "")))
        self._us = environ.get(OURS, BASE)
        self._name, self._is_launched = environ.get(RELEASE, BASE), RELEASES in environ
        self._launch: list[str] = json.loads(environ.get(LAUNCH, "[]"))
        self._is_supervised = SUPERVISED in environ
        self._deliver = deliver
        self._image = boxes.own_image(environ, self._disk) if self._is_launched else ""
        self._making: Making = making or Thread(self._disk, self._us)
        self._fault, self._error = self._disk.make() if self._is_launched else "", ""
        self.hands_over = False
        self.end: Callable[[], object] = lambda: None

    def look(self) -> ReleaseSeen:
        """What stands on the disk."""
        if not self._is_launched:
            return ReleaseSeen()
        what, verdict = markers.trying(self._disk), markers.verdict(self._disk)
        return ReleaseSeen(
            _revision(self._disk, self._name),
            frozenset({BASE, *self._complete()}),
            _key(what) if what is not None else None,
            _key(verdict) if verdict is not None else None,
            verdict.reason if verdict is not None else "",
            self._fault,
            self._image,
        )

    def give(self, effect: ReleaseEffect) -> None:
        """Have it done."""
        match effect:
            case StageRelease():
                self._stage(effect)
            case SwitchRelease():
                self._act(lambda: markers.write(self._disk, _try(effect)))
                if self._error:  # one that a launcher could not end would be tried behind the controller's back
                    with suppress(OSError):
                        markers.forget_try(self._disk)
                self._end_unless_failed()
            case KeepRelease():
                self._act(lambda: markers.keep(self._disk, self._name))
                self._deliver(ReleaseMoved(self.look(), self._error))
            case LeaveRelease():
                self._act(lambda: self._leave(effect.reason))
                self._end_unless_failed()

    def hand_over(self) -> int:
        """Become the launcher again, or end so that the one that waits for us goes on; for a process that has closed everything."""
        if not self._is_supervised and self._launch:
            os.execv(self._launch[0], self._launch)  # noqa: S606 - told by the launcher that started us
        return HAND_OVER

    def close(self) -> None:
        """End what is being made."""
        self._making.close()

    def _complete(self) -> list[str]:
        if self._fault:
            return []
        names = (name for name in self._disk.folders() if self._is_here(name))
        return [_revision(self._disk, name) for name in names]

    def _is_here(self, name: str) -> bool:
        """Whether a release can be tried from here: a whole one that was made here, or a container."""
        is_box = markers.box(self._disk, name) is not None
        return is_box or (markers.is_complete(self._disk, name) and markers.host_of(self._disk, name) == self._us)

    def _stage(self, effect: StageRelease) -> None:
        name = folder_of(effect.release)
        self.close()
        if name == self._name:  # its mark is damaged; to make it anew would take its modules from under us
            gone = GiveUp(f"{name} runs, and no longer says that it is whole; go to another release first")
            self._deliver(ReleaseStaged(effect.key, gone, self.look()))
            return

        def told(outcome: Outcome) -> None:
            self._deliver(ReleaseStaged(effect.key, outcome, self.look()))

        self._making.begin(name, effect, self._name, told)

    def _act(self, act: Callable[[], object]) -> None:
        self._error = ""
        try:
            act()
        except OSError as error:
            self._error = f"the releases cannot be written: {error.strerror or error}"

    def _end_unless_failed(self) -> None:
        if self._error:
            self._deliver(ReleaseMoved(self.look(), self._error))
            return
        self.hands_over = True
        self.end()

    def _leave(self, reason: str) -> None:
        what = markers.trying(self._disk)
        if what is not None and what.name == self._name:
            markers.write(self._disk, markers.verdict_on(what, reason))


class Thread:
    """Makes a release in a thread of its own, one at a time, from within the release that is our container, if any."""

    def __init__(self, disk: Disk, us: str) -> None:
        self._disk, self._us = disk, us
        self._installation: Installation | None = None

    def begin(self, name: str, asked: StageRelease, running: str, told: Told) -> None:
        """Clear away what nobody can start any more, begin with this one, and tell what came of it."""
        threading.Thread(target=self._make, args=(name, asked, running, told), name="release", daemon=True).start()

    def close(self) -> None:
        """End what is under way."""
        if self._installation is not None:
            self._installation.cancel()

    def _make(self, name: str, asked: StageRelease, running: str, told: Told) -> None:
        from agent.adapters.installation import Installation  # noqa: PLC0415 - 4 MB, for one hour of a year

        boxes.prune(self._disk, name, running, self._us)
        if asked.release.image:
            told(boxes.make(self._disk, name, asked, self._us))
            return
        self._installation = Installation(self._disk.folder, name, asked.release, self._us)
        outcome = self._installation.make()
        self._installation = None
        told(outcome)


def folder_of(release: Release) -> str:
    """Where a release stands; two sources of one version are two releases."""
    if release.image:
        return f"image-{release.revision}"
    return f"{release.version}-{release.revision}" if release.version else BASE


def _try(effect: SwitchRelease) -> Try:
    key = effect.key
    name = folder_of(effect.release)
    return Try(name, key.rollout, key.task, key.revision, effect.nonce, effect.within_s)


def _key(what: Try | Verdict) -> OfferKey:
    return OfferKey(what.rollout, what.task, what.revision)


def _revision(disk: Disk, name: str) -> str:
    """The revision of a release that stands in a folder; its name where it does not say."""
    if name == BASE:
        return BASE
    try:
        document: Any = json.loads(disk.text(f"{name}/{markers.COMPLETE}"))
        return str(document["revision"])
    except (OSError, ValueError, KeyError, TypeError):
        return name
