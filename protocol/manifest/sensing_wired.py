"""The sections of what is wired to the header in a way of its own, as people write them. See `protocol.manifest.sensing`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from protocol.manifest.section import REAL, WHOLE, Count, Duration, Flag, Pattern
from protocol.manifest.sensor import Measured, PinNumber, Sensor

ButtonName = Annotated[
    str, Pattern("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "{} is no name: small letters, digits and dashes")
]

Buttons = Annotated[dict[ButtonName, PinNumber], Field(min_length=1, max_length=28)]

Limit = Annotated[float, REAL]


class ButtonBoard(Sensor):
    """Several push buttons, each by its name (gpiozero's ButtonBoard); an event's value is the name."""

    kind: Literal["button-board"]
    buttons: Buttons
    debounce: Duration = 0.0
    hold: Duration = 1.0
    clicks: Duration = 0.0
    pull: Literal["up", "down", "none", ""] = ""


class RotaryEncoder(Sensor):
    """A knob that turns in steps (gpiozero's RotaryEncoder); an event's value is the number of steps from where it began."""

    kind: Literal["rotary-encoder"]
    a: PinNumber
    b: PinNumber
    max_steps: Count = 16
    wrap: Flag = False


class Distance(Measured):
    """An ultrasonic sensor, HC-SR04 for one, in metres (gpiozero's DistanceSensor)."""

    kind: Literal["distance"]
    trigger: PinNumber
    echo: PinNumber
    every: Duration = Field(default=1.0, ge=0.1)
    max_distance: Annotated[float, Field(gt=0, le=10), REAL] = 1.0
    threshold: Limit | None = 0.3
    deadband: Annotated[float, Field(ge=0), REAL] = 0.02


class Light(Measured):
    """A light-dependent resistor that charges a capacitor, from 0 (dark) to 1 (gpiozero's LightSensor)."""

    kind: Literal["light"]
    pin: PinNumber
    every: Duration = Field(default=1.0, ge=0.2)
    charge: Duration = Field(default=0.01, gt=0, le=0.1)
    threshold: Limit | None = 0.1
    deadband: Annotated[float, Field(ge=0), REAL] = 0.05


class Converter(Measured):
    """A channel of a converter on the SPI bus (gpiozero's MCP3xxx): from 0 to 1, or in volts if it is said what 1 is."""

    bus: Literal["spi0.0", "spi0.1"] = "spi0.0"
    every: Duration = Field(default=1.0, ge=0.1)
    max_voltage: Annotated[float, Field(gt=0, le=100), REAL] | None = None
    deadband: Annotated[float, Field(ge=0), REAL] = 0.02


class TwoChannels(Converter):
    """One of its two channels, or the one against the other."""

    channel: Annotated[int, Field(ge=0, le=1), WHOLE] = 0
    differential: Flag = False


class FourChannels(TwoChannels):
    """One of its four channels, or one against its neighbour."""

    channel: Annotated[int, Field(ge=0, le=3), WHOLE] = 0


class EightChannels(TwoChannels):
    """One of its eight channels, or one against its neighbour."""

    channel: Annotated[int, Field(ge=0, le=7), WHOLE] = 0


def _converter(kind: str, base: type[Converter]) -> type[Sensor]:
    """The model of one chip: those of a family differ in their bits alone, which nobody writes."""
    space = {
        "__module__": __name__,
        "__doc__": f"Microchip's {kind.upper()} on the SPI bus. {base.__doc__}",
        "__annotations__": {"kind": Literal[kind]},
    }
    return type(kind.capitalize(), (base,), space)


CHANNELS: Mapping[str, type[Converter]] = {
    "mcp3001": Converter,
    "mcp3002": TwoChannels,
    "mcp3004": FourChannels,
    "mcp3008": EightChannels,
    "mcp3201": Converter,
    "mcp3202": TwoChannels,
    "mcp3204": FourChannels,
    "mcp3208": EightChannels,
    "mcp3301": Converter,
    "mcp3302": FourChannels,
    "mcp3304": EightChannels,
}

WIRED: Mapping[str, type[Sensor]] = {
    "button-board": ButtonBoard,
    "rotary-encoder": RotaryEncoder,
    "distance": Distance,
    "light": Light,
    **{kind: _converter(kind, base) for kind, base in CHANNELS.items()},
}
