"""A launcher's way from its start until a process has taken its place: it chooses by the disk, and writes there what it decides.

What it remembers itself is little, and may be lost with it: which releases refused to start, and how the last try ended. Starting
processes is for its owner.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from agent.launcher import markers
from agent.launcher.choice import Clear, GiveWay, Return, Seen, Start, TryOut, choose, kept
from agent.launcher.disk import Disk
from agent.launcher.vigil import Ending


@dataclass(slots=True)
class Way:
    """One launcher, of the release `us`. `tell` hears a sentence for people."""

    disk: Disk
    tell: Callable[[str], object]
    us: str = markers.BASE
    broken: set[str] = field(default_factory=set)
    ended: str = ""

    def next(self) -> Start | TryOut | GiveWay:
        """Put the disk in order, and say what is to be started: what was kept, where nothing can be written."""
        while True:
            choice, self.ended = choose(self.look()), ""
            try:
                if not isinstance(choice, Clear | Return):
                    return self._about(choice)
                self._over(choice)
            except OSError as error:
                self.tell(f"nothing can be written beside the releases: {error.strerror or error}")
                with suppress(OSError):  # a removal needs no room; what could not be counted or told is asked for anew
                    markers.forget_try(self.disk)
                return self._about(kept(self.look()))

    def _about(self, choice: Start | TryOut | GiveWay) -> Start | TryOut | GiveWay:
        match choice:
            case TryOut(what):
                self.tell(f"tries {what.name} for {what.within_s:g} s, start {what.attempts}")
                markers.write(self.disk, what)
            case GiveWay(name):
                self.tell(f"gives way to {name}")
            case Start(name, notice) if notice:
                self.tell(f"starts {name}: {notice}")
        return choice

    def _over(self, choice: Clear | Return) -> None:
        if isinstance(choice, Return):
            self.tell(f"gives {choice.what.name} up: {choice.reason}")
            markers.write(self.disk, markers.verdict_on(choice.what, choice.reason))
        markers.forget_try(self.disk)

    def tried(self, ending: Ending | OSError) -> int | None:
        """A try has ended: with which status we are to end too, None if there is something to start."""
        if isinstance(ending, OSError):
            self.ended = f"it cannot be started: {ending.strerror}"
        elif ending.was_stopped:
            return 0
        elif not ending.was_kept:
            self.ended = ending.reason
        elif ending.code != markers.HAND_OVER:
            return ending.code if ending.code >= 0 else 128 - ending.code
        return None

    def refused(self, name: str, error: OSError) -> None:
        """A release cannot be started."""
        self.tell(f"{name} cannot be started: {error}")
        self.broken.add(name)

    def look(self) -> Seen:
        """What stands on the disk."""
        current, previous = (markers.linked(self.disk, link) for link in (markers.CURRENT, markers.PREVIOUS))
        what = markers.trying(self.disk)
        names = {current, previous, markers.BASE} | ({what.name} if what else set())
        hosts = {name: markers.host_of(self.disk, name) for name in names}
        fit = frozenset(name for name in names if self._is_fit(name, hosts[name]))
        return Seen(current, previous, what, markers.verdict(self.disk), fit, self.ended, self.us, hosts)

    def _is_fit(self, name: str, host: str) -> bool:
        """Whether a release is whole, and neither it nor what it is started in has refused to start."""
        is_whole = name in (self.us, host) or markers.is_complete(self.disk, name)
        return is_whole and not self.broken & {name, host}
