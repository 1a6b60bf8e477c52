"""Chips that the kernel reads for us: IIO, hwmon and 1-Wire in /sys, in the units that people use.

A chip is found anew for each reading, so it may come late, go, and come back under another number. It is matched by its name
(`bme280`), its entry (`iio:device0`), or its address on the bus (`1-0076`) where several have one name.

A probe raises OSError or ValueError with a sentence: none or several match, there is no such channel, the chip did not answer. A
DHT22 does not answer every third time, so a chip is asked up to `TRIES` times before that is a fault.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from protocol.desired import SensorSpec
from protocol.options import number, text
from sensors.sampler import Probe

TRIES = 4
# One of three answers of a DHT22 is lost on a busy Pi: four tries leave one fault in a hundred readings.
PASSING = frozenset({errno.EIO, errno.ETIMEDOUT, errno.EAGAIN})
ROUNDED = 6
# Digits that no chip measures, and that a product of a scale has.

IIO, HWMON, W1 = "sys/bus/iio/devices", "sys/class/hwmon", "sys/bus/w1/devices"
W1_FAMILIES = ("10-", "22-", "28-", "3b-", "42-")
"""Thermometers, by the first byte of their number (kernel, drivers/w1/slaves/w1_therm.c)."""


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of channel: the beginning of its files' names, and what their numbers are to be multiplied with."""

    stem: str
    factor: float


IIO_SORTS: Mapping[str, Sort] = {
    "temp": Sort("in_temp", 1e-3),
    "humidity": Sort("in_humidityrelative", 1e-3),
    "pressure": Sort("in_pressure", 10.0),
    "illuminance": Sort("in_illuminance", 1.0),
    "voltage": Sort("in_voltage", 1e-3),
    "current": Sort("in_current", 1e-3),
    "power": Sort("in_power", 1e-3),
    "co2": Sort("in_concentration_co2", 1e4),
    "distance": Sort("in_distance", 1.0),
}
"""The kernel's units (Documentation/ABI/testing/sysfs-bus-iio): m°C, m%, kPa, lx, mV, mA, mW, %, m."""

HWMON_SORTS: Mapping[str, Sort] = {
    "temp": Sort("temp", 1e-3),
    "humidity": Sort("humidity", 1e-3),
    "voltage": Sort("in", 1e-3),
    "current": Sort("curr", 1e-3),
    "power": Sort("power", 1e-6),
    "fan": Sort("fan", 1.0),
}
"""The kernel's units (Documentation/hwmon/sysfs-interface.rst): m°C, m%, mV, mA, µW, rpm."""


def iio(spec: SensorSpec, root: Path) -> Probe:
    """One channel of a chip under /sys/bus/iio: what is processed already, or else (raw + offset) * scale."""

    def read() -> float:
        sort = _sort(IIO_SORTS, spec)
        chip = _chip(root / IIO, text(spec, "match"))
        stem = _channel(chip, sort.stem, ("_input", "_raw"), spec)
        if (chip / f"{stem}_input").exists():
            return _number(chip / f"{stem}_input") * sort.factor
        raw, offset = _number(chip / f"{stem}_raw"), _shared(chip, stem, sort.stem, "offset", 0.0)
        return (raw + offset) * _shared(chip, stem, sort.stem, "scale", 1.0) * sort.factor

    return _patient(read)


def hwmon(spec: SensorSpec, root: Path) -> Probe:
    """One channel of a chip under /sys/class/hwmon."""

    def read() -> float:
        sort = _sort(HWMON_SORTS, spec)
        chip = _chip(root / HWMON, text(spec, "match"))
        return _number(chip / f"{_channel(chip, sort.stem, ('_input',), spec)}_input") * sort.factor

    return _patient(read)


def w1(spec: SensorSpec, root: Path) -> Probe:
    """A thermometer on a 1-Wire bus, in degrees Celsius."""

    def read() -> float:
        there = [one for one in _entries(root / W1) if one.name.startswith(W1_FAMILIES)]
        chip = _only(root / W1, there, text(spec, "match"))
        if (chip / "temperature").exists():
            return _number(chip / "temperature") / 1000
        return _w1_slave(chip / "w1_slave")

    return _patient(read)


