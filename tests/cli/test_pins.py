"""Pins from afar: what is passed on to the node, and how a press is made."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

import pytest

from protocol.desired import ActuatorSpec, SensorSpec
from protocol.operator import OperatorOrder, OrderVerb, PinRow
from sensors.board import Board
from sensors.header import PinState
from tests.fakes.session import FakeSession, no, operate, yes

BELL = PinRow(17, "input", True, "sensor doorbell of stack porch")
LAMP = PinRow(27, "output", False, "actuator lamp of stack porch")


def rows() -> object:
    return yes([asdict(BELL), asdict(LAMP)])


def order(verb: str, target: str = "", value: str = "") -> OperatorOrder:
    return OperatorOrder(OrderVerb.COMMAND, "pi-1", {"verb": verb, "target": target, "value": value})


def test_pins_are_listed_with_their_users_and_levels() -> None:
    """One line per pin that is in use."""
    session = FakeSession(answers={OrderVerb.COMMAND: rows()})
    done = operate(session, "pins", "pi-1")
    assert session.orders == [order("pins")]
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        ["17", "sensor", "doorbell", "of", "stack", "porch", "input", "high"],
        ["27", "actuator", "lamp", "of", "stack", "porch", "output", "low"],
    ]
    assert json.loads(operate(session, "pins", "pi-1", "-o", "json").stdout) == [asdict(BELL), asdict(LAMP)]


def test_a_level_is_passed_on_to_the_node() -> None:
    """A pin's number or a sensor's name, a level or an event: the node judges."""
    session = FakeSession(answers={OrderVerb.COMMAND: yes(message="pin 17 is low")})
    done = operate(session, "pins", "pi-1", "--drive", "doorbell=pressed")
    assert (session.orders, done.stdout) == ([order("drive", "doorbell", "pressed")], "pi-1: pin 17 is low\n")


def test_a_press_turns_the_level_over_and_back() -> None:
    """A button rests high or low by its wiring; a press starts and ends at its rest."""
    for target in ("17", "doorbell"):
        session = FakeSession(answers={OrderVerb.COMMAND: [rows(), yes(), yes()]})
        done = operate(session, "pins", "pi-1", "--drive", f"{target}=press")
        assert session.orders == [order("pins"), order("drive", "17", "low"), order("drive", "17", "high")]
        assert session.waits[2] == 0.3
        assert (done.exit_code, done.stdout) == (0, "pi-1: pin 17 was low for 0.3 s\n")


def test_one_button_of_a_board_is_pressed_by_its_name() -> None:
    """Which pin it is, its node knows; so it does where a sensor is named with its stack."""
    for target in ("pad.up", "porch.doorbell"):
        session = FakeSession(answers={OrderVerb.COMMAND: [rows(), yes(), yes()]})
        done = operate(session, "pins", "pi-1", "--drive", f"{target}=press")
        assert session.orders[1:] == [order("drive", target, "pressed"), order("drive", target, "released")]
        assert (done.exit_code, done.stdout) == (0, f"pi-1: {target} was pressed for 0.3 s\n")


def test_a_press_of_several_pins_is_refused() -> None:
    """A board is not pressed as a whole: the sentence says which pins it has, and how one button is named."""
    pad = [PinRow(pin, "input", True, "sensor pad of stack porch") for pin in (5, 6)]
    session = FakeSession(answers={OrderVerb.COMMAND: yes([asdict(row) for row in pad])})
    done = operate(session, "pins", "pi-1", "--drive", "pad=press")
    assert (done.exit_code, session.orders) == (1, [order("pins")])
    assert "pad has several pins (5, 6)" in done.stderr
    assert "pad.BUTTON=press" in done.stderr


@pytest.mark.parametrize(
    ("target", "said"), [("bell", "pi-1 has no sensor 'bell' on a pin"), ("5", "nothing uses pin 5 of pi-1")]
)
def test_a_press_of_what_is_not_there_is_3(target: str, said: str) -> None:
    """Nothing is driven for a sensor that the node does not have, or a pin that nobody uses."""
    session = FakeSession(answers={OrderVerb.COMMAND: rows()})
    done = operate(session, "pins", "pi-1", "--drive", f"{target}=press")
    assert (done.exit_code, session.orders) == (3, [order("pins")])
    assert said in done.stderr


def test_an_actuator_is_switched_by_its_name() -> None:
    """The node's sentence is the output."""
    session = FakeSession(answers={OrderVerb.COMMAND: yes(message="lamp is on")})
    done = operate(session, "pins", "pi-1", "--set", "lamp=on", "-o", "json")
    assert session.orders == [order("set", "lamp", "on")]
    assert json.loads(done.stdout) == {"node": "pi-1", "target": "lamp", "message": "lamp is on"}


def test_a_nodes_no_is_told() -> None:
    """Real pins cannot be driven; the node says so."""
    session = FakeSession(answers={OrderVerb.COMMAND: no("pin 17 is a real pin")})
    done = operate(session, "pins", "pi-1", "--drive", "17=high")
    assert (done.exit_code, done.stderr) == (1, "bramble: pin 17 is a real pin\n")


def test_a_nodes_pins_are_what_we_read() -> None:
    """The words of a real board and ours are the same, down to how a user of a pin is called."""
    assert [(f.name, f.type) for f in fields(PinRow)] == [(f.name, f.type) for f in fields(PinState)]
    board = Board(lambda _reading: None, "mock")
    board.open(
        (SensorSpec("doorbell", "porch", "button", {"pin": 17}),), (ActuatorSpec("lamp", "porch", "led", {"pin": 27}),)
    )
    try:
        assert [asdict(state) for state in board.pins()] == [asdict(BELL), asdict(LAMP)]
    finally:
        board.close()
