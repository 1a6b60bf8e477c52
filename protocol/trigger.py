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


@sparse
@dataclass(frozen=True, slots=True)
class TriggerSpec:
    """What calls a function: a sensor's event, or the passing of time. Exactly one of `sensor`, `every_s`, `schedule` is set.

    `when` are filters of CloudEvents Subscriptions, checked, and each must hold. After a call there is none for `cooldown_s`. The
    times of the cron `schedule` are the node's own; what it missed is made good as `catchup` says, up to `max_age_s` late.
    """

    sensor: str = ""
    on: str = ""
    every_s: Seconds = 0.0
    when: tuple[JsonValue, ...] = ()
    cooldown_s: Seconds = 0.0
    schedule: str = ""
    catchup: Catchup = Catchup.ONCE
    max_age_s: Seconds = DAY_S

    @property
    def has_memory(self) -> bool:
        """Whether a call depends on more than one event; then only the node of the sensor knows."""
        return self.cooldown_s > 0

    def concerns(self, sensor: str) -> bool:
        """Whether an event of that sensor of its stack means anything to it."""
        return bool(self.sensor) and self.sensor == sensor
