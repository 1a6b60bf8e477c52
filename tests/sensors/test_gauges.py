"""Gauges on gpiozero's mock pins: an echo that is timed, a capacitor that charges, a converter on a bus."""

from __future__ import annotations

import time

import gpiozero
import pytest
from gpiozero.pins.mock import MockChargingPin, MockPin, MockSPIDevice, MockTriggerPin

from protocol.desired import ActuatorSpec, SensorSpec
from protocol.wired import CONVERTERS
from sensors.actuators import Actuators
from sensors.gauges import Gauges
from sensors.header import Header
from sensors.stage import Faulted, Reading

FAR = SensorSpec("far", "yard", "distance", {"trigger": 23, "echo": 24, "max_distance": 2.0, "every": 0.1})
DUSK = SensorSpec("dusk", "yard", "light", {"pin": 18, "charge": 0.1, "every": 0.2})
POT = SensorSpec("pot", "yard", "mcp3008", {"bus": "spi0.0", "channel": 3, "every": 0.1})

PATIENCE_S = 10.0


class Opened:
    """Gauges, and what they delivered."""

    def __init__(self) -> None:
        self.header = Header("mock")
        self.seen: list[Reading | Faulted] = []
        self.gauges = Gauges(self.seen.append, self.header)
        self.header.find(2)  # the factory is loaded
        self.factory = self.header._factory
        self.factory.pin_class = MockPin

    def first(self, spec: SensorSpec) -> Reading | Faulted:
        """What a gauge says first."""
        (status,) = self.gauges.set_all((spec,))
        assert status.fault == ""
        end_s = time.monotonic() + PATIENCE_S
        while not self.seen and time.monotonic() < end_s:
            time.sleep(0.005)
        self.gauges.close()
        return self.seen[0]


def test_a_distance_is_half_the_way_of_an_echo() -> None:
    """The time between the echo's two edges, at the speed of sound."""
    opened = Opened()
    echo = opened.factory.pin(24)
    opened.factory.pin(23, pin_class=MockTriggerPin, echo_pin=echo, echo_time=0.004)
    seen = opened.first(FAR)
    assert isinstance(seen, Reading)
    assert seen.opening
    assert 0.68 <= seen.value < 2.0


def test_what_is_far_away_is_as_far_as_was_said() -> None:
    """A long echo is the greatest distance and no more."""
    opened = Opened()
    opened.factory.pin(23, pin_class=MockTriggerPin, echo_pin=opened.factory.pin(24), echo_time=0.03)
    assert getattr(opened.first(FAR), "value", None) == 2.0


def test_no_echo_is_a_fault() -> None:
    """A sensor that nothing comes back from says so, and makes up no distance."""
    seen = Opened().first(FAR)
    assert isinstance(seen, Faulted)
    assert "no echo came back" in seen.reason


@pytest.mark.parametrize(("charge_s", "low", "high"), [(0.001, 0.5, 1.0), (5.0, 0.0, 0.0)])
def test_light_is_how_quickly_a_capacitor_charges(charge_s: float, low: float, high: float) -> None:
    """One that charges at once is in the light, one that does not within the time is in the dark."""
    opened = Opened()
    opened.factory.pin(18, pin_class=MockChargingPin, charge_time=charge_s)
    assert low <= getattr(opened.first(DUSK), "value", -1.0) <= high


class Chip(MockSPIDevice):
    """An MCP3008 whose channel 3 stands at a half of its ten bits, and all others at nothing."""

    def on_bit(self) -> None:
        if self.rx_bit == 12:  # after the start bit, the mode and the three bits of the channel
            self.tx_word(512 if self.rx_word() & 0b111 == 3 else 0, 12)


@pytest.mark.parametrize(
    ("options", "value"), [({"channel": 3}, 0.5), ({"channel": 3, "max_voltage": 3.0}, 1.5), ({"channel": 2}, 0.0)]
)
def test_a_converter_is_read_over_its_bus(options: dict[str, float], value: float) -> None:
    """A channel is a part of the reference, or volts where it is said how many that is."""
    opened = Opened()
    with Chip(11, 10, 9, 8, pin_factory=opened.factory):
        spec = SensorSpec("pot", "yard", "mcp3008", {**POT.options, **options})
        assert getattr(opened.first(spec), "value", None) == pytest.approx(value, abs=0.005)


def test_two_channels_of_a_chip_go_together_and_one_twice_does_not() -> None:
    """A chip is shared by its channels; a channel, another chip on its device, and a wire of the bus are not."""
    opened = Opened()
    other = SensorSpec("other", "yard", "mcp3008", {**POT.options, "channel": 4})
    again = SensorSpec("again", "yard", "mcp3008", POT.options)
    foreign = SensorSpec("foreign", "yard", "mcp3208", {**POT.options, "channel": 5})
    statuses = opened.gauges.set_all((POT, other, again, foreign))
    assert [status.fault for status in statuses[:2]] == ["", ""]
    assert "channel 3 of spi0.0 is used by sensor pot of stack yard, so sensor again" in statuses[2].fault
    assert "spi0.0 is used by sensor pot of stack yard, so sensor foreign" in statuses[3].fault
    (lamp,) = Actuators(opened.header).set_all((ActuatorSpec("lamp", "porch", "led", {"pin": 10}),))
    assert lamp.fault == "pin 10 is used by sensor pot of stack yard, so actuator lamp of stack porch cannot have it"
    opened.gauges.close()


def test_a_bus_that_is_not_there_says_how_to_have_it() -> None:
    """With real pins a converter wants the kernel's device, and its fault names the setting."""
    (status,) = Gauges(print, Header("lgpio")).set_all((POT,))
    assert "sensor pot of stack yard: there is no /dev/spidev0.0 on this node" in status.fault
    assert "dtparam=spi=on" in status.fault


def test_a_gauge_that_goes_leaves_its_pins_to_others() -> None:
    """Whoever comes after gets the pins, and the gauge asks them no more."""
    opened = Opened()
    opened.gauges.set_all((FAR, POT))
    opened.gauges.set_all((POT,))
    lamps = (ActuatorSpec("lamp", "porch", "led", {"pin": 23}), ActuatorSpec("fan", "porch", "relay", {"pin": 24}))
    assert [status.fault for status in Actuators(opened.header).set_all(lamps)] == ["", ""]
    opened.gauges.close()
    assert opened.header.look(23).function == "output"


def test_gpiozero_has_every_chip() -> None:
    """Each converter of the catalogue is a class of the library."""
    assert all(hasattr(gpiozero, kind.upper()) for kind in CONVERTERS)
