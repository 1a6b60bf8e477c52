"""A node without a Docker Engine, by its settings: sensors, events and actuators only. Nothing here can fail."""

from __future__ import annotations

from collections.abc import Callable

from agent.decide.effects import ReadLog, Run, Step
from agent.decide.inputs import CommandDone, EngineLost, GiveUp, RunEnded, StepEnded

REASON = "switched off in this node's settings"


class NoWorkers:
    """Answers what `agent.adapters.workers.Workers` would be asked."""

    def __init__(self, deliver: Callable[[object], object]) -> None:
        self._deliver = deliver

    def look(self) -> None:
        """There is nothing to see."""
        self._deliver(EngineLost(REASON))

    def give(self, step: Step) -> None:
        """There is nobody to do it."""
        if isinstance(step, Run):
            self._deliver(RunEnded(step.invocation, step.attempt, None, reason=REASON))
        else:
            self._deliver(StepEnded(step, GiveUp(REASON)))

    def read_log(self, effect: ReadLog) -> None:
        """No container says anything."""
        self._deliver(CommandDone(effect.command, ok=False, message=f"no container engine: {REASON}"))
