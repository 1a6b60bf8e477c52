"""What a value does to the pins of an actuator: which of them are high, and which make pulses, how wide and how many. Pure.

What is wholly on or off is a still level and no pulse, so it stays when nobody is left to make pulses (safe states). Pins that go
off come first: a motor's two directions, or red and green, are never on together in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from protocol.actuator_words import ACTUATORS, Sort
from protocol.claims import own_pins_of
from protocol.desired import ActuatorSpec
from protocol.options import flag, number
from protocol.values import frequency_of, limits_of, number_of

BLINK_HZ = 1.0
"""Half a second on, half a second off, as gpiozero's `pulse` and most appliances do it."""

HALF = 0.5

BLINKS = ("blink", "beep")

LIT = 1e-6
"""Rounding of a bar's level must not leave a light out: 0.3 of ten lights is three."""


@dataclass(frozen=True, slots=True)
class Drive:
    """One pin: the part of the time in which it is high, of so many pulses a second; None: of no pulses, a still level."""

    pin: int
    high: float
    pulses_hz: float | None = None


def drives(spec: ActuatorSpec, value: str) -> tuple[Drive, ...]:
    """How each pin is driven for a value that was taken, in that order."""
    sort = ACTUATORS[spec.kind].sort
    levels, pulses_hz = _LEVELS[sort](spec, value), _pulses_hz(spec, sort, value)
    is_high = flag(spec, "active_high", default=True)
    return tuple(
        Drive(pin, round(level if is_high else 1.0 - level, 6), pulses_hz if 0.0 < level < 1.0 else None)
        for level, pin in sorted(zip(levels, own_pins_of(spec), strict=False))
    )


def _pulses_hz(spec: ActuatorSpec, sort: Sort, value: str) -> float:
    if value in BLINKS:
        return BLINK_HZ
    if sort is Sort.TONE and value != "off":
        return frequency_of(value)
    if sort in (Sort.POSITION, Sort.ANGLE):
        return 1.0 / number(spec, "frame", 0.02)
    return number(spec, "frequency", 100.0)


def _switch(spec: ActuatorSpec, value: str) -> tuple[float, ...]:
    del spec
    return (HALF if value in BLINKS else float(value == "on"),)


def _level(spec: ActuatorSpec, value: str) -> tuple[float, ...]:
    found = number_of(value)
    return _switch(spec, value) if found is None else (found,)


def _colour(spec: ActuatorSpec, value: str) -> tuple[float, ...]:
    digits = {"on": "ffffff", "off": "000000"}.get(value, value[1:])
    parts = tuple(int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return tuple(parts[("red", "green", "blue").index(key)] for key in ("red", "green", "blue") if key in spec.options)


def _tone(spec: ActuatorSpec, value: str) -> tuple[float, ...]:
    del spec
    return (0.0 if value == "off" else HALF,)


def _position(spec: ActuatorSpec, value: str) -> tuple[float, ...]:
    """The part of a frame that a pulse takes; a servo without pulses is limp, which is its off."""
    if value == "off":
        return (0.0,)
    low, high = limits_of(spec) if ACTUATORS[spec.kind].sort is Sort.ANGLE else (-1.0, 1.0)
    found = {"min": low, "mid": (low + high) / 2, "max": high}.get(value)
    at = (float(value) if found is None else found) - low
    shortest_s, longest_s = number(spec, "min_pulse", 0.001), number(spec, "max_pulse", 0.002)
    return ((shortest_s + (longest_s - shortest_s) * at / (high - low)) / number(spec, "frame", 0.02),)


def _speed(spec: ActuatorSpec, value: str) -> tuple[float, ...]:
    """Forward, backward, and a third pin that enables both if there is one."""
    found = {"off": 0.0, "forward": 1.0, "backward": -1.0}.get(value)
    speed = float(value) if found is None else found
    both = (max(speed, 0.0), max(-speed, 0.0))
    return (*both, float(speed != 0.0)) if "enable" in spec.options else both


def _pattern(spec: ActuatorSpec, value: str) -> tuple[float, ...]:
    if value in ("on", "off"):
        return tuple(float(value == "on") for _ in own_pins_of(spec))
    return tuple(float(digit) for digit in value)


def _bar(spec: ActuatorSpec, value: str) -> tuple[float, ...]:
    """So many of the lights, from the first of them, or below zero from the last."""
    size = len(own_pins_of(spec))
    found = {"on": 1.0, "off": 0.0}.get(value)
    level = float(value) if found is None else found
    lights = tuple(float(place < int(abs(level) * size + LIT)) for place in range(size))
    return lights if level >= 0.0 else lights[::-1]


def _lights(spec: ActuatorSpec, value: str) -> tuple[float, ...]:
    del spec
    return tuple(float(value == "on" or light in value.split("+")) for light in ("red", "amber", "green"))


_LEVELS: Mapping[Sort, Callable[[ActuatorSpec, str], tuple[float, ...]]] = MappingProxyType(
    {
        Sort.SWITCH: _switch,
        Sort.LEVEL: _level,
        Sort.COLOUR: _colour,
        Sort.TONE: _tone,
        Sort.POSITION: _position,
        Sort.ANGLE: _position,
        Sort.SPEED: _speed,
        Sort.PATTERN: _pattern,
        Sort.BAR: _bar,
        Sort.LIGHTS: _lights,
    }
)
