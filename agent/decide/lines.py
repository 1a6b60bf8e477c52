"""The runs of a node by their functions, in order of arrival: a call costs what its own function has, not what all have (law 10).

The table of runs is the truth, and is what the store saves; the lines are an index of it, made anew whenever somebody else has
changed it.
"""

from __future__ import annotations

from agent.decide.invocation import Run
from agent.decide.table import Table

Place = tuple[str, str]
"""A stack and a function of it."""

_NONE: dict[str, Run] = {}


class Lines:
    """The runs of each function, as they were in one version of the table."""

    __slots__ = ("_lines", "_version")

    def __init__(self) -> None:
        """Know nothing yet."""
        self._version = -1
        self._lines: dict[Place, dict[str, Run]] = {}

    def of(self, runs: Table[Run], place: Place) -> tuple[Run, ...]:
        """The runs of one function."""
        self._follow(runs)
        return tuple(self._lines.get(place, _NONE).values())

    def put(self, runs: Table[Run], run: Run) -> None:
        """Keep a run as it is now."""
        self._follow(runs)
        runs.put(run.id, run)
        self._lines.setdefault((run.stack, run.function), {})[run.id] = run
        self._version = runs.version

    def drop(self, runs: Table[Run], run: Run) -> None:
        """Forget a run."""
        self._follow(runs)
        if runs.drop(run.id) is not None:
            line = self._lines[run.stack, run.function]
            del line[run.id]
            if not line:
                del self._lines[run.stack, run.function]
        self._version = runs.version

    def _follow(self, runs: Table[Run]) -> None:
        if self._version == runs.version:
            return
        self._version, self._lines = runs.version, {}
        for run in runs.values():
            self._lines.setdefault((run.stack, run.function), {})[run.id] = run
