"""The kinds of actuators as people write them: each with the keys and the safe values that mean something for it.

What is read here becomes an `ActuatorSpec`; which values a kind takes stands in `protocol.devices`, how they are put out in
`sensors.kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from protocol.by_kind import ByKind
from protocol.conditions import Constraints
from protocol.section import Flag, Section
from protocol.sensing import PinNumber


class Actuator(Section):
    """An output of the nodes that the constraints let through."""

    kind: str
    safe: str = "off"
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
    """A relay, or whatever else is switched (gpiozero's DigitalOutputDevice)."""

    kind: Literal["relay"]


KINDS: Mapping[str, type[Actuator]] = {"led": Led, "buzzer": Buzzer, "relay": Relay}

AnyActuator = Annotated[Actuator, ByKind(KINDS, "kind of actuator")]
