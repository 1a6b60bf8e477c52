"""A finger on mock pins, and values that functions say to actuators of every sort."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.decide.consequences import _set
from agent.decide.effects import DriveGauge, SetActuator
from agent.decide.inputs import DevicesOpened
from protocol.desired import ActuatorSpec, Command, SensorSpec, Verb
from protocol.observed import Answer, DeviceStatus
from protocol.topics import CommandTopic
from sensors.board import Board
from sensors.stage import Reading
from tests.fakes.agent import FLEET, NAME, Rig

KNOB = SensorSpec("knob", "porch", "rotary-encoder", {"a": 5, "b": 6, "max_steps": 16})
PAD = SensorSpec("pad", "porch", "button-board", {"buttons": {"up": 17, "down": 27}})
POT = SensorSpec("pot", "porch", "mcp3008", {"bus": "spi0.0", "channel": 0})
DIMMER = ActuatorSpec("dimmer", "porch", "pwm-led", {"pin": 12})
STRIP = ActuatorSpec("strip", "porch", "rgb-led", {"red": 16, "green": 20, "blue": 21})


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A node that runs nothing yet."""
    rig = Rig(tmp_path)
    rig.run(2)
    return rig


def driven(rig: Rig, target: str, value: str) -> Answer:
    rig.assign(1, sensors=(KNOB, PAD, POT), actuators=(DIMMER, STRIP))
    rig.run(2)
    rig.send(CommandTopic(FLEET, NAME, "c1"), Command("c1", Verb.DRIVE, target, value))
    rig.run(1)
    answer: Answer = rig.messages(Answer)[-1]
    return answer


@pytest.mark.parametrize(
    ("target", "value", "pins"),
    [
        ("knob", "clockwise", [(5, False), (6, False), (5, True), (6, True)]),
        ("knob", "counter-clockwise", [(6, False), (5, False), (6, True), (5, True)]),
        ("pad.up", "pressed", [(17, False)]),
        ("porch.pad.down", "released", [(27, True)]),
        ("pad.down", "low", [(27, False)]),
    ],
)
def test_a_sensor_of_several_pins_is_driven_by_its_words(
    rig: Rig, target: str, value: str, pins: list[tuple[int, bool]]
) -> None:
    """A knob is turned by a step, and a button of a board is pressed by its name."""
    assert driven(rig, target, value).ok
    assert rig.driven == pins


def test_a_gauge_is_told_what_to_show(rig: Rig) -> None:
    """A number for a sensor that is asked for its value goes to it, not to its pins."""
    driven(rig, "pot", "0.75")
    assert [effect for effect in rig.effects if isinstance(effect, DriveGauge)] == [DriveGauge("c1", "pot", 0.75)]


@pytest.mark.parametrize(
    ("target", "value", "words"),
    [
        ("knob", "sideways", "pin 5 and pin 6, or clockwise or counter-clockwise"),
        ("pad", "pressed", "drive one of pad.up, pad.down"),
        ("pad.left", "pressed", "no pin and no sensor"),
        ("pad.up", "sideways", "say high or low, or pressed or released"),
        ("pot", "loud", "'loud' is no number, which pot shall show"),
    ],
)
def test_what_cannot_be_driven_says_what_could(rig: Rig, target: str, value: str, words: str) -> None:
    """The answer names the parts or the words that there are."""
    answer = driven(rig, target, value)
    assert not answer.ok
    assert words in answer.message


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("dimmer", 0.5, "0.5"), ("dimmer", "35%", "0.35"), ("dimmer", True, "on"), ("strip", "Orange", "#ffa500")],
)
def test_a_function_says_numbers_colours_and_truths(rig: Rig, name: str, value: object, said: str) -> None:
    """What a function prints for an actuator is read as its kind reads everything."""
    rig.assign(1, actuators=(DIMMER, STRIP))
    rig.run(2)
    assert _set(rig.loop.node, "porch", name, value) == ""
    assert rig.loop.node.effects.pop() == SetActuator(name, said)


def test_a_mock_gauge_shows_what_it_was_told_and_a_real_one_nothing() -> None:
    """Driving a gauge works on mock pins that are open, and says so everywhere else."""
    board = Board(lambda _: None, "mock")
    assert "there is no gauge 'pot' open here" in str(board.show("pot", 0.5))
    board.open((POT,), ())
    assert board.show("pot", 0.5) is None
    board.close()


def test_a_sensor_that_is_opened_again_keeps_what_it_showed(rig: Rig) -> None:
    """What a gauge or a knob said last is not forgotten because the assignment grew."""
    rig.assign(1, sensors=(POT,))
    rig.run(2)
    rig.loop.inbox.put(Reading("pot", 0.5, 1, opening=True))
    rig.run(1)
    rig.loop.inbox.put(DevicesOpened((DeviceStatus("pot", "mcp3008", "channel 0 of spi0.0"),), ()))
    rig.run(1)
    (pot,) = rig.loop.node.sensors
    assert pot.value == "0.5"
