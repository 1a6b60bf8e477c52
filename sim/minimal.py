"""A history that breaks a promise, made short: as few of its faults and deeds as still break it, and no longer than they need.

Delta debugging (Zeller's `ddmin`) over the numbers of its steps. A shorter history counts when it breaks the same promise, in
whatever words. Each trial is a whole history, so there is a most of them; what is left then is not always the least.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sim.history import Course, Plan, history
from sim.steps import Recording, Replay

TRIALS_MOST = 60
"""About a minute; most histories are down to a few steps after twenty."""

TELLING = ("fate", "operator", "history", "broker")
"""Whose lines of a trace make the short story of it."""

AFTER_S = (1.0, 20.0, 60.0)
"""Between the last step that is kept and the healing of everything: what is tried, the shortest first."""


@dataclass(frozen=True, slots=True)
class Minimal:
    """The short history: how many steps of how many it took, and how it went."""

    course: Course
    kept: int
    steps: int
    trials: int

    @property
    def story(self) -> tuple[str, ...]:
        """What was done to the fleet, and what came of it."""
        return tuple(line for line in self.course.trace if _speaker(line) in TELLING)


def minimised(seed: int, plan: Plan) -> Minimal | None:
    """Make a history short; None if it breaks no promise."""
    recording = Recording()
    whole = history(seed, plan, recording)
    if not whole.broken:
        return None
    search = _Search(seed, plan, recording, whole)
    numbers = range(len(recording.moments))
    kept = least(numbers, search.fails)
    search.shorten(kept)
    return Minimal(search.shortest, len(kept), len(numbers), search.trials)


def least(numbers: Sequence[int], fails: Callable[[Sequence[int]], bool]) -> list[int]:
    """As few of these as still fail, without trying every set: leave out ever smaller parts as long as it fails without them."""
    kept, parts = list(numbers), 2
    if not kept or fails(()):
        return []
    while len(kept) > 1:
        size = -(-len(kept) // parts)
        rests = ([*kept[:first], *kept[first + size :]] for first in range(0, len(kept), size))
        rest = next((rest for rest in rests if fails(rest)), None)
        if rest is not None:
            kept, parts = rest, max(parts - 1, 2)
        elif size == 1:
            break
        else:
            parts = min(len(kept), parts * 2)
    return kept


class _Search:
    """The trials of one history. `shortest` is the last that still failed."""

    def __init__(self, seed: int, plan: Plan, recording: Recording, whole: Course) -> None:
        self._seed, self._plan, self._recording = seed, plan, recording
        self._promise = promise_of(whole.broken)
        self.shortest, self.trials = whole, 0

    def fails(self, kept: Sequence[int]) -> bool:
        """Whether the history breaks the same promise with these steps alone."""
        return self._try(self._plan, kept)

    def shorten(self, kept: Sequence[int]) -> None:
        """Let everything heal soon after the last step that is kept, if that still fails. In a series each is short as it is."""
        if self._plan.series > 1:
            return
        at_s = last_fault_s(self.shortest) - self.shortest.begun_s
        spans = (at_s + after_s for after_s in AFTER_S if at_s + after_s < self._plan.seconds)
        any(self._try(replace(self._plan, seconds=seconds), kept) for seconds in spans)

    def _try(self, plan: Plan, kept: Sequence[int]) -> bool:
        if self.trials >= TRIALS_MOST:
            return False
        self.trials += 1
        course = history(self._seed, plan, Replay(self._recording, frozenset(kept)))
        if promise_of(course.broken) != self._promise:
            return False
        self.shortest = course
        return True


def promise_of(broken: str) -> str:
    """Which promise a sentence is about: its name, or that the fleet did not come to rest."""
    name, colon, _ = broken.partition(": ")
    return "rest" if colon and name.startswith("after ") else name


def last_fault_s(course: Course) -> float:
    """When the last step was taken, before everything healed."""
    lines = [line for line in course.trace if _speaker(line) in ("fate", "operator")]
    healed = next((place for place, line in enumerate(lines) if line.endswith("heals everything")), len(lines))
    return max((float(line[:10]) for line in lines[:healed]), default=0.0)


def _speaker(line: str) -> str:
    return line[11:].partition(" ")[0]
