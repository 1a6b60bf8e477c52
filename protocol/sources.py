"""The words of what is no pin: chips that the kernel reads, the system itself, other devices on MQTT.

Pure, like `protocol.devices`, which merges them in. What is written of them is in `protocol.manifest.sensing_kernel` and
`protocol.manifest.sensing_system`, how they are read in `sensors.kernel` and `sensors.system`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from protocol.sensor_words import CHANGED, Nature, SensorWords, measured
from protocol.shapes import JsonValue

CHANNELS: Mapping[str, str] = MappingProxyType(
    {
        "temp": "°C",
        "humidity": "%",
        "pressure": "hPa",
        "illuminance": "lx",
        "voltage": "V",
        "current": "A",
        "power": "W",
        "co2": "ppm",
        "distance": "m",
        "fan": "rpm",
    }
)
"""What the kernel's chips measure, and the unit in which we say it."""

THROTTLES = ("under-voltage", "frequency-capped", "throttled", "soft-temperature-limit")
"""The lowest bits of the firmware's get_throttled, in their order (Raspberry Pi documentation, vcgencmd)."""
NORMAL = "normal"

CONTAINER = "container"
STARTED, DIED, HEALTHY, UNHEALTHY = "started", "died", "healthy", "unhealthy"

MQTT = "mqtt"

FED = frozenset({"time-of-day", CONTAINER, MQTT})
"""Kinds that the agent's decisions feed by themselves: nothing is opened for them."""


def _by_channel() -> SensorWords:
    return SensorWords(
        measured("").events, "", Nature.NUMBER, "channel", {name: measured(unit) for name, unit in CHANNELS.items()}
    )


_SHOWN: Mapping[str, SensorWords] = MappingProxyType(
    {
        "level": SensorWords(("on", "off")),
        "number": measured(""),
        "text": SensorWords((CHANGED,), nature=Nature.WHOLE),
        "event": SensorWords(("received",), nature=Nature.EACH),
    }
)

SOURCES: Mapping[str, SensorWords] = MappingProxyType(
    {
        "iio": _by_channel(),
        "hwmon": _by_channel(),
        "w1": measured("°C"),
        "throttled": SensorWords((*THROTTLES, NORMAL), nature=Nature.CONDITIONS),
        "memory": measured("%"),
        "network-link": SensorWords(("up", "down")),
        "network-traffic": measured("B/s"),
        "ping": SensorWords(("reachable", "unreachable")),
        "file": SensorWords(("created", CHANGED, "deleted"), nature=Nature.WHOLE),
        "time-of-day": SensorWords(("began", "ended")),
        CONTAINER: SensorWords((STARTED, DIED, HEALTHY, UNHEALTHY), nature=Nature.EACH),
        MQTT: SensorWords(("on", "off"), by="shows", variants=_SHOWN),
    }
)

OWN = SensorWords(
    measured("").events, "", Nature.NUMBER, "shows", {name: _SHOWN[name] for name in ("level", "number", "text")}
)
"""The words of kinds that packages bring along."""


def is_own(kind: str) -> bool:
    """Whether a kind is brought along by a package of the node."""
    return "." in kind


def nature_of(options: Mapping[str, JsonValue]) -> Nature:
    """What a topic of another device shows."""
    return _SHOWN.get(str(options.get("shows")), _SHOWN["level"]).nature
