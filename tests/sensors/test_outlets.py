"""gpiozero's own pins for lgpio, over an lgpio that only remembers: levels from the first moment, and unrounded pulses."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator

import pytest
from gpiozero.pins.local import LocalPiFactory

from protocol.desired import ActuatorSpec
from sensors.actuators import Actuators
from sensors.header import Header

CONSTANTS = (
    "SET_PULL_NONE", "SET_PULL_UP", "SET_PULL_DOWN", "BOTH_EDGES", "RISING_EDGE", "FALLING_EDGE",
)  # fmt: skip

IS_OUT = 1 << 1
"""The bit of lgpio's gpio_get_mode that says output."""


class Lgpio(types.ModuleType):
    """As much of lgpio as outputs need: it writes down what was asked of it."""

    error = OSError

    def __init__(self) -> None:
        super().__init__("lgpio")
        self.asked: list[tuple[object, ...]] = []
        self.outputs: dict[int, bool] = {}
        for place, name in enumerate(CONSTANTS):
            setattr(self, name, place)

    def gpiochip_open(self, chip: int) -> int:
        return chip

    def gpio_claim_input(self, handle: int, pin: int, flags: int = 0) -> None:
        self.outputs.pop(pin, None)

    def gpio_claim_output(self, handle: int, pin: int, level: int = 0, flags: int = 0) -> None:
        self.asked.append(("output", pin, level))
        self.outputs[pin] = bool(level)

    def gpio_get_mode(self, handle: int, pin: int) -> int:
        return IS_OUT if pin in self.outputs else 0

    def gpio_read(self, handle: int, pin: int) -> int:
        return int(self.outputs.get(pin, False))

    def gpio_write(self, handle: int, pin: int, level: int) -> None:
        self.asked.append(("write", pin, int(level)))
        self.outputs[pin] = bool(level)

    def tx_pwm(self, handle: int, pin: int, hertz: float, percent: float) -> None:
        self.asked.append(("pulses", pin, round(hertz, 3), round(percent, 3)))


@pytest.fixture
def lgpio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lgpio]:
    """The library, and a Raspberry Pi 3 for gpiozero to be on."""
    library = Lgpio()
    monkeypatch.setitem(sys.modules, "lgpio", library)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    monkeypatch.setattr(LocalPiFactory, "_get_revision", lambda self: 0xA02082)
    yield library
    sys.modules.pop("gpiozero.pins.lgpio", None)


def test_an_output_has_its_safe_level_from_the_first_moment(lgpio: Lgpio) -> None:
    """A relay that is active low is claimed high: it does not click when the agent starts."""
    actuators = Actuators(Header("lgpio"))
    (pump,) = actuators.set_all((ActuatorSpec("pump", "yard", "relay", {"pin": 22, "active_high": False}),))
    assert (pump.value, pump.fault) == ("off", "")
    assert lgpio.asked == [("output", 22, 1)]
    assert getattr(actuators.apply("pump", "on"), "value", "") == "on"
    assert lgpio.asked[1:] == [("write", 22, 0)]


def test_a_servo_stands_between_whole_percents(lgpio: Lgpio) -> None:
    """The pulse of a tenth of a position is told to lgpio as it is, and off ends the pulses low."""
    actuators = Actuators(Header("lgpio"))
    servo = {"pin": 12, "min_pulse": 0.001, "max_pulse": 0.002, "frame": 0.02}
    actuators.set_all((ActuatorSpec("arm", "yard", "servo", dict(servo)),))
    assert getattr(actuators.apply("arm", "0.1"), "value", "") == "0.1"
    assert lgpio.asked[-1] == ("pulses", 12, 50.0, 7.75)
    assert getattr(actuators.apply("arm", "-0.3"), "value", "") == "-0.3"
    assert lgpio.asked[-1] == ("pulses", 12, 50.0, 6.75)
    actuators.apply("arm", "off")
    assert lgpio.asked[-3:] == [("pulses", 12, 50.0, 0), ("pulses", 12, 0, 0), ("write", 12, 0)]


def test_a_lamp_that_is_wholly_on_makes_no_pulses(lgpio: Lgpio) -> None:
    """What is on or off stays when the process ends."""
    actuators = Actuators(Header("lgpio"))
    actuators.set_all((ActuatorSpec("lamp", "yard", "pwm-led", {"pin": 27}),))
    actuators.apply("lamp", "1")
    assert lgpio.asked == [("output", 27, 0), ("write", 27, 1)]


def test_the_last_resort_is_taken_only_by_who_named_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain that ends in mock falls there and says why; without it nothing is pretended, and every library's reason is told."""
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    lamp = (ActuatorSpec("lamp", "porch", "led", {"pin": 27}),)
    header = Header("lgpio,mock")
    assert Actuators(header).set_all(lamp)[0].fault == ""
    assert header.is_mock
    assert header.factory_name.startswith("mock (lgpio: ")
    alone = Header()
    (status,) = Actuators(alone).set_all(lamp)
    assert all(f"{name}: " in status.fault for name in ("lgpio", "rpigpio", "pigpio", "native"))
    assert not alone.is_mock
