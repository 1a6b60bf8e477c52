"""What calls a function, as a node is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from protocol.container import Seconds
from protocol.shapes import JsonValue, sparse

DAY_S = 86_400.0
"""Whoever plans something for each day wants it today rather than not at all; last week's call helps nobody."""


class Catchup(StrEnum):
    """What becomes of planned times that were missed: nothing, one call for all of them, or one for each."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


class Dialect(StrEnum):
    """What conditions may be written in, beside the plain filters: each is a word that an agent knows, or refuses.

    `CEL_2` is what the first release with CEL had not: patterns, times and bytes.
    """

    CEL = "cel"
    CEL_2 = "cel-2"


class Figure(StrEnum):
    """What is made of the events in a window."""

    COUNT = "count"
    AVERAGE = "average"
    MIN = "min"
    MAX = "max"


@sparse
@dataclass(frozen=True, slots=True)
class RollingWindow:
    """The last `last` events, or those of the last `within_s`; it is met while their figure is above and below its limits."""

    of: Figure
    last: int = 0
    within_s: Seconds = 0.0
    above: float | None = None
    below: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a sequence."""

    sensor: str
    on: str


@sparse
@dataclass(frozen=True, slots=True)
class TriggerSpec:
    """What calls a function: events of sensors, the ends of other functions, or the passing of time.

    Exactly one of `sensor`, `sequence`, `function`, `every_s`, `schedule` and `node` is set; `on` is an event of the sensor, or how
    the function ended; `node` is what becomes of a node of the fleet.

    `when` are filters of CloudEvents Subscriptions, checked, and each must hold; `dialects` are those of them that an agent of an
    older release cannot read: it refuses such a trigger, rather than call by it. After a call there is none for `cooldown_s`. The
    event of `on` must stand for `for_s`: until then the event `until`, its opposite, must not come. A sequence must be complete
    `within_s` from its first event on. The times of the cron `schedule` are the node's own. What was missed is made good as
    `catchup` says, up to `max_age_s` late; where it says nothing, that is `once` for a schedule, and for `every_s` no more than one
    call that is late because the agent was away.
    """

    sensor: str = ""
    on: str = ""
    every_s: Seconds = 0.0
    when: tuple[JsonValue, ...] = ()
    cooldown_s: Seconds = 0.0
    schedule: str = ""
    catchup: Catchup | None = None
    max_age_s: Seconds = DAY_S
    for_s: Seconds = 0.0
    until: str = ""
    window: RollingWindow | None = None
    sequence: tuple[Step, ...] = ()
    within_s: Seconds = 0.0
    function: str = ""
    node: str = ""
    dialects: tuple[Dialect, ...] = ()

    @property
    def has_memory(self) -> bool:
        """Whether a call depends on more than one event; then only the node of the sensor knows."""
        return bool(self.cooldown_s or self.for_s or self.window or self.sequence)

    def concerns(self, sensor: str) -> bool:
        """Whether an event of that sensor of its stack means anything to it."""
        if not self.sequence:
            return self.sensor == sensor
        return any(step.sensor == sensor for step in self.sequence)
