"""Histories that go on from shared beginnings, each in a process forked for it.

Half of what a short history costs is its beginning: three stores, the first hellos, the first revision of everything. A process
that lives through thousands keeps each beginning that it has come to, forks for each history, and its child goes on with copies of
the files. The same history, byte for byte, as in a process that begins anew: nothing but files is left outside a process.
"""

from __future__ import annotations

import gc
import os
import pickle
import traceback
from multiprocessing.util import Finalize
from typing import Any

from sim.history import Begun, Course, Plan, beginning_of, begun, gone_on, history

FIRST = 10
"""When a process ends, before its parent's files go."""


class ForkError(Exception):
    """A history could not be lived through: what its process said."""


class Forks:
    """The beginnings of this process, for histories of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[int, Begun] = {}
        Finalize(self, self.close, exitpriority=FIRST)

    def close(self) -> None:
        """Let go of all files."""
        for one in self._known.values():
            one.fleet.close()
        self._known.clear()

    def course(self, seed: int) -> Course:
        """Live through one history."""
        number = beginning_of(seed, self._plan)
        if number == seed:
            return history(seed, self._plan)
        if number not in self._known:
            self._known[number] = begun(number, self._plan)
            gc.freeze()  # a sweep in a child would copy every page that it looks at
        return _apart(self._known[number], seed, self._plan)


def _apart(shared: Begun, seed: int, plan: Plan) -> Course:
    """Go on in a process of its own, and hear how it went."""
    hears, says = os.pipe()
    child = os.fork()
    if child == 0:
        _told(shared, seed, plan, says)
    os.close(says)
    with os.fdopen(hears, "rb") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    course: Any = pickle.loads(said) if said else "its process died"  # noqa: S301 - of our own child
    if not isinstance(course, Course):
        raise ForkError(f"seed {seed}: {course}")
    return course


def _told(shared: Begun, seed: int, plan: Plan, says: int) -> None:
    """Go on, say how it went, and end at once: what was there before the fork is the parent's to clean up."""
    try:
        shared.fleet.move()
        answer: Any = gone_on(shared, seed, plan)
    except BaseException:  # noqa: BLE001 - it is told where somebody sees it
        answer = traceback.format_exc()
    with os.fdopen(says, "wb") as pipe:
        pickle.dump(answer, pipe)
    os._exit(0)
