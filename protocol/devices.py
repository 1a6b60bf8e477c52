"""The names of every kind of sensor and actuator: which events a sensor makes, which values an actuator takes.

Pure words, so that a manifest can be checked on a machine that has no pins. How a kind is wired and read stands in
`sensors.kinds`, what is written of it in `protocol.manifest.sensing` and `protocol.manifest.acting`; a test holds them equal.

Events come in the order (level on, level off, others), of what is measured (changed, over the threshold, under it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from protocol.actuator_words import ACTUATORS, ActuatorWords
from protocol.sensor_words import CHANGED, MEASURED, SensorWords, measured
from protocol.shapes import JsonValue
from protocol.sources import OWN, SOURCES, is_own
from protocol.wired import CLICKED, HELD, PRESSES, WIRED

__all__ = [
    "ACTUATORS",
    "CHANGED",
    "CLICKED",
    "HELD",
    "MEASURED",
    "SENSORS",
    "ActuatorWords",
    "SensorWords",
    "knows",
    "words_of",
]


SENSORS: Mapping[str, SensorWords] = MappingProxyType(
    {
        "button": SensorWords(PRESSES),
        "motion": SensorWords(("motion", "no-motion")),
        "line": SensorWords(("line", "no-line")),
        "digital": SensorWords(("activated", "deactivated")),
        **WIRED,
        "cpu-temperature": measured("°C"),
        "load-average": measured(""),
        "disk-usage": measured("%"),
        **SOURCES,
    }
)


def knows(kind: str) -> bool:
    """Whether there are words for a kind of sensor: one of ours, or somebody's own, which has a dot in its name."""
    return kind in SENSORS or is_own(kind)


def words_of(kind: str, options: Mapping[str, JsonValue]) -> SensorWords:
    """What one sensor says, by its options; its kind is known."""
    words = OWN if is_own(kind) else SENSORS[kind]
    words = words.variants.get(str(options.get(words.by)), words)
    unit = "V" if "max_voltage" in options else options.get("unit")
    return replace(words, unit=unit) if words.unit is not None and isinstance(unit, str) else words
