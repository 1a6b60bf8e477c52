"""What calls a function, as a node is told of it."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.container import Seconds
from protocol.shapes import JsonValue, sparse


@sparse
@dataclass(frozen=True, slots=True)
class TriggerSpec:
    """What calls a function: a sensor's event, or the passing of time. Exactly one of `sensor` and `every_s` is set.

    `when` are filters of CloudEvents Subscriptions, checked, and each must hold. After a call there is none for `cooldown_s`.
    """

    sensor: str = ""
    on: str = ""
    every_s: Seconds = 0.0
    when: tuple[JsonValue, ...] = ()
    cooldown_s: Seconds = 0.0

    @property
    def has_memory(self) -> bool:
        """Whether a call depends on more than one event; then only the node of the sensor knows."""
        return self.cooldown_s > 0

    def concerns(self, sensor: str) -> bool:
        """Whether an event of that sensor of its stack means anything to it."""
        return bool(self.sensor) and self.sensor == sensor
