"""Actuators on gpiozero's real mock pins: values, and safe states at every end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockPin

from protocol.desired import ActuatorSpec
from protocol.refusal import Refusal
from sensors.actuators import Actuators
from sensors.header import Header

ROOT = Path(__file__).parents[2]

LAMP = ActuatorSpec("lamp", "porch", "led", {"pin": 27})
PUMP = ActuatorSpec("pump", "yard", "relay", {"pin": 22, "active_high": False})
ALARM = ActuatorSpec("alarm", "yard", "buzzer", {"pin": 23}, safe="on")


def levels(header: Header) -> dict[int, tuple[str, bool]]:
    return {state.pin: (state.function, state.high) for state in header.pins()}


def test_outputs_start_safe() -> None:
    """Every actuator is put to its safe value when it is opened, whatever its polarity."""
    header = Header("mock")
    statuses = Actuators(header).set_all((LAMP, PUMP, ALARM))
    assert [(status.name, status.value, status.fault) for status in statuses] == [
        ("lamp", "off", ""),
        ("pump", "off", ""),
        ("alarm", "on", ""),
    ]
    assert levels(header) == {27: ("output", False), 22: ("output", True), 23: ("output", True)}


def test_a_value_is_put_out() -> None:
    """Applying a value drives the pin and is told back."""
    header = Header("mock")
    actuators = Actuators(header)
    actuators.set_all((LAMP, PUMP))
    assert [getattr(actuators.apply(name, "on"), "value", None) for name in ("lamp", "pump")] == ["on", "on"]
    assert levels(header) == {27: ("output", True), 22: ("output", False)}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("lamp", "purple", "led takes on, off or blink, not 'purple'"),
        ("lamp", "", "led takes on, off or blink, not ''"),
        ("siren", "on", "there is no actuator 'siren' here, only: lamp"),
    ],
)
def test_a_wrong_wish_is_refused_in_words(name: str, value: str, words: str) -> None:
    """A name or a value that does not exist is refused, and nothing moves."""
    actuators = Actuators(Header("mock"))
    actuators.set_all((LAMP,))
    refusal = actuators.apply(name, value)
    assert isinstance(refusal, Refusal)
    assert words in str(refusal)
    assert actuators.set_all((LAMP,))[0].value == "off"


def test_an_actuator_that_stays_keeps_its_value() -> None:
    """A new assignment with the same lamp does not make it blink."""
    header = Header("mock")
    actuators = Actuators(header)
    actuators.set_all((LAMP,))
    actuators.apply("lamp", "on")
    pin = header.find(27)
    assert isinstance(pin, MockPin)
    pin.clear_states()
    assert [status.value for status in actuators.set_all((PUMP, LAMP))] == ["off", "on"]
    assert len(pin.states) == 1


def test_an_actuator_that_goes_is_safe_first_and_then_an_input() -> None:
    """A removed actuator passes through its safe value before its pin is let go."""
    header = Header("mock")
    actuators = Actuators(header)
    actuators.set_all((LAMP,))
    actuators.apply("lamp", "on")
    pin = header.find(27)
    assert isinstance(pin, MockPin)
    pin.clear_states()
    actuators.set_all(())
    pin.assert_states([True, False])
    assert levels(header)[27] == ("input", False)


def test_an_actuator_that_changed_is_opened_anew_and_safe() -> None:
    """Another pin, another polarity: the old one is let go, the new one starts safe."""
    header = Header("mock")
    actuators = Actuators(header)
    actuators.set_all((LAMP,))
    actuators.apply("lamp", "on")
    moved = ActuatorSpec("lamp", "porch", "led", {"pin": 22, "active_high": False})
    assert actuators.set_all((moved,))[0].value == "off"
    assert levels(header) == {27: ("input", False), 22: ("output", True)}


def test_make_safe_leaves_the_outputs_driven() -> None:
    """At the end of the agent every output is at its safe value and still an output; doing it again changes nothing."""
    header = Header("mock")
    actuators = Actuators(header)
    actuators.set_all((LAMP, PUMP, ALARM))
    for name, value in (("lamp", "on"), ("pump", "on"), ("alarm", "off")):
        actuators.apply(name, value)
    assert [status.value for status in actuators.make_safe()] == ["off", "off", "on"]
    assert actuators.make_safe() == actuators.make_safe()
    assert levels(header) == {27: ("output", False), 22: ("output", True), 23: ("output", True)}


def test_a_process_that_comes_after_a_crash_makes_all_safe() -> None:
    """Without knowing what the dead agent had set, the next process drives every output to its safe value."""
    header = Header("mock")
    assert [status.value for status in Actuators(header).set_all((LAMP, ALARM))] == ["off", "on"]
    assert levels(header) == {27: ("output", False), 23: ("output", True)}


def test_the_end_of_the_interpreter_does_not_undo_a_safe_state() -> None:
    """When the process ends after make_safe, nothing of gpiozero's clean-up turns outputs into inputs."""
    program = """
import atexit
from gpiozero.pins.mock import MockPin
from protocol.desired import ActuatorSpec
from sensors.board import Board

class ToldPin(MockPin):
    def _set_function(self, value):
        print(value, flush=True)
        super()._set_function(value)

board = Board(print, "mock")
board._header.find(5)
board._header._factory.pin_class = ToldPin
atexit.register(board.close)
board.open((), (ActuatorSpec("alarm", "yard", "buzzer", {"pin": 23}, safe="on"),))
board.apply("alarm", "off")
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == ["output"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            ActuatorSpec("fan", "yard", "led", {"pin": 27}),
            "pin 27 is used by actuator lamp of stack porch, so actuator fan of stack yard",
        ),
        (ActuatorSpec("fan", "yard", "laser", {"pin": 4}), "'laser' is no kind of actuator that this agent knows"),
        (
            ActuatorSpec("lamp", "yard", "led", {"pin": 4}),
            "stack porch has an actuator of that name on this node, on pin 27",
        ),
        (ActuatorSpec("fan", "yard", "led", {"pin": 99}), "pin 99 cannot be opened"),
    ],
)
def test_what_cannot_be_opened_says_why(spec: ActuatorSpec, words: str) -> None:
    """An impossible actuator is a fault with a reason; the others work."""
    actuators = Actuators(Header("mock"))
    lamp, other = actuators.set_all((LAMP, spec))
    assert (lamp.value, other.value) == ("off", "")
    assert words in other.fault


def test_setting_a_faulty_actuator_tells_its_fault() -> None:
    """Whoever sets an actuator that could not be opened learns why it does not work."""
    actuators = Actuators(Header("mock"))
    fan = ActuatorSpec("fan", "yard", "led", {"pin": 27})
    actuators.set_all((LAMP, fan))
    answer = actuators.apply("fan", "on")
    assert "pin 27 is used by" in getattr(answer, "fault", "")
    actuators.set_all((fan,))
    assert getattr(actuators.apply("fan", "on"), "value", "") == "on"


class StuckPin(MockPin):
    """A pin that cannot be an output twice: the second level is refused by the chip."""

    def _set_state(self, value: bool) -> None:
        if len(self.states) > 1:
            raise OSError("Operation not permitted")
        super()._set_state(value)


def test_a_pin_that_does_not_obey_is_a_fault_and_stops_nobody() -> None:
    """An output that fails while all are made safe is told; the others are safe."""
    header = Header("mock")
    actuators = Actuators(header)
    actuators.set_all((PUMP,))
    header._factory.pin_class = StuckPin
    actuators.set_all((ALARM, PUMP))
    actuators.apply("pump", "on")
    assert "pin 23 cannot be put off" in getattr(actuators.apply("alarm", "off"), "fault", "")
    alarm, pump = sorted(actuators.make_safe(), key=lambda status: status.name)
    assert "Operation not permitted" in alarm.fault
    assert pump.value == "off"
