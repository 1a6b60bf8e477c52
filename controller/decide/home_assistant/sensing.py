"""Sensors as Home Assistant shows them: a binary sensor, a sensor with its unit, an event, or two of these.

What is on or off is a binary sensor, what is measured a sensor; what only happens, and the presses of a button, are events. A state
is made of an event, which comes at once, or of a node's status; both make the same of the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from types import MappingProxyType

from controller.decide.home_assistant.desk import Sort
from controller.decide.home_assistant.entity import Entity, Maker, Stated
from protocol.desired import SensorSpec
from protocol.devices import CHANGED, CLICKED, HELD, knows, words_of
from protocol.ids import service_key
from protocol.observed import DeviceStatus, SensorEvent
from protocol.options import place_of, text
from protocol.sensor_words import Nature, SensorWords
from protocol.shapes import JsonValue, write

_UNKNOWN = SensorWords((CHANGED,), nature=Nature.WHOLE)
"""The words of a kind that only a newer agent knows."""

_HAPPENING = (Nature.EACH, Nature.PARTS, Nature.TURNS)
"""What is told as events, besides the kinds with presses."""

_STATELESS = (Nature.EACH, Nature.PARTS)

LEVEL_CLASSES: Mapping[str, str] = MappingProxyType(
    {"motion": "motion", "network-link": "connectivity", "ping": "connectivity"}
)
"""Kind → Home Assistant's device class of a binary sensor."""

UNIT_CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "°C": "temperature",
        "hPa": "pressure",
        "lx": "illuminance",
        "V": "voltage",
        "A": "current",
        "W": "power",
        "m": "distance",
        "B/s": "data_rate",
    }
)
"""Unit → the device class that takes it. A unit that several classes have, or none, gives none: it is shown as it is."""

CHANNEL_CLASSES: Mapping[tuple[str, str], str] = MappingProxyType(
    {("humidity", "%"): "humidity", ("co2", "ppm"): "carbon_dioxide"}
)
"""What a chip measures, and in which unit → the device class, where the unit alone does not say it."""


def name_of(spec: SensorSpec) -> str:
    """What a sensor is called among the things of its node."""
    return service_key(spec.stack, spec.name)


def entities(maker: Maker, spec: SensorSpec) -> tuple[Entity, ...]:
    """All that one sensor is in Home Assistant."""
    words, made = _words(spec), []
    if words.nature is Nature.LEVEL:
        shown = _classed({"name": spec.name}, LEVEL_CLASSES.get(spec.kind))
        made.append(maker.stateful("binary_sensor", Sort.SENSOR, name_of(spec), **shown))
    elif words.nature not in _STATELESS:
        made.append(maker.stateful("sensor", Sort.SENSOR, name_of(spec), **_measured(spec, words)))
    if _happens(words):
        made.append(_event(maker, spec, words))
    return tuple(made)


def _happens(words: SensorWords) -> bool:
    return words.nature in _HAPPENING or HELD in words.events


def _event(maker: Maker, spec: SensorSpec, words: SensorWords) -> Entity:
    shown = _classed(
        {"name": f"{spec.name} event", "evt_typ": list(words.events)}, "button" if HELD in words.events else None
    )
    topic = maker.subject.event(maker.fleet, Sort.EVENT, name_of(spec))
    return maker.entity("event", Sort.EVENT, name_of(spec), stat_t=str(topic), **shown)


def _measured(spec: SensorSpec, words: SensorWords) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = {"name": spec.name}
    if words.nature in (Nature.NUMBER, Nature.TURNS):
        shown["stat_cla"] = "measurement"
        unit = words.unit or ""
        device_class = CHANNEL_CLASSES.get((text(spec, "channel"), unit)) or UNIT_CLASSES.get(unit)
        shown = _classed(shown, device_class) | ({"unit_of_meas": words.unit} if words.unit else {})
    return shown


def _classed(shown: dict[str, JsonValue], device_class: str | None) -> dict[str, JsonValue]:
    return {**shown, "dev_cla": device_class} if device_class else shown


def said(spec: SensorSpec, event: SensorEvent) -> Stated | None:
    """How a sensor stands after an event; None where that says nothing of it."""
    words = _words(spec)
    match words.nature:
        case Nature.LEVEL:
            is_click = event.type in CLICKED
            return None if is_click else Stated(_level(words, event.type), _attributes(spec))
        case Nature.NUMBER | Nature.TURNS:
            is_number = isinstance(event.value, int | float)
            return Stated(float(event.value), _attributes(spec)) if is_number else None
        case Nature.CONDITIONS if isinstance(event.value, list):
            return Stated(", ".join(map(str, event.value)) or "nothing", _attributes(spec))
        case Nature.WHOLE if event.value is not None:
            return Stated(f"{event.value}", _attributes(spec))
        case _:
            return None


def shown(spec: SensorSpec, status: DeviceStatus | None) -> Stated | None:
    """How a sensor stands by its node's status; None where it is nothing that stands."""
    words = _words(spec)
    if words.nature in _STATELESS:
        return None
    fault = status.fault if status else ""
    value = status.value if status and not fault else ""
    return Stated(_state(words, value), _attributes(spec, fault))


def happened(spec: SensorSpec, event: SensorEvent) -> bytes | None:
    """What Home Assistant's event is told; None for a sensor that has none."""
    if not _happens(_words(spec)):
        return None
    return write({"event_type": event.type, "value": event.value, "time": event.time})


def _words(spec: SensorSpec) -> SensorWords:
    return words_of(spec.kind, spec.options) if knows(spec.kind) else _UNKNOWN


def _state(words: SensorWords, value: str) -> JsonValue:
    if not value:
        return None
    if words.nature is Nature.LEVEL:
        return _level(words, value)
    if words.nature in (Nature.NUMBER, Nature.TURNS):
        return _number(value.split(" ", 1)[0])
    return value


def _level(words: SensorWords, said_last: str) -> str:
    """A button that is held is down, and one that was clicked is up again."""
    return "ON" if said_last in (words.events[0], HELD) else "OFF"


def _number(written: str) -> JsonValue:
    try:
        number = float(written)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _attributes(spec: SensorSpec, fault: str = "") -> dict[str, JsonValue]:
    place = place_of(spec)
    return {"kind": spec.kind, **({"place": place} if place else {}), **({"fault": fault} if fault else {})}
