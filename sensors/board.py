"""All devices of one node: what the agent's loop calls. Keeps the order in which pins change hands; decides nothing.

Used by one thread. Nothing here raises for a pin that does not work: statuses carry faults, wrong requests give refusals.
"""

from __future__ import annotations

from collections.abc import Callable

from protocol.desired import ActuatorSpec, SensorSpec
from protocol.observed import DeviceStatus
from protocol.refusal import Refusal
from sensors import gauges, mock
from sensors.actuators import Actuators
from sensors.gauges import Gauges
from sensors.header import Header, PinState
from sensors.meters import Meters
from sensors.probes import is_asked
from sensors.stage import Faulted, Reading
from sensors.watch import Watch


class Board:
    """The pins of a node and everything on them. `factory` names a gpiozero pin factory; empty leaves the choice to the node."""

    def __init__(self, deliver: Callable[[Reading | Faulted], object], factory: str = "") -> None:
        self._header = Header(factory)
        self._watch = Watch(deliver, self._header)
        self._gauges = Gauges(deliver, self._header)
        self._meters = Meters(deliver)
        self._actuators = Actuators(self._header)

    @property
    def factory_name(self) -> str:
        """For the inventory: the pin factory in use or asked for; empty while neither is known."""
        return self._header.factory_name

    def open(
        self, sensors: tuple[SensorSpec, ...], actuators: tuple[ActuatorSpec, ...]
    ) -> tuple[tuple[DeviceStatus, ...], tuple[DeviceStatus, ...]]:
        """Have exactly these open. Pins are freed first, so one may go from a sensor to an actuator; outputs are made safe next."""
        measured = tuple(spec for spec in sensors if is_asked(spec.kind))
        gauged = tuple(spec for spec in sensors if spec.kind in gauges.KINDS)
        pinned = tuple(spec for spec in sensors if spec not in (*measured, *gauged))
        self._watch.keep(pinned)
        self._gauges.keep(gauged)
        actuator_statuses = self._actuators.set_all(actuators)
        statuses = (*self._watch.set_all(pinned), *self._gauges.set_all(gauged), *self._meters.set_all(measured))
        return statuses, actuator_statuses

    def apply(self, name: str, value: str) -> DeviceStatus | Refusal:
        """Put one actuator to a value."""
        return self._actuators.apply(name, value)

    def drive(self, pin: int, *, high: bool) -> PinState | Refusal:
        """Put a mock pin to an electrical level."""
        return mock.drive(self._header, pin, high=high)

    def show(self, name: str, value: float) -> Refusal | None:
        """Have a gauge on mock pins show a value from its next reading, or say why not."""
        return self._gauges.show(name, value)

    def pins(self) -> tuple[PinState, ...]:
        """Every pin that was touched."""
        return self._header.pins()

    def make_safe(self) -> tuple[DeviceStatus, ...]:
        """Put every actuator to its safe value, and leave it driven so."""
        return self._actuators.make_safe()

    def close(self) -> None:
        """Make every output safe, and stop listening. The outputs stay driven until the process ends, on purpose."""
        self.make_safe()  # first: a sensor may keep whoever closes it waiting
        self._watch.close()
        self._gauges.close()
        self._meters.close()
