"""A Docker Engine in virtual time: the seam of `agent.adapters.engine`, without Docker, clocks or threads.

Deterministic: same calls at the same times, same ids and answers. It is the daemon, so it outlives the agent that uses it. What
it claims about Docker is held against the real one by `tests/agent/test_engine_contract.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.decide.effects import Create, Pull, Remove, Run, Start, Stop
from agent.decide.inputs import EngineLost, EngineSeen, Outcome, RunEnded


class FakeEngine:
    """One node's engine. `clock` reads virtual seconds; `wait` lets them pass (only `run` and `perform` with a wait use it)."""

    def __init__(self, node: str, fleet: str, clock: Callable[[], float], wait: Callable[[float], None]) -> None:
        self._node, self._fleet, self._clock, self._wait = node, fleet, clock, wait

    def look(self) -> EngineSeen | EngineLost:
        """All containers of this node's tasks and runs, and the images that are here."""
        raise NotImplementedError

    def perform(self, step: Pull | Create | Start | Stop | Remove) -> Outcome:
        """Carry out one step at once; a stop that needs its grace waits for it."""
        raise NotImplementedError

    def run(self, step: Run) -> RunEnded:
        """`begin`, wait, `end`."""
        raise NotImplementedError

    def begin(self, step: Run) -> float:
        """Start (or take over) a function; the seconds until `end` may be called. For simulators, which own the waiting."""
        raise NotImplementedError

    def end(self, step: Run) -> RunEnded:
        """The result of a function that was begun, at its end or timeout."""
        raise NotImplementedError
