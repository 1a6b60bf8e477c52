"""What values do to pins."""

from __future__ import annotations

import pytest

from protocol.actuator_words import ACTUATORS
from protocol.claims import own_pins_of
from protocol.desired import ActuatorSpec
from protocol.manifest.acting import KINDS
from protocol.values import stands_alone, taken
from sensors.outputs import Drive, drives

RGB = {"red": 9, "green": 10, "blue": 11}
MOTOR = {"forward": 5, "backward": 6}
SERVO = {"pin": 12, "min_pulse": 0.001, "max_pulse": 0.002, "frame": 0.02}
BOARD = {"pins": [5, 6, 13, 19]}
LIGHTS = {"red": 9, "amber": 10, "green": 11}

ENOUGH = {
    "rgb-led": RGB, "motor": MOTOR, "servo": SERVO, "angular-servo": SERVO, "led-board": BOARD, "led-bar": BOARD,
    "traffic-lights": LIGHTS,
}  # fmt: skip


def spec(kind: str, **more: object) -> ActuatorSpec:
    return ActuatorSpec("it", "porch", kind, {**ENOUGH.get(kind, {"pin": 27}), **more})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("led", "on", [Drive(27, 1.0)]),
        ("led", "blink", [Drive(27, 0.5, 1.0)]),
        ("pwm-led", "0.25", [Drive(27, 0.25, 100.0)]),
        ("pwm-led", "1", [Drive(27, 1.0)]),
        ("rgb-led", "#ff8000", [Drive(11, 0.0), Drive(10, 0.501961, 100.0), Drive(9, 1.0)]),
        ("rgb-led", "on", [Drive(9, 1.0), Drive(10, 1.0), Drive(11, 1.0)]),
        ("tonal-buzzer", "A5", [Drive(27, 0.5, 880.0)]),
        ("tonal-buzzer", "off", [Drive(27, 0.0)]),
        ("servo", "min", [Drive(12, 0.05, 50.0)]),
        ("servo", "0", [Drive(12, 0.075, 50.0)]),
        ("servo", "off", [Drive(12, 0.0)]),
        ("angular-servo", "90", [Drive(12, 0.1, 50.0)]),
        ("motor", "-0.5", [Drive(5, 0.0), Drive(6, 0.5, 100.0)]),
        ("motor", "forward", [Drive(6, 0.0), Drive(5, 1.0)]),
        ("led-board", "0110", [Drive(5, 0.0), Drive(19, 0.0), Drive(6, 1.0), Drive(13, 1.0)]),
        ("led-bar", "0.5", [Drive(13, 0.0), Drive(19, 0.0), Drive(5, 1.0), Drive(6, 1.0)]),
        ("led-bar", "-0.25", [Drive(5, 0.0), Drive(6, 0.0), Drive(13, 0.0), Drive(19, 1.0)]),
        ("traffic-lights", "red+amber", [Drive(11, 0.0), Drive(9, 1.0), Drive(10, 1.0)]),
    ],
)
def test_each_value_has_its_levels(kind: str, value: str, expected: list[Drive]) -> None:
    """A value is a level or pulses for every pin; those that go off come first."""
    assert list(drives(spec(kind), value)) == expected


def test_an_output_that_is_active_low_is_turned_round() -> None:
    """What is on for a quarter of the time is low for a quarter of the time."""
    assert drives(spec("pwm-led", active_high=False), "0.25") == (Drive(27, 0.75, 100.0),)
    assert drives(spec("relay", active_high=False), "on") == (Drive(27, 0.0),)


def test_a_motor_is_enabled_while_it_turns() -> None:
    """The third pin of a bridge is on with either direction."""
    motor = spec("motor", enable=13)
    assert drives(motor, "0.5") == (Drive(6, 0.0), Drive(5, 0.5, 100.0), Drive(13, 1.0))
    assert drives(motor, "off") == (Drive(5, 0.0), Drive(6, 0.0), Drive(13, 0.0))


def test_what_stands_alone_makes_no_pulses() -> None:
    """Every word of every kind that is called still is one, and each drives all pins of its device."""
    for kind, words in ACTUATORS.items():
        for value in words.values:
            made = drives(spec(kind), value)
            assert stands_alone(spec(kind), value) == all(one.pulses_hz is None for one in made)
            assert sorted(one.pin for one in made) == sorted(own_pins_of(spec(kind)))


def test_every_pin_of_a_manifest_is_known_as_one() -> None:
    """No key of any kind that holds a pin is unknown to those who look for conflicts."""
    for kind, model in KINDS.items():
        written = {key for key, field in model.model_fields.items() if "ge=0" in repr(field) and "le=27" in repr(field)}
        given = {key: pin for pin, key in enumerate(sorted(written), start=2)}
        if "pins" not in model.model_fields:
            assert sorted(own_pins_of(ActuatorSpec("it", "porch", kind, dict(given)))) == sorted(given.values()), kind
            assert taken(spec(kind), "off") == "off"
