"""Reads what is said to an actuator: each value in one spelling, or a refusal that says what its kind takes. Pure.

The same reading for a safe value in a manifest, a command of an operator, and what a function says. Values travel as text; numbers
and booleans, which functions write, are read as the text that means the same.

A value *stands alone* if pins keep it when nobody is left to make pulses: a safe value has to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from protocol.actuator_words import ACTUATORS, Sort
from protocol.desired import ActuatorSpec
from protocol.options import number
from protocol.refusal import Refusal

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "black": "#000000", "white": "#ffffff", "red": "#ff0000", "lime": "#00ff00", "green": "#008000", "blue": "#0000ff",
        "yellow": "#ffff00", "cyan": "#00ffff", "magenta": "#ff00ff", "orange": "#ffa500", "purple": "#800080",
        "pink": "#ffc0cb", "gold": "#ffd700", "violet": "#ee82ee", "indigo": "#4b0082", "turquoise": "#40e0d0",
        "navy": "#000080", "teal": "#008080", "maroon": "#800000", "olive": "#808000", "brown": "#a52a2a",
        "silver": "#c0c0c0", "gray": "#808080", "grey": "#808080",
    }
)  # fmt: skip
"""CSS's names of the colours that people name; any other is said by its digits."""

LOWEST_HZ, HIGHEST_HZ = 20.0, 20000.0
"""What people hear."""

DIGITS = 4
"""Digits after the point that a value keeps: finer than any pin can be put."""

SHOWN = 20
"""Characters of a wrong value that its refusal repeats."""

_NUMBER = re.compile(r"[-+]?([0-9]{1,6}(\.[0-9]{0,9})?|\.[0-9]{1,9})")
_NOTE = re.compile(r"([A-Ga-g])([#b]?)([0-8])")
_STILL: Mapping[Sort, re.Pattern[str]] = MappingProxyType(
    {
        Sort.SWITCH: re.compile("on|off"),
        Sort.LEVEL: re.compile("on|off|0|1"),
        Sort.COLOUR: re.compile("on|off|#(00|ff){3}"),
        Sort.TONE: re.compile("off"),
        Sort.POSITION: re.compile("off"),
        Sort.ANGLE: re.compile("off"),
        Sort.SPEED: re.compile("off|forward|backward|0|1|-1"),
    }
)


def taken(spec: ActuatorSpec, value: object) -> str | Refusal:
    """A value in the spelling of its kind, or why it is none."""
    words = ACTUATORS.get(spec.kind)
    if words is None:
        return Refusal(f"{spec.kind!r} is no kind of actuator that is known here", spec.name)
    text = _text(value)
    if text.lower() in words.values:
        return text.lower()
    read = _READ[words.sort](spec, text)
    return Refusal(f"{spec.kind} takes {words.choices}, not {text[:SHOWN]!r}", spec.name) if read is None else read


def stands_alone(spec: ActuatorSpec, value: str) -> bool:
    """Whether pins that are left alone keep a value that was taken."""
    still = _STILL.get(ACTUATORS[spec.kind].sort)
    return still is None or still.fullmatch(value) is not None


def number_of(text: str) -> float | None:
    """A number that is written as one, plain or in percent."""
    is_percent = text.endswith("%")
    plain = text.removesuffix("%").strip()
    if not _NUMBER.fullmatch(plain):
        return None
    return float(plain) / 100 if is_percent else float(plain)


def frequency_of(tone: str) -> float:
    """The frequency of a tone that was taken, in Hz: equal temperament, A4 is 440 Hz."""
    found = _NOTE.fullmatch(tone)
    if found is None:
        return float(tone)
    letter, accidental, octave = found.groups()
    steps = "C D EF G A B".index(letter) + {"#": 1, "b": -1, "": 0}[accidental] + 12 * (int(octave) - 4)
    return 440.0 * math.exp2((steps - 9) / 12)


def limits_of(spec: ActuatorSpec) -> tuple[float, float]:
    """The least and the greatest angle of a servo, in degrees."""
    return number(spec, "min_angle", -90.0), number(spec, "max_angle", 90.0)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return f"{round(value, DIGITS):.10g}"
    return value.strip() if isinstance(value, str) else f"<{type(value).__name__}>"


def _within(value: float | None, low: float, high: float) -> str | None:
    if value is None or not low <= value <= high:
        return None
    return f"{round(value, DIGITS) + 0.0:.10g}"


def _nothing(spec: ActuatorSpec, text: str) -> None:
    del spec, text


def _level(spec: ActuatorSpec, text: str) -> str | None:
    del spec
    return _within(number_of(text), 0.0, 1.0)


def _signed(spec: ActuatorSpec, text: str) -> str | None:
    del spec
    return _within(number_of(text), -1.0, 1.0)


def _angle(spec: ActuatorSpec, text: str) -> str | None:
    return None if text.endswith("%") else _within(number_of(text.removesuffix("°")), *limits_of(spec))


def _colour(spec: ActuatorSpec, text: str) -> str | None:
    del spec
    colour = COLOURS.get(text.lower(), text.lower())
    if re.fullmatch("#[0-9a-f]{3}", colour):
        colour = "#" + "".join(2 * digit for digit in colour[1:])
    return colour if re.fullmatch("#[0-9a-f]{6}", colour) else None


def _tone(spec: ActuatorSpec, text: str) -> str | None:
    del spec
    found = _NOTE.fullmatch(text)
    if found is not None:
        note = found[1].upper() + found[2] + found[3]
        return note if LOWEST_HZ <= frequency_of(note) <= HIGHEST_HZ else None
    plain = re.sub("(?i) *hz$", "", text)
    return None if plain.endswith("%") else _within(number_of(plain), LOWEST_HZ, HIGHEST_HZ)


def _pattern(spec: ActuatorSpec, text: str) -> str | None:
    pins = spec.options.get("pins")
    size = len(pins) if isinstance(pins, list) else 0
    return text if re.fullmatch("[01]+", text) and len(text) == size else None


def _lights(spec: ActuatorSpec, text: str) -> str | None:
    del spec
    said = {part.strip() for part in text.lower().split("+")}
    lights = ("red", "amber", "green")
    return "+".join(light for light in lights if light in said) if said <= set(lights) else None


_READ: Mapping[Sort, Callable[[ActuatorSpec, str], str | None]] = MappingProxyType(
    {
        Sort.SWITCH: _nothing,
        Sort.LEVEL: _level,
        Sort.COLOUR: _colour,
        Sort.TONE: _tone,
        Sort.POSITION: _signed,
        Sort.ANGLE: _angle,
        Sort.SPEED: _signed,
        Sort.PATTERN: _pattern,
        Sort.BAR: _signed,
        Sort.LIGHTS: _lights,
    }
)
