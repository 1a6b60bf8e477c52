"""The kinds of sensors that the kernel reads (IIO, hwmon, 1-Wire) as people write them. Their words are in `protocol.sources`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from protocol.manifest.section import WHOLE, Pattern
from protocol.manifest.sensor import Measured, Sensor

Match = Annotated[str, Pattern("[^/ ]{1,64}", "{} is no name of a device")]
Place = Annotated[int, Field(ge=0, le=99), WHOLE]


class Chip(Measured):
    """A chip that the kernel knows by name; `number` tells several channels of one sort apart, the lowest if it is left out."""

    match: Match
    number: Place | None = None


class Iio(Chip):
    """A channel of a chip under /sys/bus/iio: BME280, BMP280, DHT11, DHT22, BH1750, ADS1015, SCD30 ..."""

    kind: Literal["iio"]
    channel: Literal["temp", "humidity", "pressure", "illuminance", "voltage", "current", "power", "co2", "distance"]


class Hwmon(Chip):
    """A channel of a chip under /sys/class/hwmon: INA219, LM75, TMP102, SHT3x, a fan ..."""

    kind: Literal["hwmon"]
    channel: Literal["temp", "humidity", "voltage", "current", "power", "fan"]


class W1(Measured):
    """A thermometer on a 1-Wire bus, DS18B20 for one; `match` is its number (`28-...`), needed where there are several."""

    kind: Literal["w1"]
    match: Match | None = None


KERNEL: Mapping[str, type[Sensor]] = {"iio": Iio, "hwmon": Hwmon, "w1": W1}
