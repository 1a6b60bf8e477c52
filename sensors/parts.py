"""The filters of a board of buttons: the same stages for each of its parts, one beside the other. Pure.

A sample that comes in says which part, and whether that is on; one that goes out has the part's name as its value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from protocol.shapes import JsonValue
from sensors.stage import Sample, Samples, Stage, passed


@dataclass(frozen=True, slots=True)
class Parts(Stage):
    """What stages there are for a part that was not seen yet, and those of the others."""

    fresh: tuple[Stage, ...]
    parts: tuple[tuple[str, tuple[Stage, ...]], ...] = ()

    @property
    def deadline_ns(self) -> int | None:
        """The earliest of all parts."""
        return min((due_ns for _, stages in self.parts if (due_ns := _due_ns(stages)) is not None), default=None)

    @property
    def suppressed(self) -> int:
        """Those of all parts."""
        return sum(stage.suppressed for _, stages in self.parts for stage in stages)

    def opened(self, value: JsonValue) -> Parts:
        """One part begins at a level; the others stay. A value that names none is that of no part."""
        if not isinstance(value, list):
            return self
        part, is_on = value
        return self._with(part, tuple(stage.opened(is_on) for stage in self._of(part)))

    def take(self, sample: Sample) -> tuple[Parts, Samples]:
        """Have the stages of its part take it in."""
        if not isinstance(sample.value, list):
            return self, ()
        part, is_on = sample.value
        stages, out = passed(self._of(part), 0, (replace(sample, value=is_on),))
        return self._with(part, stages), _named(part, out)

    def settle(self, at_ns: int) -> tuple[Parts, Samples]:
        """Settle the stage that is due, as a chain does it."""
        part, stages = next((part, stages) for part, stages in self.parts if _due_ns(stages) == at_ns)
        place = next(i for i, stage in enumerate(stages) if stage.deadline_ns == at_ns)
        stage, given = stages[place].settle(at_ns)
        stages, out = passed((*stages[:place], stage, *stages[place + 1 :]), place + 1, given)
        return self._with(part, stages), _named(part, out)

    def _of(self, part: str) -> tuple[Stage, ...]:
        return dict(self.parts).get(part, self.fresh)

    def _with(self, part: str, stages: tuple[Stage, ...]) -> Parts:
        return replace(self, parts=tuple(sorted({**dict(self.parts), part: stages}.items(), key=lambda one: one[0])))


def _due_ns(stages: tuple[Stage, ...]) -> int | None:
    return min((stage.deadline_ns for stage in stages if stage.deadline_ns is not None), default=None)


def _named(part: str, samples: Samples) -> Samples:
    return tuple(replace(sample, value=part) for sample in samples)
