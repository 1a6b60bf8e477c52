"""What may be said to actuators."""

from __future__ import annotations

import pytest

from protocol.actuator_words import ACTUATORS
from protocol.desired import ActuatorSpec
from protocol.refusal import Refusal
from protocol.values import stands_alone, taken

LIGHTS = [5, 6, 13, 19]


def spec(kind: str) -> ActuatorSpec:
    return ActuatorSpec("it", "porch", kind, {"pin": 27, "pins": LIGHTS, "min_angle": 0, "max_angle": 180})


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("led", "ON", "on"),
        ("led", True, "on"),
        ("led", "blink", "blink"),
        ("buzzer", "beep", "beep"),
        ("pwm-led", "0.50", "0.5"),
        ("pwm-led", 0.25, "0.25"),
        ("pwm", "35%", "0.35"),
        ("pwm", 1, "1"),
        ("rgb-led", "Orange", "#ffa500"),
        ("rgb-led", "#0F8", "#00ff88"),
        ("tonal-buzzer", "c#5", "C#5"),
        ("tonal-buzzer", "440 Hz", "440"),
        ("servo", "-0.0", "0"),
        ("servo", "min", "min"),
        ("angular-servo", "135", "135"),
        ("angular-servo", "90°", "90"),
        ("motor", "-50%", "-0.5"),
        ("motor", "forward", "forward"),
        ("led-board", "0110", "0110"),
        ("led-bar", "-75%", "-0.75"),
        ("traffic-lights", "green + red", "red+green"),
    ],
)
def test_a_value_has_one_spelling(kind: str, value: object, said: str) -> None:
    """However a value is written, the node says it in one way, and reads that again."""
    assert taken(spec(kind), value) == said
    assert taken(spec(kind), said) == said


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("led", "0.5"),
        ("led", 1),
        ("relay", "blink"),
        ("pwm-led", "1.1"),
        ("pwm-led", "101%"),
        ("pwm-led", "nan"),
        ("pwm-led", "1e-3"),
        ("pwm-led", float("inf")),
        ("pwm-led", None),
        ("pwm-led", []),
        ("rgb-led", "#12345"),
        ("rgb-led", "puce"),
        ("tonal-buzzer", "H4"),
        ("tonal-buzzer", "19"),
        ("tonal-buzzer", "50%"),
        ("servo", "2"),
        ("angular-servo", "-1"),
        ("motor", "-1.5"),
        ("led-board", "011"),
        ("led-board", "0120"),
        ("traffic-lights", "blue"),
        ("traffic-lights", "red+"),
        ("laser", "on"),
    ],
)
def test_another_value_is_refused_in_words(kind: str, value: object) -> None:
    """What a kind does not take is refused with all that it takes."""
    refusal = taken(spec(kind), value)
    assert isinstance(refusal, Refusal)
    words = ACTUATORS.get(kind)
    assert (words.choices if words else "'laser' is no kind of actuator") in refusal.reason


@pytest.mark.parametrize(
    ("kind", "value", "stands"),
    [
        ("led", "on", True),
        ("led", "blink", False),
        ("pwm-led", "1", True),
        ("pwm-led", "0.5", False),
        ("rgb-led", "#ff00ff", True),
        ("rgb-led", "#ffa500", False),
        ("tonal-buzzer", "A4", False),
        ("servo", "off", True),
        ("servo", "mid", False),
        ("motor", "backward", True),
        ("motor", "0.3", False),
        ("led-bar", "0.3", True),
        ("traffic-lights", "red+amber", True),
    ],
)
def test_a_value_without_pulses_stands_alone(kind: str, value: str, stands: bool) -> None:
    """Only what is wholly on or off outlives the process that makes pulses."""
    assert stands_alone(spec(kind), value) is stands


def test_every_kind_can_be_off_and_that_stands() -> None:
    """The safe value that a manifest leaves out is one that every kind takes and keeps."""
    for kind in ACTUATORS:
        assert taken(spec(kind), "off") == "off"
        assert stands_alone(spec(kind), "off")
