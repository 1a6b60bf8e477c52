"""Threads that do what blocks: looks, pulls, other steps, and functions, each kind in a lane of its own.

So a slow pull never delays a stop, and neither delays a function. Answers go into the inbox as `EngineSeen`/`EngineLost`,
`StepEnded` and `RunEnded`. The only place that catches every exception: a crash of a step becomes `GiveUp` with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.adapters.engine import EngineSeam
from agent.decide.effects import Step


class Workers:
    """Daemon threads between the loop and the engine. Only the loop's thread calls these methods."""

    def __init__(self, engine: EngineSeam, deliver: Callable[[Any], None]) -> None:
        """`deliver` puts a value into the inbox, from any thread."""
        self._engine, self._deliver = engine, deliver

    def look(self) -> None:
        """Have the engine looked at; asking again before that has begun changes nothing."""
        raise NotImplementedError

    def give(self, step: Step) -> None:
        """Have a step carried out, or a function run; its end comes through the inbox, always exactly once."""
        raise NotImplementedError

    def stop(self) -> None:
        """Take no more work; what is under way dies with the process, and is taken over after the next start."""
        raise NotImplementedError
