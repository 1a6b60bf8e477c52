"""The filters of what is neither a level nor a number: conditions that come and go, and values that are taken whole. Pure.

- **Conditions** name each word that was not there before, in the order of the kind's events. The value is the list of those that
  hold.
- A **whole** value is `changed` when it differs from the last; where there was none it is `created`, where there is none any more
  it is `deleted`.
- **Each** reading is an event: its value says which (`event`), else it is the first of the kind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from protocol.sensor_words import CHANGED
from protocol.shapes import JsonValue
from sensors.stage import Sample, Samples, Stage

CREATED, DELETED = "created", "deleted"


@dataclass(frozen=True, slots=True)
class Conditions(Stage):
    """Each condition that begins to hold is an event of its own name."""

    events: tuple[str, ...]
    holding: frozenset[str] = frozenset()

    def opened(self, value: JsonValue) -> Conditions:
        """What holds already is no news."""
        return replace(self, holding=_words(value))

    def take(self, sample: Sample) -> tuple[Conditions, Samples]:
        """Name what is new."""
        now = _words(sample.value)
        new = tuple(replace(sample, event=word) for word in self.events if word in now - self.holding)
        return replace(self, holding=now), new


@dataclass(frozen=True, slots=True)
class Whole(Stage):
    """A value that differs is an event."""

    last: JsonValue = None

    def opened(self, value: JsonValue) -> Whole:
        """Begin with one value."""
        return replace(self, last=value)

    def take(self, sample: Sample) -> tuple[Whole, Samples]:
        """Name what became of it."""
        if sample.value == self.last:
            return self, ()
        event = CREATED if self.last is None else DELETED if sample.value is None else CHANGED
        return replace(self, last=sample.value), (replace(sample, event=event),)


@dataclass(frozen=True, slots=True)
class Each(Stage):
    """Something that happens, and is over."""

    events: tuple[str, ...]

    def take(self, sample: Sample) -> tuple[Each, Samples]:
        """Name what happened."""
        event = sample.value.get("event") if isinstance(sample.value, dict) else None
        return self, (replace(sample, event=event if event in self.events else self.events[0]),)


def _words(value: JsonValue) -> frozenset[str]:
    return frozenset(str(word) for word in value) if isinstance(value, list | tuple) else frozenset()
