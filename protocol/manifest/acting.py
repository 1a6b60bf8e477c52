"""The kinds of actuators as people write them: each with the keys and the safe values that mean something for it.

What is read here becomes an `ActuatorSpec`; which values a kind takes stands in `protocol.actuator_words` and is read by
`protocol.values`, a safe value as well; what it does to the pins is `sensors.outputs`' part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from protocol.manifest.by_kind import ByKind
from protocol.manifest.conditions import Constraints
from protocol.manifest.section import REAL, Duration, Flag, Form, Section
from protocol.manifest.sensor import PinNumber


def _real(value: object) -> object:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


Frequency = Annotated[float, Field(ge=1, le=10000), REAL]
"""Pulses a second; lgpio makes at most 10,000."""

SIGNED = Form(_real, "a number")
"""A number that may be below zero, in YAML often written as a whole one."""

Pins = Annotated[list[PinNumber], Field(min_length=1, max_length=28)]


def _written(value: object) -> object:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else value


Value = Annotated[str, Form(_written, "a value of the kind", ({"type": "number"},))]


class Actuator(Section):
    """An output of the nodes that the constraints let through."""

    kind: str
    safe: Value = "off"
    nodes: Constraints = []


class OnOff(Actuator):
    """A pin (BCM number) that is put on or off."""

    pin: PinNumber
    safe: Literal["on", "off"] = "off"
    active_high: Flag = True


class Led(OnOff):
    """A light (gpiozero's LED)."""

    kind: Literal["led"]


class Buzzer(OnOff):
    """A buzzer with a tone of its own (gpiozero's Buzzer)."""

    kind: Literal["buzzer"]


class Relay(OnOff):
    """A relay (gpiozero's DigitalOutputDevice)."""

    kind: Literal["relay"]


class DigitalOutput(OnOff):
    """Whatever else is switched (gpiozero's DigitalOutputDevice)."""

    kind: Literal["digital-output"]


class Dimmed(Actuator):
    """A pin (BCM number) that makes pulses, on for a part of the time."""

    pin: PinNumber
    frequency: Frequency = 100.0
    active_high: Flag = True


class PwmLed(Dimmed):
    """A light that can be dimmed (gpiozero's PWMLED)."""

    kind: Literal["pwm-led"]


class Pwm(Dimmed):
    """A fan, or whatever else runs on pulses (gpiozero's PWMOutputDevice)."""

    kind: Literal["pwm"]


class RgbLed(Actuator):
    """A light of three colours (gpiozero's RGBLED)."""

    kind: Literal["rgb-led"]
    red: PinNumber
    green: PinNumber
    blue: PinNumber
    frequency: Frequency = 100.0
    active_high: Flag = True


class TonalBuzzer(Actuator):
    """A buzzer without a tone of its own (gpiozero's TonalBuzzer)."""

    kind: Literal["tonal-buzzer"]
    pin: PinNumber


class Turned(Actuator):
    """A pin (BCM number) that tells a servo where to turn, by the length of its pulses; off is without any, and limp."""

    pin: PinNumber
    min_pulse: Duration = Field(default=0.001, gt=0)
    max_pulse: Duration = Field(default=0.002, gt=0)
    frame: Duration = Field(default=0.02, ge=0.003, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min_pulse < self.max_pulse < self.frame:
            raise ValueError("min_pulse must be shorter than max_pulse, and that shorter than frame")
        return self


class Servo(Turned):
    """A servo by its position (gpiozero's Servo)."""

    kind: Literal["servo"]


class AngularServo(Turned):
    """A servo by its angle (gpiozero's AngularServo)."""

    kind: Literal["angular-servo"]
    min_angle: Annotated[float, Field(ge=-360, le=360), SIGNED] = -90.0
    max_angle: Annotated[float, Field(ge=-360, le=360), SIGNED] = 90.0

    @model_validator(mode="after")
    def _turns(self) -> Self:
        if not self.min_angle < self.max_angle:
            raise ValueError("min_angle must be less than max_angle")
        return self


class Motor(Actuator):
    """A motor on a bridge with a pin for each direction, and perhaps one that enables it (gpiozero's Motor)."""

    kind: Literal["motor"]
    forward: PinNumber
    backward: PinNumber
    enable: PinNumber | None = None
    frequency: Frequency = 100.0


class LedBoard(Actuator):
    """Several lights, each by itself (gpiozero's LEDBoard)."""

    kind: Literal["led-board"]
    pins: Pins
    active_high: Flag = True


class LedBar(Actuator):
    """Several lights in a row that show a level (gpiozero's LEDBarGraph)."""

    kind: Literal["led-bar"]
    pins: Pins
    active_high: Flag = True


class TrafficLights(Actuator):
    """Three lights (gpiozero's TrafficLights)."""

    kind: Literal["traffic-lights"]
    red: PinNumber
    amber: PinNumber
    green: PinNumber
    active_high: Flag = True


KINDS: Mapping[str, type[Actuator]] = {
    "led": Led,
    "buzzer": Buzzer,
    "relay": Relay,
    "digital-output": DigitalOutput,
    "pwm-led": PwmLed,
    "pwm": Pwm,
    "rgb-led": RgbLed,
    "tonal-buzzer": TonalBuzzer,
    "servo": Servo,
    "angular-servo": AngularServo,
    "motor": Motor,
    "led-board": LedBoard,
    "led-bar": LedBar,
    "traffic-lights": TrafficLights,
}

AnyActuator = Annotated[Actuator, ByKind(KINDS, "kind of actuator")]
