"""One history's world: a seed, a clock that only moves when nothing is left to do, and a trace of everything that happened.

All chance comes from one `random.Random`, and everything that happens goes through one heap of (time, order, act): the broker's,
so that packets and processes share one order. Same seed, same history, same trace, byte for byte, in any process: nothing in
here may depend on a wall clock, on an object's address or on the order of a set.
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Callable

from protocol.envelope import Packet
from sim.broker import SimBroker, Weather
from sim.pace import FINE, Pace
from sim.straits import AMPLE, Straits

BEGINNING_S = 1_000.0
"""The controller's clock at the start: not 0, so that a forgotten default of 0.0 shows."""


MAIL_KEPT = 200
"""Packets that an adversary remembers, to say them again."""


class World:
    """Time, chance, the broker between all parts, and the trace."""

    def __init__(self, seed: int, weather: Weather | None = None, pace: Pace = FINE, straits: Straits = AMPLE) -> None:
        self.seed, self.pace, self.straits = seed, pace, straits
        self.chances = random.Random(seed)  # noqa: S311 - to be repeated is the point
        self.broker = SimBroker(self.chances, weather, BEGINNING_S)
        self.broker.redials = pace.redials
        self.trace: list[str] = []
        self.touched: list[str] = []
        self.stirred: dict[str, None] = {}
        self.mail: deque[Packet] = deque(maxlen=MAIL_KEPT)
        self.watch: Callable[[], None] = lambda: None

    @property
    def now_s(self) -> float:
        """Seconds on the one true clock, which no part of the fleet can read."""
        return self.broker.now_s

    @property
    def age_s(self) -> float:
        """Seconds since the beginning."""
        return self.now_s - BEGINNING_S

    def after(self, delay_s: float, act: Callable[[], None]) -> None:
        """Have something done in a while."""
        self.broker.at(self.now_s + delay_s, act)

    def say(self, who: str, what: str) -> None:
        """Write one line of the trace; whoever it names may be another since."""
        self.stirred[who] = None
        self.trace.append(f"{self.now_s - BEGINNING_S:10.4f} {who:<10} {what}")

    def run_for(self, seconds: float) -> None:
        """Let time pass, and look at everything after each thing that happened."""
        until_s = self.now_s + seconds
        while (next_s := self.broker.next_s) is not None and next_s <= until_s:
            self.broker.run_until(next_s)
            self.watch()
        self.broker.run_until(until_s)

    def digest(self) -> str:
        """The trace in sixteen characters: two equal histories have the same."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]
