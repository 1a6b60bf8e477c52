"""Sets the outputs, and puts every one into its safe state whenever nobody is in charge of it.

**Safe states.** An output is driven to its safe value when it is opened, before anything else happens to it; when it is no longer
wanted, before its pins become inputs again; and by `make_safe`, which the agent calls when it stops. After `make_safe` the
outputs stay open and driven: the process ends with its pins at the safe level. So a safe value is made of still levels only
(`protocol.values.stands_alone`): pulses would end with the process.

A process that was killed outright can do nothing more. What its pins do then is the kernel's choice (docs/sensors.md), so whoever
runs next opens them first of all: the agent's start, or systemd's ExecStopPost.

Failures of a pin are told as the `fault` of a `DeviceStatus`; nothing here raises.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.actuator_words import ACTUATORS, Sort
from protocol.claims import own_pins_of
from protocol.desired import ActuatorSpec
from protocol.observed import DeviceStatus
from protocol.options import flag, place_of
from protocol.refusal import Refusal
from protocol.values import taken
from sensors import outlets
from sensors.header import Fault, Header, Pin, words
from sensors.outputs import Drive, drives


class Actuators:
    """The actuators of this node whose pins are open."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._open: dict[str, _Output] = {}
        self._faults: dict[str, DeviceStatus] = {}

    def set_all(self, specs: tuple[ActuatorSpec, ...]) -> tuple[DeviceStatus, ...]:
        """Have exactly these open. New ones start at their safe value; those that stay as they are keep theirs."""
        self.keep(specs)
        statuses = tuple(self._opened(spec) for spec in specs)
        self._faults = {status.name: status for status in statuses if status.fault}
        return statuses

    def keep(self, specs: tuple[ActuatorSpec, ...]) -> None:
        """Make all but these safe and close them, so that their pins can be used for something else."""
        for output in [output for output in self._open.values() if output.spec not in specs]:
            output.put(output.spec.safe)
            self._header.release(output.spec, _user(output.spec))
            del self._open[output.spec.name]

    def apply(self, name: str, value: str) -> DeviceStatus | Refusal:
        """Put one output to a value; its status says how it stands then."""
        output = self._open.get(name)
        if output is None:
            return self._faults.get(name) or Refusal(f"there is no actuator {name!r} here, only: {self._names()}", name)
        said = taken(output.spec, value)
        return said if isinstance(said, Refusal) else output.put(said)

    def make_safe(self) -> tuple[DeviceStatus, ...]:
        """Put every open output to its safe value and leave it so; may be called again and again."""
        return tuple(output.put(output.spec.safe) for output in self._open.values())

    def _names(self) -> str:
        return ", ".join(sorted(self._open)) or "none"

    def _opened(self, spec: ActuatorSpec) -> DeviceStatus:
        if spec.kind not in ACTUATORS:
            return _faulty(spec, f"{spec.kind!r} is no kind of actuator that this agent knows: {', '.join(ACTUATORS)}")
        known = self._open.get(spec.name)
        if known is not None and known.spec == spec:
            return known.status()
        user = _user(spec)
        if known is not None:
            other = known.spec
            return _faulty(
                spec, f"{user}: stack {other.stack} has an actuator of that name on this node, on {place_of(other)}"
            )
        if isinstance(taken(spec, spec.safe), Refusal) or len(own_pins_of(spec)) != len(drives(spec, spec.safe)):
            return _faulty(spec, f"{user}: what was said of it is not enough for a {spec.kind} of this agent")
        pins = self._header.claim(spec, user)
        return _faulty(spec, pins.reason) if isinstance(pins, Fault) else self._start(_Output(spec, pins))

    def _start(self, output: _Output) -> DeviceStatus:
        status = output.start()
        if status.fault:
            self._header.release(output.spec, _user(output.spec))
        else:
            self._open[output.spec.name] = output
        return status


@dataclass(slots=True)
class _Output:
    """One open actuator: its pins in their order, and the value that they were put to last."""

    spec: ActuatorSpec
    pins: tuple[Pin, ...]
    value: str = ""

    def start(self) -> DeviceStatus:
        """Make the pins outputs that are safe from their first moment."""
        for pin, drive in self._driven(self.spec.safe):
            try:
                outlets.open_at(pin, high=bool(drive.high))
            except Exception as error:  # noqa: BLE001 - every pin library behind gpiozero raises classes of its own
                return _faulty(self.spec, f"pin {drive.pin} cannot be an output: {words(error)}")
        self.value = self.spec.safe
        return self.status()

    def put(self, value: str) -> DeviceStatus:
        for pin, drive in self._driven(value):
            try:
                outlets.put(pin, drive)
            except Exception as error:  # noqa: BLE001 - see `start`
                return _faulty(self.spec, f"pin {drive.pin} cannot be put {value}: {words(error)}")
        self.value = value
        return self.status()

    def status(self) -> DeviceStatus:
        """The value that the pins were put to; what is only switched tells what its pin says."""
        said = ""
        for pin, drive in self._driven(self.value):
            try:
                high = bool(pin.state)
            except Exception as error:  # noqa: BLE001 - see `start`
                return _faulty(self.spec, f"pin {drive.pin} cannot be read: {words(error)}")
            if ACTUATORS[self.spec.kind].sort is Sort.SWITCH and drive.pulses_hz is None:
                said = "on" if high == flag(self.spec, "active_high", default=True) else "off"
        return DeviceStatus(self.spec.name, self.spec.kind, place_of(self.spec), said or self.value)

    def _driven(self, value: str) -> tuple[tuple[Pin, Drive], ...]:
        numbers = own_pins_of(self.spec)
        return tuple((self.pins[numbers.index(drive.pin)], drive) for drive in drives(self.spec, value))


def _user(spec: ActuatorSpec) -> str:
    return f"actuator {spec.name} of stack {spec.stack}"


def _faulty(spec: ActuatorSpec, reason: str) -> DeviceStatus:
    return DeviceStatus(spec.name, spec.kind, place_of(spec), fault=reason)
