"""The agent's own releases on the disk: what stands there, making one ready, and handing over to the launcher.

Making ready goes on in a thread, and its answer arrives in the inbox. The other acts are a few files, written and synced at once by
the loop's thread: after the commit that they follow from, and before the process ends for them.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from agent.launcher.markers import HAND_OVER, LAUNCH, RELEASE, RELEASES, SUPERVISED, Try, Verdict
from protocol.release import BASE, Release

if TYPE_CHECKING:
    from agent.adapters.installation import Installation


class Releases:
    """The folder of the releases, as the launcher told us of it."""

    def __init__(self, environ: Mapping[str, str], deliver: Callable[[object], object]) -> None:
        self._folder = Path(environ.get(RELEASES, ""))
        self._name, self._is_launched = environ.get(RELEASE, BASE), RELEASES in environ
        self._launch: list[str] = json.loads(environ.get(LAUNCH, "[]"))
        self._is_supervised = SUPERVISED in environ
        self._deliver = deliver
        self._installation: Installation | None = None
        self._fault, self._error = self._made(), ""
        self.hands_over = False
        self.end: Callable[[], object] = lambda: None

    def look(self) -> ReleaseSeen:
        """What stands on the disk."""
        if not self._is_launched:
            return ReleaseSeen()
        what, verdict = markers.trying(self._folder), markers.verdict(self._folder)
        return ReleaseSeen(
            _revision(self._folder, self._name),
            frozenset({BASE, *self._complete()}),
            _key(what) if what is not None else None,
            _key(verdict) if verdict is not None else None,
            verdict.reason if verdict is not None else "",
            self._fault,
        )

    def give(self, effect: ReleaseEffect) -> None:
        """Have it done."""
        match effect:
            case StageRelease():
                self.close()
                threading.Thread(target=self._stage, args=(effect,), name="release", daemon=True).start()
            case SwitchRelease():
                self._act(lambda: markers.write(self._folder, _try(effect)))
                self._end_unless_failed()
            case KeepRelease():
                self._act(lambda: markers.keep(self._folder, self._name))
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
        if self._installation is not None:
            self._installation.cancel()

    def _made(self) -> str:
        if not self._is_launched:
            return ""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return f"{self._folder} cannot be made: {error.strerror}"
        return "" if os.access(self._folder, os.W_OK) else f"{self._folder} cannot be written by this agent"

    def _complete(self) -> list[str]:
        names = [path.parent.name for path in self._folder.glob(f"*/{markers.COMPLETE}")]
        return [_revision(self._folder, name) for name in names if markers.is_complete(self._folder, name)]

    def _stage(self, effect: StageRelease) -> None:
        from agent.adapters.installation import Installation, prune  # noqa: PLC0415 - 4 MB, for one hour of a year

        name = folder_of(effect.release)
        prune(self._folder, name, self._name)
        if name == self._name:  # its mark is damaged; to make it anew would take its modules from under us
            outcome: Outcome = GiveUp(f"{name} runs, and no longer says that it is whole; go to another release first")
        else:
            self._installation = Installation(self._folder, name, effect.release)
            outcome = self._installation.make()
            self._installation = None
        self._deliver(ReleaseStaged(effect.key, outcome, self.look()))

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
        what = markers.trying(self._folder)
        if what is not None and what.name == self._name:
            markers.write(self._folder, markers.verdict_on(what, reason))


def folder_of(release: Release) -> str:
    """Where a release stands; two sources of one version are two releases."""
    return f"{release.version}-{release.revision}" if release.version else BASE


def _try(effect: SwitchRelease) -> Try:
    key = effect.key
    name = folder_of(effect.release)
    return Try(name, key.rollout, key.task, key.revision, effect.nonce, effect.within_s)


def _key(what: Try | Verdict) -> OfferKey:
    return OfferKey(what.rollout, what.task, what.revision)


def _revision(folder: Path, name: str) -> str:
    """The revision of a release that stands in a folder; its name where it does not say."""
    if name == BASE:
        return BASE
    try:
        document: Any = json.loads((folder / name / markers.COMPLETE).read_text())
        return str(document["revision"])
    except (OSError, ValueError, KeyError, TypeError):
        return name
