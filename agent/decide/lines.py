"""The runs of a node by their functions, in order of arrival: a call costs what its own function has, not what all have (law 10).

The table of runs is the truth, and is what the store saves; the lines are an index of it, made anew whenever somebody else has
changed it.
"""

from __future__ import annotations

from agent.decide.invocation import Run
from agent.decide.table import Table

Place = tuple[str, str]
"""A stack and a function of it."""


class Lines:
    """The ids of the runs of each function, as they were in one version of the table."""

    __slots__ = ("_ids", "_version")

    def __init__(self) -> None:
        """Know nothing yet."""
        self._version = -1
        self._ids: dict[Place, dict[str, None]] = {}

    def of(self, runs: Table[Run], place: Place) -> tuple[Run, ...]:
        """The runs of one function."""
        self._follow(runs)
        return tuple(run for one in self._ids.get(place, ()) if (run := runs.get(one)) is not None)

    def put(self, runs: Table[Run], run: Run) -> None:
        """Keep a run as it is now."""
        self._follow(runs)
        runs.put(run.id, run)
        self._ids.setdefault((run.stack, run.function), {})[run.id] = None
        self._version = runs.version

    def drop(self, runs: Table[Run], run: Run) -> None:
        """Forget a run."""
        self._follow(runs)
        if runs.drop(run.id) is not None:
            line = self._ids[run.stack, run.function]
            del line[run.id]
            if not line:
                del self._ids[run.stack, run.function]
        self._version = runs.version

    def _follow(self, runs: Table[Run]) -> None:
        if self._version == runs.version:
            return
        self._version, self._ids = runs.version, {}
        for run in runs.values():
            self._ids.setdefault((run.stack, run.function), {})[run.id] = None
