"""The catalogue: how each kind of sensor stands on its pin. Data only; gpiozero is not imported here.

A sensor's level is *on* or *off*: its first event says that it went on (pressed, motion), its second that it went off. Which
electrical level means *on* follows from the pull, as with gpiozero's class of the same name: a pulled-up pin is on when
something pulls it low. `line` is the other way round, because its usual module (TCRT5000) goes low over the line.

With `pull: none` the circuit outside must hold the level; then a button closes to ground (low is on), and modules that drive
their output are on when high.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from protocol import devices
from protocol.claims import own_pins_of
from protocol.desired import SensorSpec
from protocol.devices import CLICKED, HELD
from protocol.options import text
from protocol.sensor_words import Nature


class Pull(StrEnum):
    """The resistor inside the chip that holds an input while nothing else does."""

    UP = "up"
    DOWN = "down"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SensorKind:
    """One kind of sensor: its words, its usual pull, and for each pull whether a high pin means *on*."""

    on: str
    off: str
    pull: Pull
    on_is_high: Mapping[Pull, bool]
    held: str = ""

    @property
    def events(self) -> tuple[str, ...]:
        """Every event of this kind, in the order of `protocol.devices`."""
        return (self.on, self.off, self.held, *CLICKED) if self.held else (self.on, self.off)


_CLOSES_TO_GROUND = MappingProxyType({Pull.UP: False, Pull.DOWN: True, Pull.NONE: False})
_DRIVES_HIGH = MappingProxyType({Pull.UP: False, Pull.DOWN: True, Pull.NONE: True})
_LOW_OVER_LINE = MappingProxyType({Pull.UP: True, Pull.DOWN: False, Pull.NONE: False})

SENSORS: Mapping[str, SensorKind] = MappingProxyType(
    {
        "button": SensorKind("pressed", "released", Pull.UP, _CLOSES_TO_GROUND, held=HELD),
        "motion": SensorKind("motion", "no-motion", Pull.DOWN, _DRIVES_HIGH),
        "line": SensorKind("line", "no-line", Pull.DOWN, _LOW_OVER_LINE),
        "digital": SensorKind("activated", "deactivated", Pull.DOWN, _DRIVES_HIGH),
    }
)


LIKE: Mapping[str, str] = MappingProxyType({"button-board": "button", "rotary-encoder": "button"})
"""Kinds of several pins, each of which is wired as that of another kind."""


def pull_of(spec: SensorSpec) -> Pull:
    """The pull that this sensor's pin gets: its own, or else its kind's."""
    return Pull(text(spec, "pull") or _wiring(spec).pull)


def on_is_high(spec: SensorSpec) -> bool:
    """Whether a high pin means that this sensor is on."""
    return _wiring(spec).on_is_high[pull_of(spec)]


def high_for(spec: SensorSpec, event: str) -> bool | None:
    """The level to drive a mock pin to, so that this sensor makes `event`; None if the pin cannot make it at once."""
    kind = SENSORS.get(LIKE.get(spec.kind, spec.kind))
    if kind is None or event not in (kind.on, kind.off):
        return None
    return on_is_high(spec) == (event == kind.on)


def turn_for(spec: SensorSpec, event: str) -> tuple[tuple[int, bool], ...]:
    """The levels to drive an encoder's mock pins to, one after the other, so that it makes `event`; empty for what is none."""
    words, pins = devices.SENSORS.get(spec.kind), own_pins_of(spec)
    if words is None or words.nature is not Nature.TURNS or event not in words.events or len(pins) != 2:
        return ()
    order = pins if event == words.events[0] else pins[::-1]
    is_high = on_is_high(spec)
    return tuple((pin, level) for level in (is_high, not is_high) for pin in order)


def _wiring(spec: SensorSpec) -> SensorKind:
    return SENSORS[LIKE.get(spec.kind, spec.kind)]
