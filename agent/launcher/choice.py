"""Which release is started next: a function of what stands on the disk and of how the last one ended. Pure.

One that is tried is started at most STARTS_MOST times, so that a release which takes the whole node down is not tried after every
boot. Whatever is seen of it before it is kept (an end, too long a silence) ends the try. What was being decided when the power went
is decided again from the files, and comes out the same.

Where releases are containers each has a launcher of its own, over the same files: the one whose release is on trial starts it, and
whoever is not in charge gives way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from agent.launcher.markers import BASE, Try, Verdict, is_about

STARTS_MOST = 3
"""Of one try: two power cuts in a row are weather."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands on the disk. `fit` are the releases that are whole and have not refused to start; `ended` is how a try ended.

    `us` is the release whose launcher this is, and `hosts` says of each release in which one it is started; left out, in the base.
    """

    current: str = BASE
    previous: str = BASE
    trying: Try | None = None
    verdict: Verdict | None = None
    fit: frozenset[str] = frozenset({BASE})
    ended: str = ""
    us: str = BASE
    hosts: Mapping[str, str] = field(default_factory=dict)

    def host(self, name: str) -> str:
        """In which release another is started."""
        return self.hosts.get(name, BASE)


@dataclass(frozen=True, slots=True)
class Start:
    """Start a release that was kept; with a `notice` if it is not the one that should be."""

    name: str
    notice: str = ""


@dataclass(frozen=True, slots=True)
class TryOut:
    """Start a release on trial, once more."""

    what: Try


@dataclass(frozen=True, slots=True)
class Return:
    """Say why a try is over, and forget it."""

    what: Try
    reason: str


@dataclass(frozen=True, slots=True)
class GiveWay:
    """Have the container of another release run in the place of ours."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Forget a try that is over already: the power went between the two halves of ending it."""


def choose(seen: Seen) -> Start | TryOut | Return | Clear | GiveWay:
    """What to do next."""
    what = seen.trying
    if what is not None and (what.name == seen.current or is_about(seen.verdict, what)):
        return Clear()
    if what is not None and what.name == seen.us != seen.host(seen.current):
        return Start(seen.us)  # the launcher that is in charge waits for us in another container, and counts the time
    standing = kept(seen)
    return standing if what is None or isinstance(standing, GiveWay) else _tried(seen, what)


def _tried(seen: Seen, what: Try) -> TryOut | Return:
    if seen.ended:
        return Return(what, seen.ended)
    if what.name not in seen.fit or seen.host(what.name) not in (seen.us, what.name):
        return Return(what, f"{what.name} is not whole on the disk, or cannot be started")
    if what.attempts >= STARTS_MOST:
        return Return(what, f"the node or its launcher ended {what.attempts} times while it was tried")
    return TryOut(replace(what, attempts=what.attempts + 1))


def kept(seen: Seen) -> Start | GiveWay:
    """What is to run where nothing is tried."""
    for name in (seen.current, seen.previous):
        if name in seen.fit and seen.host(name) != seen.us:
            return GiveWay(seen.host(name))
        if name in seen.fit:
            return Start(name, "" if name == seen.current else f"{seen.current} cannot be started")
    return Start(seen.us, f"neither {seen.current} nor {seen.previous} can be started")
