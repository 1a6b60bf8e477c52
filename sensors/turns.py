"""From the levels of a rotary encoder's two pins to the steps that it was turned. Pure.

The table is gpiozero's (RotaryEncoder.TRANSITIONS): a step counts when the four levels of a turn were passed in order, so a contact
that wiggles between two of them, or misses one, makes no step and none in the wrong direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from protocol.shapes import JsonValue
from sensors.stage import Sample, Samples, Stage

IDLE, FORTH, BACK = "idle", "+1", "-1"

NEXT: Mapping[str, tuple[str, str, str, str]] = MappingProxyType(
    {
        IDLE: (IDLE, "ccw1", "cw1", IDLE),
        "ccw1": (IDLE, "ccw1", "ccw3", "ccw2"),
        "ccw2": (IDLE, "ccw1", "ccw3", "ccw2"),
        "ccw3": (BACK, IDLE, "ccw3", "ccw2"),
        "cw1": (IDLE, "cw3", "cw1", "cw2"),
        "cw2": (IDLE, "cw3", "cw1", "cw2"),
        "cw3": (FORTH, "cw3", IDLE, "cw2"),
    }
)
"""Where it is → where it is then, by the two levels as a number: twice that of a, and that of b."""


@dataclass(frozen=True, slots=True)
class Turns(Stage):
    """Count steps, from -`most` to `most`, where it stays or comes out at the other end; 0: without limit."""

    forth: str
    back: str
    most: int = 0
    wraps: bool = False
    steps: int = 0
    at: str = IDLE
    missed: int = 0

    @property
    def suppressed(self) -> int:
        """Turns that began and did not end in a step."""
        return self.missed

    def opened(self, value: JsonValue) -> Turns:
        """Count from here."""
        del value
        return replace(self, steps=0, at=IDLE)

    def take(self, sample: Sample) -> tuple[Turns, Samples]:
        """Go on to the next level of a turn, and say a whole step."""
        at = NEXT[self.at][int(sample.value) & 3]
        if at not in (FORTH, BACK):
            return replace(self, at=at, missed=self.missed + (at == IDLE != self.at)), ()
        steps = self._after(1 if at == FORTH else -1)
        said = Sample(steps, sample.at_ns, self.forth if at == FORTH else self.back)
        return replace(self, at=IDLE, steps=steps), (said,)

    def _after(self, step: int) -> int:
        steps = self.steps + step
        if not self.most or abs(steps) <= self.most:
            return steps
        return -step * self.most if self.wraps else self.steps
