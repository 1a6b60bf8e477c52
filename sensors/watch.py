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

from protocol.desired import SensorSpec
from protocol.observed import DeviceStatus
from protocol.options import pin_of, place_of
from sensors.header import Fault, Header, Pin
from sensors.kinds import SENSORS, Pull, on_is_high, pull_of
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
        if spec.kind not in SENSORS:
            return Fault(
                f"{spec.kind!r} is no kind of sensor that this agent knows: {', '.join(SENSORS)}; a newer one may"
            )
        known = self._open.get(spec.name)
        if known is not None and known.spec == spec:
            return None
        user = _user(spec)
        if known is not None:
            return Fault(
                f"{user}: stack {known.spec.stack} has a sensor of that name on this node, on {place_of(known.spec)}"
            )
        number = pin_of(spec)
        if number is None:
            return Fault(f"{user}: a {spec.kind} sits on one pin, and none was said")
        pins = self._header.claim(spec, user)
        if isinstance(pins, Fault):
            return pins
        return self._start(_Watched(spec, number, pins[0], on_is_high(spec), self._deliver))

    def _start(self, watched: _Watched) -> Fault | None:
        spec = watched.spec
        try:
            watched.start()
        except Exception as error:  # noqa: BLE001 - every pin library behind gpiozero raises classes of its own
            self._header.release(spec, _user(spec))
            return Fault(f"{_user(spec)}: pin {watched.number} cannot be watched: {error}")
        self._open[spec.name] = watched
        return None


def _user(spec: SensorSpec) -> str:
    return f"sensor {spec.name} of stack {spec.stack}"


@dataclass(slots=True, weakref_slot=True)
class _Watched:
    """One open sensor. gpiozero keeps only a weak reference to its method, so this object keeps the callback alive."""

    spec: SensorSpec
    number: int
    pin: Pin
    on_is_high: bool
    deliver: Deliver

    def start(self) -> None:
        """Deliver the baseline, listen, and look once more: an edge between the two would else be lost."""
        self.pin.input_with_pull(_GPIOZERO_PULL[pull_of(self.spec)])
        baseline = self._read(opening=True)
        self.deliver(baseline)
        self.pin.edges = "both"
        self.pin.when_changed = self.changed
        again = self._read()
        if again.value != baseline.value:
            self.deliver(again)

    def changed(self, ticks: float, state: Any) -> None:
        """Called by gpiozero, in its thread, with the edge's time in seconds."""
        self.deliver(Reading(self.spec.name, bool(state) == self.on_is_high, edge_ns(ticks, time.monotonic_ns())))

    def status(self) -> DeviceStatus:
        """What the pin says right now, in the words of its kind."""
        kind = SENSORS[self.spec.kind]
        try:
            value = kind.on if self._read().value else kind.off
        except Exception as error:  # noqa: BLE001 - every pin library behind gpiozero raises classes of its own
            return DeviceStatus(
                self.spec.name, self.spec.kind, place_of(self.spec), fault=f"the pin cannot be read: {error}"
            )
        return DeviceStatus(self.spec.name, self.spec.kind, place_of(self.spec), value)

    def _read(self, *, opening: bool = False) -> Reading:
        at_ns = time.monotonic_ns()
        return Reading(self.spec.name, bool(self.pin.state) == self.on_is_high, at_ns, opening)


def edge_ns(ticks: float, now_ns: int) -> int:
    """An edge's time on the monotonic clock: its own if that is credible, else now."""
    at_ns = round(ticks * NS_PER_S)
    return at_ns if 0 <= now_ns - at_ns <= TRUSTED_LAG_NS else now_ns
