"""The filters of what is on or off: delays, debounce, the words of a kind, clicks. Pure.

- A **delay** believes a level once it has stood for so long; one that did not is swallowed. `settle` is a delay of both levels.
- A **debounce** gives an edge on at once and then swallows what comes within its quiet window. At the end of the window the level
  is compared with what was last given on: if they differ, that is given on, and opens a window of its own. So the last level is
  never lost, and chatter cannot put it off for ever: windows count from what was given on.
- **Words** name the two edges, and say once that a level was held.
- **Clicks** count presses that are followed by others within a gap: when it is over, that is a click, a double click or a
  multi-click. A press that was held is none of them, and ends the count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from protocol.shapes import JsonValue
from protocol.wired import CLICK, DOUBLE_CLICK, MULTI_CLICK
from sensors.stage import Sample, Samples, Stage

CLICKS = {1: CLICK, 2: DOUBLE_CLICK}


@dataclass(frozen=True, slots=True)
class Delay(Stage):
    """A level counts when it has stood for `on_ns`, or `off_ns`."""

    on_ns: int
    off_ns: int
    level: bool = False
    said: bool = False
    since_ns: int = 0
    swallowed: int = 0

    @property
    def deadline_ns(self) -> int | None:
        """The end of the delay that is running."""
        return None if self.level == self.said else self.since_ns + (self.on_ns if self.level else self.off_ns)

    @property
    def suppressed(self) -> int:
        """Levels that did not stand, twice: they came and went."""
        return self.swallowed

    def opened(self, value: JsonValue) -> Delay:
        """Begin at a level."""
        return replace(self, level=bool(value), said=bool(value))

    def take(self, sample: Sample) -> tuple[Delay, Samples]:
        """Begin to wait, or stop waiting."""
        if bool(sample.value) == self.level:
            return self, ()
        turned = replace(self, level=not self.level, since_ns=sample.at_ns)
        if turned.level == turned.said:
            return replace(turned, swallowed=self.swallowed + 2), ()
        return turned.settle(sample.at_ns) if turned.deadline_ns == sample.at_ns else (turned, ())

    def settle(self, at_ns: int) -> tuple[Delay, Samples]:
        """The level has stood."""
        return replace(self, said=self.level), (Sample(self.level, at_ns),)


@dataclass(frozen=True, slots=True)
class Debounce(Stage):
    """An edge counts at once; for `quiet_ns` nothing else does."""

    quiet_ns: int
    level: bool = False
    said: bool = False
    quiet_until_ns: int = 0
    swallowed: int = 0

    @property
    def deadline_ns(self) -> int | None:
        """The end of the window in which something was swallowed that is still to be said."""
        return None if self.level == self.said else self.quiet_until_ns

    @property
    def suppressed(self) -> int:
        """Edges that came and went within windows; once quiet, edges in = edges given on + these."""
        return self.swallowed

    def opened(self, value: JsonValue) -> Debounce:
        """Begin at a level, outside any window."""
        return replace(self, level=bool(value), said=bool(value), quiet_until_ns=0)

    def take(self, sample: Sample) -> tuple[Debounce, Samples]:
        """Give an edge on, or keep it for the end of the window."""
        if bool(sample.value) == self.level:
            return self, ()
        if sample.at_ns >= self.quiet_until_ns:
            return replace(self, level=not self.level).settle(sample.at_ns)
        swallowed = self.swallowed + (2 if self.level != self.said else 0)
        return Debounce(self.quiet_ns, not self.level, self.said, self.quiet_until_ns, swallowed), ()

    def settle(self, at_ns: int) -> tuple[Debounce, Samples]:
        """Give the level on, and open a window."""
        return replace(self, said=self.level, quiet_until_ns=at_ns + self.quiet_ns), (Sample(self.level, at_ns),)


@dataclass(frozen=True, slots=True)
class Words(Stage):
    """Name what happened: `on`, `off`, and once `held` when it was on for `hold_ns`, if there is such a word."""

    on: str
    off: str
    held: str = ""
    hold_ns: int = 0
    held_at_ns: int | None = None

    @property
    def deadline_ns(self) -> int | None:
        """When it will have been held for long enough."""
        return self.held_at_ns

    def opened(self, value: JsonValue) -> Words:
        """What is on at the opening is not held from then: nobody saw it begin."""
        del value
        return replace(self, held_at_ns=None)

    def take(self, sample: Sample) -> tuple[Words, Samples]:
        """Name an edge."""
        is_on = bool(sample.value)
        held_at_ns = sample.at_ns + self.hold_ns if is_on and self.held else None
        return replace(self, held_at_ns=held_at_ns), (replace(sample, event=self.on if is_on else self.off),)

    def settle(self, at_ns: int) -> tuple[Words, Samples]:
        """It was held."""
        return replace(self, held_at_ns=None), (Sample(value=True, at_ns=at_ns, event=self.held),)


@dataclass(frozen=True, slots=True)
class Clicks(Stage):
    """Count presses with less than `gap_ns` between a release and the next press."""

    off: str
    held: str
    gap_ns: int
    count: int = 0
    is_held: bool = False
    due_ns: int | None = None

    @property
    def deadline_ns(self) -> int | None:
        """The end of the gap after the last release."""
        return self.due_ns

    def opened(self, value: JsonValue) -> Clicks:
        """Count anew. What is down at the opening counts as held: its release is no click."""
        return replace(self, count=0, is_held=bool(value), due_ns=None)

    def take(self, sample: Sample) -> tuple[Clicks, Samples]:
        """Count a release that ends a short press, and give everything on."""
        if sample.event == self.held:
            return replace(self, count=0, is_held=True, due_ns=None), (sample,)
        if sample.event != self.off:
            return replace(self, is_held=False, due_ns=None), (sample,)
        if self.is_held:
            return replace(self, is_held=False), (sample,)
        return replace(self, count=self.count + 1, due_ns=sample.at_ns + self.gap_ns), (sample,)

    def settle(self, at_ns: int) -> tuple[Clicks, Samples]:
        """Nobody pressed again: say how often it was."""
        event = CLICKS.get(self.count, MULTI_CLICK)
        return replace(self, count=0, due_ns=None), (Sample(self.count, at_ns, event),)
