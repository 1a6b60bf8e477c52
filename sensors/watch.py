"""Opens the pins of sensors and delivers what is read from them. Decides nothing: debounce and hold are `sensors.edges`' part.

gpiozero calls back in a thread of its own (with mock pins: in the caller's). There a `Reading` is made and delivered, nothing
else, so `deliver` must only enqueue. gpiozero's own `bounce` stays off: it drops edges without counting them.

What may fail is opening a pin; that is told as the `fault` of the sensor's `DeviceStatus`, and tried again on the next `set_all`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from protocol import devices
from protocol.claims import own_pins_of
from protocol.desired import SensorSpec
from protocol.observed import DeviceStatus
from protocol.options import place_of
from protocol.sensor_words import Nature
from protocol.shapes import JsonValue
from sensors.header import Fault, Header, Pin, words
from sensors.kinds import LIKE, SENSORS, Pull, on_is_high, pull_of
from sensors.stage import NS_PER_S, Reading

Deliver = Callable[[Reading], object]

TRUSTED_LAG_NS = 5 * NS_PER_S
"""An edge's own time is taken if it lies this far back at most; a loaded Pi 3 calls back within milliseconds. Otherwise the pin
library counts on another clock (Linux before 5.7 stamps edges with wall time) and the time of the call is taken."""

_GPIOZERO_PULL = {Pull.UP: "up", Pull.DOWN: "down", Pull.NONE: "floating"}


class Watch:
    """The sensors of this node whose pins are open."""

    def __init__(self, deliver: Deliver, header: Header) -> None:
        self._deliver = deliver
        self._header = header
        self._open: dict[str, _Watched] = {}

    def set_all(self, specs: tuple[SensorSpec, ...]) -> tuple[DeviceStatus, ...]:
        """Have exactly these open; those that stay as they are are not disturbed. A status for each, in the same order."""
        self.keep(specs)
        return tuple(self._status(spec) for spec in specs)

    def keep(self, specs: tuple[SensorSpec, ...]) -> None:
        """Close all but these, so that their pins can be used for something else."""
        for watched in [watched for watched in self._open.values() if watched.spec not in specs]:
            self._header.release(watched.spec, _user(watched.spec))
            del self._open[watched.spec.name]

    def close(self) -> None:
        """Close them all; nothing is delivered afterwards."""
        self.keep(())

    def _status(self, spec: SensorSpec) -> DeviceStatus:
        fault = self._opened(spec)
        if fault is not None:
            return DeviceStatus(spec.name, spec.kind, place_of(spec), fault=fault.reason)
        return self._open[spec.name].status()

    def _opened(self, spec: SensorSpec) -> Fault | None:
        if spec.kind not in SENSORS and spec.kind not in LIKE:
            return Fault(
                f"{spec.kind!r} is no kind of sensor that this agent knows: {', '.join(devices.SENSORS)}; a newer one may"
            )
        known = self._open.get(spec.name)
        if known is not None and known.spec == spec:
            return None
        user = _user(spec)
        if known is not None:
            return Fault(
                f"{user}: stack {known.spec.stack} has a sensor of that name on this node, on {place_of(known.spec)}"
            )
        if not own_pins_of(spec):
            return Fault(f"{user}: a {spec.kind} sits on a pin, and none was said")
        pins = self._header.claim(spec, user)
        return pins if isinstance(pins, Fault) else self._start(_Watched(spec, self._deliver), pins)

    def _start(self, watched: _Watched, pins: tuple[Pin, ...]) -> Fault | None:
        spec = watched.spec
        try:
            watched.start(pins)
        except Exception as error:  # noqa: BLE001 - every pin library behind gpiozero raises classes of its own
            self._header.release(spec, _user(spec))
            return Fault(f"{_user(spec)}: {place_of(spec)} cannot be watched: {words(error)}")
        self._open[spec.name] = watched
        return None


def _user(spec: SensorSpec) -> str:
    return f"sensor {spec.name} of stack {spec.stack}"


@dataclass(slots=True, weakref_slot=True)
class _Line:
    """One pin of an open sensor. gpiozero keeps only a weak reference to its method, so a sensor keeps its lines alive."""

    watched: _Watched
    name: str
    pin: Pin
    on_is_high: bool
    is_on: bool = False

    def changed(self, ticks: float, state: Any) -> None:
        """Called by gpiozero, in its thread, with the edge's time in seconds."""
        self.is_on = bool(state) == self.on_is_high
        self.watched.tell(self, edge_ns(ticks, time.monotonic_ns()))

    def has_changed(self) -> bool:
        """Look at the pin: whether it is not as it was last seen."""
        before, self.is_on = self.is_on, bool(self.pin.state) == self.on_is_high
        return before != self.is_on


@dataclass(slots=True)
class _Watched:
    """One open sensor: a pin, or several that make up its value together."""

    spec: SensorSpec
    deliver: Deliver
    lines: tuple[_Line, ...] = ()

    def start(self, pins: tuple[Pin, ...]) -> None:
        """Deliver the baseline, listen, and look once more: an edge between the two would else be lost."""
        self.lines = tuple(
            _Line(self, name, pin, on_is_high(self.spec)) for name, pin in zip(self._names(pins), pins, strict=True)
        )
        for line in self.lines:
            line.pin.input_with_pull(_GPIOZERO_PULL[pull_of(self.spec)])
            line.has_changed()
        for line in self.lines if self._nature() is Nature.PARTS else self.lines[:1]:
            self.tell(line, time.monotonic_ns(), opening=True)
        for line in self.lines:
            line.pin.edges = "both"
            line.pin.when_changed = line.changed
            if line.has_changed():
                self.tell(line, time.monotonic_ns())

    def tell(self, line: _Line, at_ns: int, *, opening: bool = False) -> None:
        """Deliver what the sensor shows, now that a line of it changed."""
        self.deliver(Reading(self.spec.name, self._value(line), at_ns, opening))

    def status(self) -> DeviceStatus:
        """What a pin says right now, in the words of its kind; what several say comes with their readings."""
        try:
            levels = [bool(line.pin.state) == line.on_is_high for line in self.lines]
        except Exception as error:  # noqa: BLE001 - every pin library behind gpiozero raises classes of its own
            return DeviceStatus(
                self.spec.name, self.spec.kind, place_of(self.spec), fault=f"the pin cannot be read: {words(error)}"
            )
        kind = SENSORS.get(self.spec.kind)
        value = (kind.on if levels[0] else kind.off) if kind is not None else ""
        return DeviceStatus(self.spec.name, self.spec.kind, place_of(self.spec), value)

    def _value(self, line: _Line) -> JsonValue:
        match self._nature():
            case Nature.PARTS:
                return [line.name, line.is_on]
            case Nature.TURNS:
                return sum(one.is_on << place for place, one in enumerate(reversed(self.lines)))
            case _:
                return line.is_on

    def _names(self, pins: tuple[Pin, ...]) -> tuple[str, ...]:
        named = self.spec.options.get("buttons")
        return tuple(named) if isinstance(named, dict) and len(named) == len(pins) else ("",) * len(pins)

    def _nature(self) -> Nature:
        return devices.SENSORS[self.spec.kind].nature


def edge_ns(ticks: float, now_ns: int) -> int:
    """An edge's time on the monotonic clock: its own if that is credible, else now."""
    at_ns = round(ticks * NS_PER_S)
    return at_ns if 0 <= now_ns - at_ns <= TRUSTED_LAG_NS else now_ns
