"""The sensors on pins and buses that are asked for their value: distance by an echo, light by a charge, voltage by a converter.

Their pins are claimed like any other, and opened here; what is asked of them goes to a sampler of its own, because each may keep it
waiting (0.1 s at most). When one goes, the sampler is ended first: nobody asks a pin that is somebody else's.

gpiozero's classes for the first two are not used: each has a thread that never rests, and lgpio forgets the callback of the second.
What may fail is told as the `fault` of a `DeviceStatus` when it is opened, and as a `Faulted` when it is asked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from types import MappingProxyType
from typing import Any

from protocol.claims import spi_of
from protocol.desired import SensorSpec
from protocol.observed import DeviceStatus
from protocol.options import flag, number, place_of
from protocol.refusal import Refusal
from protocol.shapes import JsonValue
from protocol.wired import CONVERTERS
from sensors.header import Fault, Header, Pin, words
from sensors.sampler import Probe, Sampled, Sampler
from sensors.stage import Faulted, Reading

SHORTEST_S = 0.1
"""An echo may take so long."""

TRIGGER_S = 10e-6
"""How long an HC-SR04 wants its trigger high (its data sheet)."""

ECHO_S = 0.1
"""An HC-SR04 that hears nothing ends its pulse after 38 ms (its data sheet)."""

SOUND_M_PER_S = 343.26
"""At 20 °C in air, as gpiozero has it; ten degrees are two percent."""

DISCHARGE_S = 0.1
"""How long gpiozero gives the capacitor to run empty."""

LOOK_S = 0.0001
"""Between two looks at a capacitor that charges: a hundredth of the usual charge."""


class Gauges:
    """The gauges of this node that are open."""

    def __init__(self, deliver: Callable[[Reading | Faulted], object], header: Header) -> None:
        self._sampler, self._header = Sampler(deliver), header
        self._open: dict[str, tuple[SensorSpec, Sampled]] = {}
        self._shown: dict[str, float] = {}

    def set_all(self, specs: tuple[SensorSpec, ...]) -> tuple[DeviceStatus, ...]:
        """Have exactly these open; a status for each, in the same order. Their values come with their first readings."""
        self.keep(specs)
        statuses = tuple(self._opened(spec) for spec in specs)
        self._sampler.keep({name: sampled for name, (_, sampled) in self._open.items()})
        return statuses

    def keep(self, specs: tuple[SensorSpec, ...]) -> None:
        """Close all but these, so that their pins can be used for something else."""
        gone = [one for one in self._open.values() if one[0] not in specs]
        if gone:
            self._sampler.close()
        for spec, sampled in gone:
            close = getattr(sampled.probe, "close", None)
            if close is not None:
                close()
            self._header.release(spec, _user(spec))
            self._shown.pop(spec.name, None)
            del self._open[spec.name]

    def show(self, name: str, value: float) -> Refusal | None:
        """On mock pins: this is what it shows when it is asked next, and from then on."""
        if name not in self._open:
            return Refusal(
                f"there is no gauge {name!r} open here, only: {', '.join(sorted(self._open)) or 'none'}", name
            )
        if not self._header.is_mock:
            return Refusal(f"{name} sits on real pins, and only mock pins can be driven", name)
        self._shown[name] = value
        return None

    def close(self) -> None:
        """Ask nothing any more."""
        self.keep(())

    def _opened(self, spec: SensorSpec) -> DeviceStatus:
        known = self._open.get(spec.name)
        if known is None:
            fault = self._start(spec)
        elif known[0] == spec:
            fault = None
        else:
            fault = Fault(f"{_user(spec)}: stack {known[0].stack} has a sensor of that name on this node")
        return DeviceStatus(spec.name, spec.kind, place_of(spec), fault=fault.reason if fault else "")

    def _start(self, spec: SensorSpec) -> Fault | None:
        missing = "" if self._header.is_mock or not spi_of(spec) else _missing_bus(spi_of(spec))
        if missing:
            return Fault(f"{_user(spec)}: {missing}")
        pins = self._header.claim(spec, _user(spec))
        if isinstance(pins, Fault):
            return pins
        try:
            probe = _GAUGES[spec.kind](spec, self._header, pins)
        except Exception as error:  # noqa: BLE001 - every pin library behind gpiozero raises classes of its own
            self._header.release(spec, _user(spec))
            return Fault(f"{_user(spec)}: {place_of(spec)} cannot be read: {words(error)}")
        if self._header.is_mock:
            probe = _Shown(spec.name, self._shown, probe)
        self._open[spec.name] = spec, Sampled(probe, max(SHORTEST_S, number(spec, "every", 1.0)))
        return None


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """On mock pins: what somebody has it show, or else what its pins say."""

    name: str
    shown: Mapping[str, float]
    probe: Probe

    def __call__(self) -> JsonValue:
        value = self.shown.get(self.name)
        return self.probe() if value is None else value

    def close(self) -> None:
        close = getattr(self.probe, "close", None)
        if close is not None:
            close()


@dataclass(slots=True, weakref_slot=True, eq=False)
class Echo:
    """Metres to what throws a sound back. gpiozero keeps only a weak reference to `changed`; the gauge keeps this."""

    trigger: Pin
    echo: Pin
    most_m: float
    rose_s: float | None = None
    fell_s: float | None = None
    heard: Event = field(default_factory=Event)

    def start(self) -> Echo:
        """Listen, in silence."""
        self.trigger.output_with_state(False)
        self.echo.input_with_pull("floating")
        self.echo.edges = "both"
        self.echo.when_changed = self.changed
        return self

    def changed(self, ticks: float, state: Any) -> None:
        """Called by gpiozero, in its thread, with the edge's time in seconds."""
        if state:
            self.rose_s = ticks
        else:
            self.fell_s = ticks
            self.heard.set()

    def __call__(self) -> float:
        """Call, and wait for the echo."""
        self.heard.clear()
        self.rose_s = self.fell_s = None
        self.trigger.state = True
        time.sleep(TRIGGER_S)
        self.trigger.state = False
        self.heard.wait(ECHO_S)
        if self.rose_s is None or self.fell_s is None:
            raise OSError("no echo came back; look after the wires of trigger and echo")
        return round(min(self.most_m, (self.fell_s - self.rose_s) * SOUND_M_PER_S / 2), 3)


