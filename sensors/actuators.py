"""Sets the outputs, and puts every one into its safe state whenever nobody is in charge of it.

**Safe states.** An output is driven to its safe value when it is opened, before anything else happens to it; when it is no longer
wanted, before its pin becomes an input again; and by `make_safe`, which the agent calls when it stops. After `make_safe` the
outputs stay open and driven: the process ends with its pins at the safe level.

A process that was killed outright can do nothing more. What its pins do then is the kernel's choice (docs/sensors.md), so whoever
runs next opens them first of all: the agent's start, or systemd's ExecStopPost.

Failures of a pin are told as the `fault` of a `DeviceStatus`; nothing here raises.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.desired import ActuatorSpec
from protocol.observed import DeviceStatus
from protocol.options import pin_of, place_of
from protocol.refusal import Refusal
from sensors.header import Fault, Header, Pin
from sensors.kinds import ACTUATORS, output_is_high


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
            self._header.release(output.number)
            del self._open[output.spec.name]

    def apply(self, name: str, value: str) -> DeviceStatus | Refusal:
        """Put one output to a value; its status says how it stands then."""
        output = self._open.get(name)
        if output is None:
            return self._faults.get(name) or Refusal(f"there is no actuator {name!r} here, only: {self._names()}", name)
        values = ACTUATORS[output.spec.kind].values
        if value not in values:
            return Refusal(f"{output.spec.kind} {name} takes {' or '.join(values)}, not {value[:20]!r}", name)
        return output.put(value)

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
        user = f"actuator {spec.name} of stack {spec.stack}"
        if known is not None:
            other = known.spec
            return _faulty(
                spec, f"{user}: stack {other.stack} has an actuator of that name on this node, on {place_of(other)}"
            )
        number = pin_of(spec)
        if number is None:
            return _faulty(spec, f"{user}: a {spec.kind} sits on one pin, and none was said")
        pin = self._header.claim(number, user)
        return _faulty(spec, pin.reason) if isinstance(pin, Fault) else self._start(_Output(spec, number, pin))

    def _start(self, output: _Output) -> DeviceStatus:
        status = output.start()
        if status.fault:
            self._header.release(output.number)
        else:
            self._open[output.spec.name] = output
        return status


@dataclass(frozen=True, slots=True)
class _Output:
    """One open actuator."""

    spec: ActuatorSpec
    number: int
    pin: Pin

    def start(self) -> DeviceStatus:
        """Make the pin an output that is safe from its first moment."""
        try:
            self.pin.output_with_state(output_is_high(self.spec, self.spec.safe))
        except Exception as error:  # noqa: BLE001 - every pin library behind gpiozero raises classes of its own
            return _faulty(self.spec, f"pin {self.number} cannot be an output: {error}")
        return self.status()

    def put(self, value: str) -> DeviceStatus:
        try:
            self.pin.state = output_is_high(self.spec, value)
        except Exception as error:  # noqa: BLE001 - see `start`
            return _faulty(self.spec, f"pin {self.number} cannot be put {value}: {error}")
        return self.status()

    def status(self) -> DeviceStatus:
        """What the pin says, in the words of its kind."""
        try:
            high = bool(self.pin.state)
        except Exception as error:  # noqa: BLE001 - see `start`
            return _faulty(self.spec, f"pin {self.number} cannot be read: {error}")
        value = next(value for value in ACTUATORS[self.spec.kind].values if output_is_high(self.spec, value) == high)
        return DeviceStatus(self.spec.name, self.spec.kind, place_of(self.spec), value)


def _faulty(spec: ActuatorSpec, reason: str) -> DeviceStatus:
    return DeviceStatus(spec.name, spec.kind, place_of(spec), fault=reason)
