"""The pins of a real Linux: lgpio, gpiozero and a whole agent on `/dev/gpiochip0`. Runs in the machine of `tests/gpio` only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.broker import Broker
from protocol.desired import ActuatorSpec, Assignment, Command, SensorSpec, Verb
from protocol.observed import Answer, NodeStatus, SensorEvent
from protocol.topics import CommandTopic
from sensors.board import Board
from sensors.stage import Reading
from tests.bench.desk import FLEET, Desk

CHIP = Path("/dev/gpiochip0")
BUTTON, LAMP, OTHER = 4, 6, 5
# Not 2 and 3: those have pull-ups of their own on a Raspberry Pi, which the pin library knows.
PATIENCE_S = 300.0
# The machine is emulated: a Python that imports the agent takes ten seconds.
BELL = SensorSpec("bell", "porch", "button", {"pin": BUTTON, "pull": "none", "debounce": 0.0})
LED = ActuatorSpec("lamp", "porch", "led", {"pin": LAMP})


class Wire:
    """What is soldered to the chip: another process, asked over a socket."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(f"{path}.back")

    def _ask(self, order: str) -> int:
        self._line.sendto(order.encode(), self._path)
        return int(self._line.recv(64))

    def put(self, line: int, *, high: bool) -> None:
        """Put a line to a level."""
        self._ask(f"set {line} {int(high)}")

    def is_high(self, line: int) -> bool:
        """Look at a line."""
        return bool(self._ask("get") >> line & 1)


def until(is_it: Callable[[], bool], what: str) -> None:
    """Wait for something to be so."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_it():
        assert time.monotonic() < deadline_s, f"waited {PATIENCE_S:g} s in vain: {what}"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def wire() -> Iterator[Wire]:
    path = Path("/run/chip")
    chip = subprocess.Popen([sys.executable, "-m", "tests.gpio.cp2112", str(path)])
    until(lambda: path.exists() and CHIP.exists(), "the emulated chip")
    yield Wire(path)
    chip.kill()


# The agents come first: outputs that a board of this process has driven stay its own until it ends, on purpose.


def test_a_whole_agent_lives_on_the_chip(wire: Wire, tmp_path: Path) -> None:
    """A press becomes an event at the controller's desk, a command lights the lamp; the safe level outlives a SIGTERM."""
    wire.put(BUTTON, high=True)
    with Broker(tmp_path / "broker") as broker, Desk(broker) as desk, _agent(broker, tmp_path / "state") as agent:
        _give_work(desk)
        pressed_ns = time.monotonic_ns()
        wire.put(BUTTON, high=False)
        heard_s = desk.wait_for(lambda _, said: _is_press(said), "the press", PATIENCE_S)
        print(f"\npressed and told after {heard_s * 1e3 - pressed_ns / 1e6:.0f} ms, in a machine that is emulated")
        desk.say(CommandTopic(FLEET, "pi", "c1"), Command("c1", Verb.SET, "lamp", "on"))
        desk.wait_for(lambda _, said: isinstance(said, Answer) and said.ok, "the answer", PATIENCE_S)
        assert wire.is_high(LAMP)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(PATIENCE_S) == 0
        assert not wire.is_high(LAMP)


def test_after_sigkill_the_next_agent_makes_the_outputs_safe(wire: Wire, tmp_path: Path) -> None:
    """The kernel takes the lines back from a killed agent; what level they keep is the driver's, until the next one begins."""
    with Broker(tmp_path / "broker") as broker, Desk(broker) as desk:
        with _agent(broker, tmp_path / "state") as agent:
            _give_work(desk)
            desk.say(CommandTopic(FLEET, "pi", "c1"), Command("c1", Verb.SET, "lamp", "on"))
            until(lambda: desk.listen(0.1) is None and wire.is_high(LAMP), "the lamp")
            agent.kill()
            agent.wait()
            print(f"\nafter SIGKILL the lamp is {'on' if wire.is_high(LAMP) else 'off'}")
        with _agent(broker, tmp_path / "state"):
            until(lambda: desk.listen(0.1) is None and not wire.is_high(LAMP), "the lamp safe again")


