"""Reads what has to be asked, again and again: one thread for all of it, which delivers a `Reading` or a `Faulted` each time.

A probe may block (a 1-Wire thermometer takes 0.75 s) and may raise OSError or ValueError, whose words a `Faulted` carries; whatever
else it raises is our own mistake, which is told there as well, because the thread would die of it and nobody would know.
One that is slow delays the others by as much, and no reading is made up for: each is due again after its own interval. `deliver`
must only enqueue. Probes are given and taken over a queue, so nothing is shared with the thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from protocol.shapes import JsonValue
from sensors.stage import NS_PER_S, Faulted, Reading

Probe = Callable[[], JsonValue]

CLOSED_WITHIN_S = 5.0
"""Many times what the slowest of our own probes takes. Others' code may block for ever, and then its thread is left behind."""

_Wanted = SimpleQueue[Mapping[str, "Sampled"] | None]


@dataclass(frozen=True, slots=True)
class Sampled:
    """What is asked, and how often."""

    probe: Probe
    every_s: float


@dataclass(slots=True)
class _Due:
    sampled: Sampled
    at_s: float = field(default_factory=time.monotonic)
    is_opening: bool = True


class Sampler:
    """The probes of this node. The thread starts with the first of them."""

    def __init__(self, deliver: Callable[[Reading | Faulted], object]) -> None:
        self._deliver = deliver
        self._wanted: _Wanted = SimpleQueue()
        self._thread: threading.Thread | None = None

    def keep(self, wanted: Mapping[str, Sampled]) -> None:
        """Ask exactly these from now on; one that stays as it is keeps its rhythm."""
        if self._thread is None and wanted:
            self._wanted = SimpleQueue()  # its own: a thread that was left behind may still hear the one before
            self._thread = threading.Thread(target=self._run, args=(self._wanted,), name="sampler", daemon=True)
            self._thread.start()
        if self._thread is not None:
            self._wanted.put(dict(wanted))

    def close(self) -> None:
        """Ask nothing any more, and wait for the thread's end; a probe that blocks is waited for, but not for ever."""
        if self._thread is not None:
            self._wanted.put(None)
            self._thread.join(CLOSED_WITHIN_S)
            self._thread = None

    def _run(self, told: _Wanted) -> None:
        due: dict[str, _Due] = {}
        while True:
            try:
                wanted = told.get(timeout=_pause_s(due))
            except Empty:
                self._ask(due)
                continue
            if wanted is None:
                return
            due = {
                name: due[name] if name in due and due[name].sampled == sampled else _Due(sampled)
                for name, sampled in wanted.items()
            }

    def _ask(self, due: dict[str, _Due]) -> None:
        for name, one in due.items():
            if one.at_s <= time.monotonic():
                one.at_s = time.monotonic() + one.sampled.every_s
                self._deliver(_asked(name, one))


def _pause_s(due: dict[str, _Due]) -> float | None:
    """How long nothing is due; None while nothing is asked."""
    soonest_s = min((one.at_s for one in due.values()), default=None)
    return None if soonest_s is None else max(0.0, soonest_s - time.monotonic())


def _asked(name: str, one: _Due) -> Reading | Faulted:
    """Ask one; the first good answer is the baseline, also after a fault."""
    try:
        value = one.sampled.probe()
    except (OSError, ValueError) as error:
        return _faulted(name, one, str(error) or type(error).__name__)
    except Exception as error:  # noqa: BLE001 - see above
        return _faulted(name, one, f"a fault of this agent: {type(error).__name__}: {error}")
    is_opening, one.is_opening = one.is_opening, False
    return Reading(name, value, round(time.monotonic() * NS_PER_S), is_opening)


def _faulted(name: str, one: _Due, reason: str) -> Faulted:
    one.is_opening = True
    return Faulted(name, reason)
