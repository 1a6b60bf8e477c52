"""Instances of warm functions in virtual time: what an engine does of them, as `agent.adapters.warm` does it over HTTP.

An instance answers while its box runs, after its behaviour's `answers_after_s`, one call as well as many.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.adapters.creation import Place
from agent.decide.effects import Run, Warm
from agent.decide.inputs import Done, GiveUp, Outcome, RunEnded
from agent.decide.instance import key_of
from sim.boxes import Box
from sim.costs import WARM_S
from sim.shown import said


@dataclass(slots=True)
class Warmth:
    """The instances of one engine: which box each key names, and which calls are under way in which."""

    place: Place
    boxes: dict[str, Box]
    names: dict[str, str] = field(default_factory=dict)
    asked: dict[tuple[str, int], tuple[Box, int, float]] = field(default_factory=dict)

    def name(self, step: Warm) -> str:
        """The name of its container; from now on its key leads there."""
        self.names[key_of(step.function, step.number)] = name = self.place.instance_name(step.function, step.number)
        return name

    def ready(self, box: Box, now_s: float) -> Outcome:
        """Run, and be asked for its health."""
        if not box.runs:
            box.complete(box.container)
            box.start(now_s)
        box.settle(now_s + WARM_S)
        if not box.runs:
            return GiveUp(f"it ended with exit code {box.exit_code} before it was ready")
        return (
            Done("fake") if not box.behaviour.is_deaf else GiveUp("it was not ready within 30 s: nothing listens there")
        )

    def begin(self, step: Run, now_s: float) -> float:
        """Ask; the seconds until `end`."""
        box = self.boxes.get(self.names.get(step.instance, ""))
        if box is None or not box.runs:
            return 0.0
        self.asked[step.invocation, step.attempt] = (box, box.starts, now_s)
        takes_s = box.behaviour.answers_after_s
        return step.function.timeout_s if takes_s is None else min(takes_s, step.function.timeout_s)

    def end(self, step: Run, now_s: float) -> RunEnded:
        """What was answered, if the instance is still the one that was asked."""
        known = RunEnded(step.invocation, step.attempt, None)
        box, starts, begun_s = self.asked.pop((step.invocation, step.attempt), (None, 0, now_s))
        took_s = now_s - begun_s
        if box is None or not box.runs or box.starts != starts:
            reason = "its instance broke off: it closed the connection before its answer was whole"
            return RunEnded(known.invocation, known.attempt, None, reason=reason, duration_s=took_s, is_cut_off=True)
        takes_s, timeout_s = box.behaviour.answers_after_s, step.function.timeout_s
        if takes_s is None or takes_s > timeout_s:
            reason = f"killed after its timeout of {timeout_s:g} s"
            return RunEnded(known.invocation, known.attempt, None, reason=reason, timed_out=True, duration_s=took_s)
        output, cut = said(step, box, step.body)
        if box.behaviour.exit_code:
            reason = "it answered 500 Internal Server Error"
            return RunEnded(known.invocation, known.attempt, None, error=output, reason=reason, duration_s=took_s)
        return RunEnded(known.invocation, known.attempt, 0, output=output, reason=cut, duration_s=took_s)
