"""Every kind of sensor and actuator with its keys, events, values and units: what `bramble sensors kinds` prints.

Drawn from the models that read manifests and the words that both sides use, so it cannot say anything else than they do. It needs
no node: kinds that a package on a node brings are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from protocol.actuator_words import ACTUATORS
from protocol.devices import SENSORS
from protocol.manifest import acting, sensing
from protocol.manifest.keys import holds, key_of, left_out
from protocol.manifest.meanings import MEANINGS
from protocol.manifest.section import Section
from protocol.sensor_words import Nature, SensorWords

SHOWS: Mapping[Nature, str] = MappingProxyType(
    {
        Nature.LEVEL: "on or off",
        Nature.NUMBER: "a number",
        Nature.CONDITIONS: "the conditions that hold",
        Nature.WHOLE: "whatever it is",
        Nature.EACH: "nothing between its events",
        Nature.PARTS: "the name of the part",
        Nature.TURNS: "steps",
    }
)


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what it means, what it may hold, and what it is when nobody writes it (`required` if somebody must)."""

    name: str
    means: str
    holds: str
    left_out: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: `events` of a sensor, `values` that a sensor shows or an actuator takes, the `unit` of a number."""

    name: str
    is_a: str
    what: str
    values: str
    keys: tuple[Key, ...]
    events: tuple[str, ...] = ()
    unit: str = ""


def kinds() -> tuple[Kind, ...]:
    """All of them: sensors first, each group in the order of its table."""
    sensors = (
        Kind(
            name,
            "sensor",
            _what(model),
            _shown(SENSORS[name]),
            _keys(model),
            _events(SENSORS[name]),
            _unit(SENSORS[name]),
        )
        for name, model in sensing.KINDS.items()
    )
    actuators = (
        Kind(name, "actuator", _what(model), ACTUATORS[name].choices, _keys(model))
        for name, model in acting.KINDS.items()
    )
    return (*sensors, *actuators)


def _what(model: type[Section]) -> str:
    return " ".join((model.__doc__ or "").split())


def _keys(model: type[Section]) -> tuple[Key, ...]:
    return tuple(
        Key(
            key_of(name, field),
            MEANINGS[key_of(name, field)],
            holds(field).replace("`", ""),
            left_out(field).strip("`"),
        )
        for name, field in model.model_fields.items()
        if name != "kind"
    )


def _shown(words: SensorWords) -> str:
    return SHOWS[words.nature]


def _unit(words: SensorWords) -> str:
    """Of several channels each has its own."""
    if words.variants:
        return ", ".join(f"{name} {variant.unit}" for name, variant in words.variants.items() if variant.unit)
    return words.unit or ""


def _events(words: SensorWords) -> tuple[str, ...]:
    """What a kind may say, whichever of its variants it is."""
    every = (words, *words.variants.values())
    return tuple(dict.fromkeys(event for one in every for event in one.events))
