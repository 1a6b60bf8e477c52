"""Reading a report: strictly first, which costs nothing between equals, and openly where a newer peer tells more. Pure.

What is passed over is a key that this side does not know. A word of a closed list that it does not know is read as the one by
which nobody acts too early (`OTHERWISE`). The first of either is told. Anything else that is wrong is refused, as it is in what
asks for something.
"""

from __future__ import annotations

import re
from typing import Generic, TypeVar

from protocol.observed import Clock, Link, OfferState, ResultStatus, TaskState
from protocol.operator import Verdict
from protocol.shapes import UNKNOWN, Others, Shape

T = TypeVar("T")

OTHERWISE: Others = (
    Link.ONLINE,  # who says anything is there; if not, its silence will tell
    TaskState.PREPARING,  # neither runs nor is over: nothing is counted, released or placed anew
    OfferState.TRYING,  # moves no slot: one that is held stays so, and one that waits goes on waiting
    Clock.GUESS,  # nobody relies on it
    ResultStatus.FAILED,  # it is over and not known to be done: its input is kept, and whoever asked to be told is called
    Verdict.REFUSED,  # not known to be accepted
)
"""What a word means that is not in its list here, one for each list of a report."""

UNKNOWN_CHARS = 100
"""Whoever says it may be anybody, and it is told to people."""

_NEW_WORD = re.compile(r"(?P<path>.*?): input should be .*, not (?P<word>'.*')\Z", re.DOTALL)


class Report(Generic[T]):
    """Reads values of one dataclass that tells how something stands."""

    __slots__ = ("_open", "_strict")

    def __init__(self, cls: type[T]) -> None:
        """Name the dataclass; nothing is built yet."""
        self._strict, self._open = Shape(cls), Shape(cls, OTHERWISE)

    def read(self, document: object) -> tuple[T | str, str]:
        """The value and the first of what was passed over; or one sentence that says where the document is wrong."""
        strictly = self._strict.read(document)
        if not isinstance(strictly, str):
            return strictly, ""
        openly = self._open.read(document)
        return openly, "" if isinstance(openly, str) else _passed_over(strictly)


def _passed_over(sentence: str) -> str:
    """What a strict reader stumbled over, in short: `tasks.0.mood`, or `tasks.0.state 'resting'`."""
    found = _NEW_WORD.match(sentence)
    short = f"{found['path']} {found['word']}" if found else sentence.removesuffix(UNKNOWN)
    return short[:UNKNOWN_CHARS]
