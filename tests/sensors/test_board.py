"""All devices of a node together, on mock pins: what the agent's loop calls."""

from __future__ import annotations

from protocol.desired import ActuatorSpec, SensorSpec
from protocol.refusal import Refusal
from sensors.board import Board
from sensors.header import PinState
from sensors.stage import Reading

BELL = SensorSpec("bell", "porch", "button", {"pin": 17})
LAMP = ActuatorSpec("lamp", "porch", "led", {"pin": 27})


def test_a_press_is_read_and_a_lamp_is_lit() -> None:
    """The whole way: a driven pin is delivered, an applied value stands on its pin."""
    reads: list[Reading] = []
    board = Board(reads.append, "mock")
    board.open((BELL,), (LAMP,))
    assert board.drive(17, high=False) == PinState(17, "input", high=False, user="sensor bell of stack porch")
    board.apply("lamp", "on")
    assert [(read.sensor, read.value) for read in reads] == [("bell", False), ("bell", True)]
    assert board.pins() == (
        PinState(17, "input", high=False, user="sensor bell of stack porch"),
        PinState(27, "output", high=True, user="actuator lamp of stack porch"),
    )


def test_pins_may_change_sides_in_one_step() -> None:
    """A pin may go from a sensor to an actuator, and another the other way, in one assignment."""
    board = Board(print, "mock")
    board.open((BELL,), (LAMP,))
    sensors, actuators = board.open(
        (SensorSpec("bell", "porch", "button", {"pin": 27}),), (ActuatorSpec("lamp", "porch", "led", {"pin": 17}),)
    )
    assert [status.fault for status in (*sensors, *actuators)] == ["", ""]


def test_a_sensor_and_an_actuator_on_one_pin_name_each_other() -> None:
    """The actuator goes first, because it can do harm; the sensor says who has its pin."""
    board = Board(print, "mock")
    sensors, actuators = board.open((SensorSpec("bell", "yard", "button", {"pin": 27}),), (LAMP,))
    assert actuators[0].value == "off"
    assert (
        sensors[0].fault
        == "pin 27 is used by actuator lamp of stack porch, so sensor bell of stack yard cannot have it"
    )


def test_outputs_and_unknown_pins_cannot_be_driven() -> None:
    """Driving what is no input is refused with the reason."""
    board = Board(print, "mock")
    board.open((), (LAMP,))
    output, nowhere = board.drive(27, high=True), board.drive(99, high=True)
    assert isinstance(output, Refusal)
    assert isinstance(nowhere, Refusal)
    assert "pin 27 is an output, used by actuator lamp of stack porch" in output.reason
    assert "pin 99" in nowhere.reason
    assert board.pins()[0].high is False


def test_real_pins_are_never_driven() -> None:
    """A finger exists for mock pins only."""
    refusal = Board(print, "lgpio").drive(17, high=True)
    assert isinstance(refusal, Refusal)
    assert "pin 17 is real" in refusal.reason


def test_a_closed_board_is_silent_and_safe() -> None:
    """After close nothing is delivered, and outputs are driven to their safe value."""
    reads: list[Reading] = []
    board = Board(reads.append, "mock")
    board.open((BELL,), (LAMP,))
    board.apply("lamp", "on")
    board.close()
    board.drive(17, high=False)
    assert len(reads) == 1
    assert board.pins() == (
        PinState(17, "input", high=False),
        PinState(27, "output", high=False, user="actuator lamp of stack porch"),
    )


def test_two_boards_of_one_process_do_not_share_mock_pins() -> None:
    """Simulated nodes in one process each have pins of their own."""
    reads: list[Reading] = []
    one, two = Board(reads.append, "mock"), Board(print, "mock")
    one.open((BELL,), ())
    two.open((BELL,), ())
    two.drive(17, high=False)
    assert len(reads) == 1


def test_the_pin_factory_is_named_for_the_inventory() -> None:
    """What was asked for is told before any pin is opened."""
    assert Board(print, "mock").factory_name == "mock"
