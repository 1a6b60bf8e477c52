"""The names of every kind of sensor and actuator: which events a sensor makes, which values an actuator takes.

Pure words, so that a manifest can be checked on a machine that has no pins. How a kind is wired and read stands in
`sensors.kinds`, what is written of it in `protocol.sensing` and `protocol.acting`; a test holds them equal.

Events come in the order (level on, level off, others), of what is measured (changed, over the threshold, under it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CLICK, DOUBLE_CLICK, MULTI_CLICK = CLICKED = ("click", "double-click", "multi-click")
HELD = "held"
CHANGED = "changed"
MEASURED = (CHANGED, "above", "below")


@dataclass(frozen=True, slots=True)
class SensorWords:
    """What one kind of sensor says: its events, and for one that is measured the unit of its values."""

    events: tuple[str, ...]
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class ActuatorWords:
    """What may be said to one kind of actuator: the values it takes."""

    values: tuple[str, ...] = ("on", "off")


SENSORS: Mapping[str, SensorWords] = MappingProxyType(
    {
        "button": SensorWords(("pressed", "released", HELD, *CLICKED)),
        "motion": SensorWords(("motion", "no-motion")),
        "line": SensorWords(("line", "no-line")),
        "digital": SensorWords(("activated", "deactivated")),
        "cpu-temperature": SensorWords(MEASURED, "°C"),
        "load-average": SensorWords(MEASURED, ""),
        "disk-usage": SensorWords(MEASURED, "%"),
    }
)

ACTUATORS: Mapping[str, ActuatorWords] = MappingProxyType(
    {
        "led": ActuatorWords(),
        "buzzer": ActuatorWords(),
        "relay": ActuatorWords(),
    }
)
