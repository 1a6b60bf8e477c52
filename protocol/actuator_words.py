"""Which values each kind of actuator takes: words of its own, and of many kinds a number, a colour, a tone or a pattern.

Pure words; how a value is read stands in `protocol.values`, what it does to the pins in `sensors.outputs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Sort(StrEnum):
    """What a value of a kind is."""

    SWITCH = "switch"
    LEVEL = "level"
    COLOUR = "colour"
    TONE = "tone"
    POSITION = "position"
    ANGLE = "angle"
    SPEED = "speed"
    PATTERN = "pattern"
    BAR = "bar"
    LIGHTS = "lights"


TAKEN: Mapping[Sort, str] = MappingProxyType(
    {
        Sort.LEVEL: "a level from 0 to 1 (or 0% to 100%)",
        Sort.COLOUR: "a colour (#rrggbb, or a name such as orange)",
        Sort.TONE: "a note (A4, C#5) or a frequency from 20 to 20000 Hz",
        Sort.POSITION: "a position from -1 to 1",
        Sort.ANGLE: "degrees from min_angle to max_angle",
        Sort.SPEED: "a speed from -1 to 1",
        Sort.PATTERN: "a 0 or 1 for each light (0110)",
        Sort.BAR: "a level from -1 to 1 (or -100% to 100%)",
        Sort.LIGHTS: "several with + between (red+amber)",
    }
)
"""What a sort takes besides its words."""


@dataclass(frozen=True, slots=True)
class ActuatorWords:
    """What may be said to one kind of actuator."""

    values: tuple[str, ...] = ("on", "off")
    sort: Sort = Sort.SWITCH

    @property
    def also(self) -> str:
        """What it takes besides its words, for people; empty where there is nothing else."""
        return TAKEN.get(self.sort, "")

    @property
    def choices(self) -> str:
        """All that it takes, for people."""
        *most, last = (*self.values, *([self.also] if self.also else []))
        return f"{', '.join(most)} or {last}"


ACTUATORS: Mapping[str, ActuatorWords] = MappingProxyType(
    {
        "led": ActuatorWords(("on", "off", "blink")),
        "buzzer": ActuatorWords(("on", "off", "beep")),
        "relay": ActuatorWords(),
        "digital-output": ActuatorWords(),
        "pwm-led": ActuatorWords(("on", "off", "blink"), Sort.LEVEL),
        "pwm": ActuatorWords(("on", "off"), Sort.LEVEL),
        "rgb-led": ActuatorWords(("on", "off"), Sort.COLOUR),
        "tonal-buzzer": ActuatorWords(("off",), Sort.TONE),
        "servo": ActuatorWords(("off", "min", "mid", "max"), Sort.POSITION),
        "angular-servo": ActuatorWords(("off", "min", "mid", "max"), Sort.ANGLE),
        "motor": ActuatorWords(("off", "forward", "backward"), Sort.SPEED),
        "led-board": ActuatorWords(("on", "off"), Sort.PATTERN),
        "led-bar": ActuatorWords(("on", "off"), Sort.BAR),
        "traffic-lights": ActuatorWords(("on", "off", "red", "amber", "green"), Sort.LIGHTS),
    }
)
