"""What every filter of a sensor is: a value that takes samples in and gives samples on, now or when its time has come. Pure.

A stage is frozen: `take` and `settle` return the stage as it is afterwards. `settle` is called at the stage's own deadline and at
no other time. `suppressed` counts what came in and was never given on, nor ever will be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from protocol.shapes import JsonValue

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sensor showed at one moment of the monotonic clock: `value` is true when it is on, whatever the wiring.

    `opening` marks the reading that was made when it was opened: what was known before does not count any more.
    """

    sensor: str
    value: JsonValue
    at_ns: int
    opening: bool = False


@dataclass(frozen=True, slots=True)
class Faulted:
    """A sensor could not be read, and why."""

    sensor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A value on its way through the stages; what comes out at the end has the name of its event."""

    value: JsonValue
    at_ns: int
    event: str = ""


Samples = tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """A filter that gives on whatever comes."""

    @property
    def deadline_ns(self) -> int | None:
        """When it has something to give on by itself; None while nothing is pending."""
        return None

    @property
    def suppressed(self) -> int:
        """How many edges it has swallowed."""
        return 0

    def opened(self, value: JsonValue) -> Self:
        """Forget what was pending: from now on the value is this, and that is no event."""
        del value
        return self

    def take(self, sample: Sample) -> tuple[Self, Samples]:
        """Take one sample in; none is older than the last, or than the last `settle`."""
        return self, (sample,)

    def settle(self, at_ns: int) -> tuple[Self, Samples]:
        """Give on what is due now."""
        del at_ns
        return self, ()


def passed(stages: tuple[Stage, ...], place: int, samples: Samples) -> tuple[tuple[Stage, ...], Samples]:
    """Have samples pass the stages from `place` on: the stages afterwards, and what came through all of them."""
    for here in range(place, len(stages)):
        if not samples:
            break  # most edges of a chattering pin come no further
        given: Samples = ()
        for sample in samples:
            stage, out = stages[here].take(sample)
            stages, given = (*stages[:here], stage, *stages[here + 1 :]), (*given, *out)
        samples = given
    return stages, samples
