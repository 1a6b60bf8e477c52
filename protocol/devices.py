"""The names of every kind of sensor and actuator: which events a sensor makes, which values an actuator takes.

Pure words, so that a manifest can be checked on a machine that has no pins. How a kind is wired and read stands in
`sensors.kinds`; a test holds the two equal. A new kind is one entry here and one there.

Events come in the order (level on, level off, others). `keys` are the manifest keys that have a meaning for the kind, besides
`kind`, `pin` and `nodes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class SensorWords:
    """What may be said of one kind of sensor: the events it makes, and the keys that shape it."""

    events: tuple[str, ...]
    keys: tuple[str, ...] = ("debounce", "pull")


@dataclass(frozen=True, slots=True)
class ActuatorWords:
    """What may be said to one kind of actuator: the values it takes, and the keys that shape it."""

    values: tuple[str, ...] = ("on", "off")
    keys: tuple[str, ...] = ("safe", "active_high")


SENSORS: Mapping[str, SensorWords] = MappingProxyType(
    {
        "button": SensorWords(("pressed", "released", "held"), ("debounce", "hold", "pull")),
        "motion": SensorWords(("motion", "no-motion")),
        "line": SensorWords(("line", "no-line")),
        "digital": SensorWords(("activated", "deactivated")),
    }
)

ACTUATORS: Mapping[str, ActuatorWords] = MappingProxyType(
    {
        "led": ActuatorWords(),
        "buzzer": ActuatorWords(),
        "relay": ActuatorWords(),
    }
)
