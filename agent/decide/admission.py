"""Whether a call may come into its function's queue, what gives way to it, and how many go side by side. Pure.

Home Assistant's modes: `single` takes none while another runs or waits; `restart` takes the newest and stops the rest; `queued`
lets them wait; `parallel` begins them all. A call that a mode does without is skipped, as it was asked for; one for which a bounded
queue has no room has failed, because somebody meant it to be done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.decide.invocation import Run, Seen, State
from protocol.calling import QueueMode
from protocol.function import FunctionSpec, Mode


@dataclass(frozen=True, slots=True)
class Admitted:
    """It comes in, and these give way to it."""

    displaced: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True)
class Unadmitted:
    """It does not come in."""

    how: Seen
    reason: str


def admit(function: FunctionSpec, others: Sequence[Run]) -> Admitted | Unadmitted:
    """Judge a call by the runs of the same function that are here."""
    match function.queue.mode:
        case QueueMode.SINGLE if others:
            return Unadmitted(Seen.SUPERSEDED, f"{function.name} runs or waits already, and its queue is single")
        case QueueMode.RESTART:
            return Admitted(tuple(run for run in others if run.state is not State.STOPPING))
        case QueueMode.QUEUED | QueueMode.PARALLEL if len(others) >= function.queue.max:
            return Unadmitted(
                Seen.CANNOT, f"queue full: {len(others)} invocations of {function.name} run or wait already"
            )
        case _:
            return Admitted()


def at_once(function: FunctionSpec) -> int | None:
    """How many runs of a function go side by side on this node; None where its instances alone say so."""
    match function.queue.mode:
        case QueueMode.SINGLE | QueueMode.RESTART:
            return 1
        case QueueMode.PARALLEL:
            return function.queue.max
        case QueueMode.QUEUED:
            return None if function.mode is Mode.WARM else function.concurrency
