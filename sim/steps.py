"""The steps of a history, faults and an operator's deeds, so that it can be lived through again without some of them.

What each step does is drawn when it comes. A recording keeps the state of chance before and after every step; a replay puts both
back, so a step that is taken does the same to the same node as in the recording, and one that is left out changes no later one.
Without a recording nothing is kept and nothing put back.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_Moment = tuple[Any, Any]
"""The state of chance before and after a step."""


@dataclass(slots=True)
class Recording:
    """Every step of one history, by number."""

    moments: list[_Moment] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Replay:
    """The same history with only these steps; what would come after the recorded ones does not come."""

    recording: Recording
    kept: frozenset[int]


class Steps:
    """Takes the steps of one history, and of those of its series before it, in order."""

    def __init__(self, told: Recording | Replay | None = None) -> None:
        self._told = told
        self._number = 0

    def take(self, chances: random.Random, act: Callable[[], None]) -> None:
        """Take the next step, unless it is left out."""
        number, self._number = self._number, self._number + 1
        match self._told:
            case Recording():
                before = chances.getstate()
                act()
                self._told.moments.append((before, chances.getstate()))
            case Replay() if number < len(self._told.recording.moments):
                before, after = self._told.recording.moments[number]
                chances.setstate(before)
                if number in self._told.kept:
                    act()
                chances.setstate(after)
            case None:
                act()