KERNEL: Mapping[str, Callable[[SensorSpec, Path], Probe]] = {"iio": iio, "hwmon": hwmon, "w1": w1}


def _sort(sorts: Mapping[str, Sort], spec: SensorSpec) -> Sort:
    """The sort of channel that is meant; a newer controller may know of others."""
    said = text(spec, "channel")
    if said not in sorts:
        raise ValueError(f"{said!r} is no channel that this agent knows: {', '.join(sorts)}; a newer one may")
    return sorts[said]


def _patient(read: Callable[[], float]) -> Probe:
    """Ask again what does not answer at once."""

    def probe() -> float:
        for _ in range(TRIES - 1):
            try:
                return round(read(), ROUNDED)
            except OSError as error:
                if error.errno not in PASSING:
                    raise
        return round(read(), ROUNDED)

    return probe


def _chip(place: Path, match: str) -> Path:
    return _only(place, [one for one in _entries(place) if _name(one)], match)


def _entries(place: Path) -> list[Path]:
    return sorted(place.iterdir()) if place.is_dir() else []


def _only(place: Path, there: list[Path], match: str) -> Path:
    """The one chip that is meant; without a match the only one that is there."""
    fits = [one for one in there if not match or match in (_name(one), one.name, _address(one))]
    if len(fits) == 1:
        return fits[0]
    listed = ", ".join(f"{_name(one) or 'a thermometer'} ({one.name} at {_address(one)})" for one in there) or "nothing"
    said = f"{match!r} is there {len(fits)} times" if fits else f"there is no {match or 'device'!r}"
    raise ValueError(f"{said} under /{'/'.join(place.parts[-4:])}; there is {listed}")


def _name(chip: Path) -> str:
    """The name that the driver gives the chip; of older hwmon drivers it is the device's."""
    return next((_text(path) for path in (chip / "name", chip / "device/name") if path.is_file()), "")


def _address(chip: Path) -> str:
    """Where the chip sits on its bus."""
    device = chip / "device"
    return device.resolve().name if device.exists() else chip.resolve().parent.name


def _channel(chip: Path, stem: str, ends: tuple[str, ...], spec: SensorSpec) -> str:
    """The beginning of the files of the channel that is meant: the one of its number, or the lowest that there is."""
    found: dict[int, str] = {}
    for file in _entries(chip):
        for end in ends:
            digits = file.name.removeprefix(stem).removesuffix(end)
            if file.name == f"{stem}{digits}{end}" and (digits.isdecimal() or not digits):
                found[int(digits or 0)] = f"{stem}{digits}"
    wanted = round(number(spec, "number")) if "number" in spec.options else min(found, default=0)
    if wanted not in found:
        numbered = f" {wanted}" if found else ""
        there = ", ".join(sorted(file.name for file in _entries(chip) if file.name.endswith(ends))) or "nothing"
        raise ValueError(
            f"{_name(chip)} ({chip.name}) has no channel {text(spec, 'channel')}{numbered}; it has {there}"
        )
    return found[wanted]


def _shared(chip: Path, stem: str, sort: str, what: str, default: float) -> float:
    """The scale or offset of a channel, or the one that all of its sort share."""
    paths = (chip / f"{stem}_{what}", chip / f"{sort}_{what}")
    return next((_number(path) for path in paths if path.exists()), default)


def _w1_slave(path: Path) -> float:
    """What older kernels say of a thermometer: two lines, the first with the verdict on the checksum."""
    said = _text(path)
    if "YES" not in said.partition("\n")[0]:
        raise OSError(errno.EIO, "the checksum is wrong", str(path))
    return float(said.rpartition("t=")[2]) / 1000


def _number(path: Path) -> float:
    said = _text(path)
    try:
        value = float(said)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{path} says {said[:40]!r}, which is no number")
    return value


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip()
