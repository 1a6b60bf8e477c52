"""The filters of what is measured: median, rate, deadband, threshold with hysteresis. Pure.

- A **median** of the last few readings takes single wrong ones out.
- A **pace** gives one value on at once and then at most one in so long: the newest, when the time is over.
- A **deadband** gives a value on that differs from the last one by at least so much.
- A **threshold** names what comes: every value `changed`, and the moment at which it went over the threshold, or under it by more
  than the hysteresis (a Schmitt trigger). Where a value stood at the opening is no event.

What is no number (a device that answers with an error) does not get here: whoever reads it tells the fault.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median

from protocol.devices import CHANGED
from protocol.shapes import JsonValue
from sensors.stage import Sample, Samples, Stage


@dataclass(frozen=True, slots=True)
class Median(Stage):
    """The median of the last `size` values, or of as many as there were."""

    size: int
    last: tuple[float, ...] = ()

    def opened(self, value: JsonValue) -> Median:
        """Begin with one value."""
        return replace(self, last=(float(value),))

    def take(self, sample: Sample) -> tuple[Median, Samples]:
        """Give the middle on."""
        last = (*self.last, float(sample.value))[-self.size :]
        return replace(self, last=last), (replace(sample, value=median(last)),)


@dataclass(frozen=True, slots=True)
class Pace(Stage):
    """At most one value in `every_ns`: the newest."""

    every_ns: int
    free_ns: int = 0
    newest: Sample | None = None
    swallowed: int = 0

    @property
    def deadline_ns(self) -> int | None:
        """When the value that waits may go."""
        return None if self.newest is None else self.free_ns

    @property
    def suppressed(self) -> int:
        """Values that a newer one replaced while they waited."""
        return self.swallowed

    def opened(self, value: JsonValue) -> Pace:
        """Nothing waits, and the next may go."""
        del value
        return replace(self, free_ns=0, newest=None)

    def take(self, sample: Sample) -> tuple[Pace, Samples]:
        """Give it on, or have it wait in place of the one before."""
        if sample.at_ns >= self.free_ns:
            return replace(self, free_ns=sample.at_ns + self.every_ns), (sample,)
        return replace(self, newest=sample, swallowed=self.swallowed + (self.newest is not None)), ()

    def settle(self, at_ns: int) -> tuple[Pace, Samples]:
        """Give on what waits."""
        sample = Sample(None if self.newest is None else self.newest.value, at_ns)
        return replace(self, newest=None, free_ns=at_ns + self.every_ns), (sample,)


@dataclass(frozen=True, slots=True)
class Deadband(Stage):
    """Only what differs from the last value by `by` or more."""

    by: float
    said: float | None = None
    swallowed: int = 0

    @property
    def suppressed(self) -> int:
        """Values that differed by less."""
        return self.swallowed

    def opened(self, value: JsonValue) -> Deadband:
        """Begin with one value."""
        return replace(self, said=float(value))

    def take(self, sample: Sample) -> tuple[Deadband, Samples]:
        """Give a value on that has moved."""
        if self.said is not None and abs(float(sample.value) - self.said) < self.by:
            return replace(self, swallowed=self.swallowed + 1), ()
        return replace(self, said=float(sample.value)), (sample,)


@dataclass(frozen=True, slots=True)
class Threshold(Stage):
    """Name every value, and what it crossed: `over` at `limit` or more, `under` below `limit` less `hysteresis`; None: no limit."""

    over: str
    under: str
    limit: float | None = None
    hysteresis: float = 0.0
    is_over: bool = False

    def opened(self, value: JsonValue) -> Threshold:
        """Where it stands at the opening."""
        return replace(self, is_over=self.limit is not None and float(value) >= self.limit)

    def take(self, sample: Sample) -> tuple[Threshold, Samples]:
        """Say that it changed, and then that it crossed."""
        changed, is_over = replace(sample, event=CHANGED), self._is_over(float(sample.value))
        if is_over == self.is_over:
            return self, (changed,)
        return replace(self, is_over=is_over), (changed, replace(sample, event=self.over if is_over else self.under))

    def _is_over(self, value: float) -> bool:
        if self.limit is None:
            return False
        return value >= (self.limit - self.hysteresis if self.is_over else self.limit)