def _give_work(desk: Desk) -> None:
    desk.assign(Assignment("pi", 1, 1, sensors=(BELL,), actuators=(LED,)))
    desk.wait_for(lambda _, said: _is_watched(said), "the pins", PATIENCE_S)


@pytest.fixture
def readings() -> list[Reading]:
    return []


@pytest.fixture
def board(wire: Wire, readings: list[Reading]) -> Iterator[Board]:
    made = Board(lambda seen: readings.append(seen) if isinstance(seen, Reading) else None, "lgpio")
    yield made
    made.close()
    made.open((), ())
    assert wire


def test_every_edge_of_a_button_is_read(board: Board, wire: Wire, readings: list[Reading]) -> None:
    """Ten presses are ten presses, in order, with times of the kernel's own clock. The driver begins with an edge that is none."""
    wire.put(BUTTON, high=True)
    ((status,), _) = board.open((BELL,), ())
    assert (status.fault, status.value) == ("", "released")
    for number in range(20):
        before_ns, is_pressed = time.monotonic_ns(), number % 2 == 0
        wire.put(BUTTON, high=not is_pressed)
        until(lambda is_on=is_pressed: readings[-1].value == is_on, f"edge {number}")
        assert before_ns <= readings[-1].at_ns <= time.monotonic_ns()
    turns = [one.value for one, before in zip(readings[1:], readings, strict=False) if one.value != before.value]
    assert turns == [number % 2 == 0 for number in range(20)]


def test_an_output_is_driven(board: Board, wire: Wire) -> None:
    """On and off arrive at the wire, and closing leaves the safe level."""
    _, (status,) = board.open((), (LED,))
    assert status.fault == ""
    for value in ("on", "off", "on"):
        board.apply("lamp", value)
        until(lambda high=value == "on": wire.is_high(LAMP) == high, f"the lamp {value}")
    board.make_safe()
    until(lambda: not wire.is_high(LAMP), "the lamp safe")


def test_a_pin_that_somebody_else_has_is_a_fault_in_words(board: Board) -> None:
    """Another process holds the line; the sensor says so, and nothing raises."""
    claims = f"lgpio.gpio_claim_output(lgpio.gpiochip_open(0), {OTHER})"
    holds = f"import lgpio, time; {claims}; print('has it', flush=True); time.sleep(600)"
    other = subprocess.Popen([sys.executable, "-c", holds], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "has it\n"
    ((status,), _) = board.open((SensorSpec("taken", "porch", "button", {"pin": OTHER, "pull": "none"}),), ())
    other.kill()
    other.wait()
    assert "busy" in status.fault.lower()
    assert f"pin {OTHER}" in status.fault


@contextmanager
def _agent(broker: Broker, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An agent on the chip, killed at the end: the kernel takes its lines back."""
    state.mkdir(exist_ok=True)
    extra = {
        "BRAMBLE_NODE": "pi",
        "BRAMBLE_FLEET": FLEET,
        "BRAMBLE_BROKER_HOST": broker.address,
        "BRAMBLE_BROKER_PORT": str(broker.port),
        "BRAMBLE_STATE_DIR": str(state),
        "BRAMBLE_DOCKER_HOST": "none",
        "GPIOZERO_PIN_FACTORY": "lgpio",
    }
    agent = subprocess.Popen([sys.executable, "-m", "agent"], env={**os.environ, **extra})
    yield agent
    agent.kill()
    agent.wait()


def _is_watched(said: object) -> bool:
    return isinstance(said, NodeStatus) and bool(said.sensors and said.actuators and said.sensors[0].value)


def _is_press(said: object) -> bool:
    return isinstance(said, SensorEvent) and said.type == "pressed"
