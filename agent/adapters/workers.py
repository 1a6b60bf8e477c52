"""Threads that do what blocks: looks, pulls, other steps, and functions, each kind in a lane of its own.

So a slow pull never delays a stop, and neither delays a function. Answers go into the inbox as `EngineSeen`/`EngineLost`,
`StepEnded` and `RunEnded`: exactly one for each step given. The only place that catches every exception: a crash of a step
becomes `GiveUp` with its reason. Threads are made when there is more to do than threads, and are daemons: a hanging engine
does not keep the process from ending, and what was under way is taken over after the next start.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import Any

from agent.adapters.engine import EngineSeam
from agent.adapters.lanes import Lane
from agent.adapters.troubles import ENGINE_RETRY_S
from agent.decide.effects import Pull, ReadLog, Run, Step, Warm
from agent.decide.inputs import CommandDone, Done, EngineLost, EngineSeen, GiveUp, Retry, RunEnded, StepEnded

PULLS_AT_ONCE = 2
# The network and the card are the limit; more would only make each slower. With a cap on the line it is one: the cap is a pull's.
STEPS_AT_ONCE = min(8, 4 * (os.cpu_count() or 1))
# Fifty containers on two cores took an engine 9.7, 6.3, 5.5 and 4.9 s with 1, 2, 4 and 8 at once; one core has less to give.
RUNS_AT_ONCE = 16
# Each running container costs 12 MB for its shim: a Pi with 1 GB has no room for more.
WARMS_AT_ONCE = 4
# Each waits until its instance is ready, up to half a minute.
ASKS_AT_ONCE = 64
# An answer that is awaited costs a thread, and no container.

LOOK_REST = 3.0
LOOK_REST_MOST_S = 1.0
# After each look that many times what it took: a quarter of the time for looking is enough while fifty containers come up, each
# with four events, and each look in which one has changed makes the whole chain turn, up to the controller.

Asked = tuple[Run, Callable[[], RunEnded]]
"""A run that its instance was asked for, and how its answer is waited for."""

log = logging.getLogger(__name__)


def _no_log(asked: ReadLog) -> CommandDone:
    return CommandDone(asked.command, ok=False, message="this engine keeps no logs")


class Workers:
    """Daemon threads between the loop and the engine. Only the loop's thread calls these methods."""

    def __init__(
        self,
        engine: EngineSeam,
        deliver: Callable[[Any], None],
        *,
        pulls_at_once: int = PULLS_AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[float], object] = time.sleep,
    ) -> None:
        """`deliver` puts a value into the inbox, from any thread."""
        self._engine, self._deliver, self._clock, self._rest = engine, deliver, clock, rest
        self.log: Callable[[ReadLog], CommandDone] = _no_log
        self._looks: Lane[None] = Lane("look", 1, lambda _: self._look(), waiting=1)
        self._pulls: Lane[Step] = Lane("pull", pulls_at_once, lambda step: deliver(self._stepped(step)))
        self._steps: Lane[Step] = Lane("step", STEPS_AT_ONCE, lambda step: deliver(self._stepped(step)))
        self._runs: Lane[Step] = Lane("run", RUNS_AT_ONCE, lambda step: deliver(self._stepped(step)))
        self._warms: Lane[Step] = Lane("warm", WARMS_AT_ONCE, lambda step: deliver(self._stepped(step)))
        self.ask: Callable[[Run], Callable[[], RunEnded]] = lambda step: lambda: engine.run(step)
        self._asks: Lane[Asked] = Lane("ask", ASKS_AT_ONCE, lambda asked: deliver(self._answered(*asked)))
        self._logs: Lane[ReadLog] = Lane("log", 1, lambda asked: deliver(self._read(asked)))

    def look(self) -> None:
        """Have the engine looked at; asking again before that has begun changes nothing."""
        self._looks.take(None)

    def give(self, step: Step) -> None:
        """Have a step carried out, or a function run; its end comes through the inbox, always exactly once."""
        is_taken = self._take_ask(step) if isinstance(step, Run) and step.instance else self._lane(step).take(step)
        if not is_taken:
            self._deliver(_unfinished(step, Retry("too much work is waiting for the engine", ENGINE_RETRY_S)))

    def read_log(self, effect: ReadLog) -> None:
        """Have a log read."""
        if not self._logs.take(effect):
            self._deliver(CommandDone(effect.command, ok=False, message="too many logs are being read"))

    def stop(self) -> None:
        """Take no more work; what is under way dies with the process, and is taken over after the next start."""
        for lane in (self._looks, self._pulls, self._steps, self._runs, self._warms, self._asks, self._logs):
            lane.close()

    def _lane(self, step: Step) -> Lane[Step]:
        match step:
            case Pull():
                return self._pulls
            case Run():
                return self._runs
            case Warm():
                return self._warms
            case _:
                return self._steps

    def _take_ask(self, step: Run) -> bool:
        """Say it at once: whoever waits for the answer is woken while the function is at work already."""
        if self._asks.is_full:
            return False
        try:
            answer = self.ask(step)
        except Exception as error:
            log.exception("asking crashed")
            self._deliver(_unfinished(step, GiveUp(_bug(error))))
            return True
        return self._asks.take((step, answer))

    def _answered(self, step: Run, answer: Callable[[], RunEnded]) -> StepEnded | RunEnded:
        try:
            return answer()
        except Exception as error:
            log.exception("an ask crashed")
            return _unfinished(step, GiveUp(_bug(error)))

    def _look(self) -> None:
        """Look and tell; then rest, and what happens meanwhile is the next look's."""
        begun_mono_s = self._clock()
        self._deliver(self._looked())
        self._rest(min(LOOK_REST_MOST_S, LOOK_REST * (self._clock() - begun_mono_s)))

    def _looked(self) -> EngineSeen | EngineLost:
        try:
            return self._engine.look()
        except Exception as error:
            log.exception("look crashed")
            return EngineLost(_bug(error))

    def _read(self, asked: ReadLog) -> CommandDone:
        try:
            return self.log(asked)
        except Exception as error:
            log.exception("reading a log crashed")
            return CommandDone(asked.command, ok=False, message=_bug(error))

    def _stepped(self, step: Step) -> StepEnded | RunEnded:
        try:
            if isinstance(step, Run):
                return self._engine.run(step)
            outcome = self._engine.perform(step)
            return StepEnded(step, outcome, self._engine.glance(step) if isinstance(outcome, Done) else None)
        except Exception as error:
            log.exception("step crashed", extra={"step": type(step).__name__, "key": step.key})
            return _unfinished(step, GiveUp(_bug(error)))


def _unfinished(step: Step, outcome: Retry | GiveUp) -> StepEnded | RunEnded:
    if isinstance(step, Run):
        is_unbegun = isinstance(outcome, Retry)
        return RunEnded(step.invocation, step.attempt, None, reason=outcome.reason, is_unbegun=is_unbegun)
    return StepEnded(step, outcome)


def _bug(error: Exception) -> str:
    return f"a fault of the agent: {type(error).__name__}: {error}"
