"""The kinds of sensors as people write them: each with the keys that mean something for it, and no others.

What is read here becomes the options of a `SensorSpec`; the words that a kind says are in `protocol.devices`, how it is wired in
`sensors.kinds`. A new kind is one class here and one entry in each of the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from protocol.manifest.by_kind import ByKind
from protocol.manifest.section import Duration, Pattern
from protocol.manifest.sensing_kernel import KERNEL
from protocol.manifest.sensing_mqtt import MQTT
from protocol.manifest.sensing_own import Own
from protocol.manifest.sensing_system import SYSTEM
from protocol.manifest.sensing_wired import WIRED
from protocol.manifest.sensor import Measured, PinNumber, Sensor

__all__ = ["KINDS", "AnySensor", "Button", "Measured", "PinNumber", "Sensor"]


class OnPin(Sensor):
    """A pin (BCM number) that is on or off."""

    pin: PinNumber
    debounce: Duration = 0.0
    settle: Duration = 0.0
    delayed_on: Duration | None = None
    delayed_off: Duration | None = None
    pull: Literal["up", "down", "none", ""] = ""


class Button(OnPin):
    """A push button that closes to ground (gpiozero's Button)."""

    kind: Literal["button"]
    hold: Duration = 1.0
    clicks: Duration = 0.0


class Motion(OnPin):
    """A passive infrared sensor (gpiozero's MotionSensor)."""

    kind: Literal["motion"]


class Line(OnPin):
    """A reflective sensor that goes low over a line, TCRT5000 for one (gpiozero's LineSensor)."""

    kind: Literal["line"]


class Digital(OnPin):
    """Anything that drives a pin high when it is active (gpiozero's DigitalInputDevice)."""

    kind: Literal["digital"]


class CpuTemperature(Measured):
    """The processor, in degrees Celsius (gpiozero's CPUTemperature)."""

    kind: Literal["cpu-temperature"]


class LoadAverage(Measured):
    """Processes that run or wait for a disk, on average over so many minutes (gpiozero's LoadAverage)."""

    kind: Literal["load-average"]
    minutes: Literal[1, 5, 15] = 5


class DiskUsage(Measured):
    """The file system at a path of the node, in percent (gpiozero's DiskUsage)."""

    kind: Literal["disk-usage"]
    path: Annotated[str, Pattern("/.*", "{} is no absolute path")] = "/"


KINDS: Mapping[str, type[Sensor]] = {
    "button": Button,
    "motion": Motion,
    "line": Line,
    "digital": Digital,
    **WIRED,
    "cpu-temperature": CpuTemperature,
    "load-average": LoadAverage,
    "disk-usage": DiskUsage,
    **KERNEL,
    **SYSTEM,
    **MQTT,
}

AnySensor = Annotated[Sensor, ByKind(KINDS, "kind of sensor", Own)]