@dataclass(frozen=True, slots=True, eq=False)
class Charge:
    """How quickly a capacitor charges through a resistor that light makes smaller: 1 at once, 0 not within the time."""

    pin: Pin
    charge_s: float

    def __call__(self) -> float:
        """Empty it, let it charge, and look until it is full."""
        self.pin.output_with_state(False)
        time.sleep(DISCHARGE_S)
        began_s = time.monotonic()
        self.pin.input_with_pull("floating")
        while (took_s := time.monotonic() - began_s) < self.charge_s and not self.pin.state:
            time.sleep(LOOK_S)
        return round(max(0.0, 1.0 - took_s / self.charge_s), 3)


@dataclass(frozen=True, slots=True, eq=False)
class Voltage:
    """A channel of a converter: a part of its reference, or volts. `chip` is gpiozero's."""

    chip: Any
    in_volts: bool

    def __call__(self) -> float:
        """Ask the chip."""
        try:
            return round(float(self.chip.voltage if self.in_volts else self.chip.value), 4)
        except Exception as error:
            raise OSError(f"the converter cannot be read: {words(error)}") from error

    def close(self) -> None:
        """Leave the bus to others."""
        self.chip.close()


def _distance(spec: SensorSpec, header: Header, pins: tuple[Pin, ...]) -> Probe:
    del header
    trigger, echo = pins
    return Echo(trigger, echo, number(spec, "max_distance", 1.0)).start()


def _light(spec: SensorSpec, header: Header, pins: tuple[Pin, ...]) -> Probe:
    del header
    (pin,) = pins
    return Charge(pin, number(spec, "charge", 0.01))


def _converter(spec: SensorSpec, header: Header, pins: tuple[Pin, ...]) -> Probe:
    del pins
    options: dict[str, Any] = {"port": 0, "device": int(spi_of(spec)[-1])}
    if "channel" in spec.options:
        options |= {
            "channel": round(number(spec, "channel")),
            "differential": flag(spec, "differential", default=False),
        }
    if "max_voltage" in spec.options:
        options["max_voltage"] = number(spec, "max_voltage")
    return Voltage(header.converter(spec.kind, options), "max_voltage" in spec.options)


def _missing_bus(spi: str) -> str:
    path = f"/dev/spidev{spi.removeprefix('spi')}"
    if not os.path.exists(path):  # noqa: PTH110 - pathlib raises where a folder may not be looked into
        return f"there is no {path} on this node; switch the bus on (`dtparam=spi=on` in config.txt, or raspi-config)"
    return "" if os.access(path, os.R_OK | os.W_OK) else f"{path} may not be used; have the agent in the group spi"


def _user(spec: SensorSpec) -> str:
    return f"sensor {spec.name} of stack {spec.stack}"


_GAUGES: Mapping[str, Callable[[SensorSpec, Header, tuple[Pin, ...]], Probe]] = MappingProxyType(
    {"distance": _distance, "light": _light, **dict.fromkeys(CONVERTERS, _converter)}
)

KINDS = frozenset(_GAUGES)
"""The kinds that are read here."""
