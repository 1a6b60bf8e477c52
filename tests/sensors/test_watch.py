"""Sensors on gpiozero's real mock pins; their callbacks come in the caller's thread, so nothing waits."""

from __future__ import annotations

import gc
import time

import pytest
from gpiozero.pins.mock import MockPin

from protocol.desired import SensorSpec
from sensors.edges import fresh, observe
from sensors.header import Header
from sensors.mock import drive
from sensors.stage import NS_PER_S, Reading
from sensors.watch import TRUSTED_LAG_NS, Watch, edge_ns

BELL = SensorSpec("bell", "porch", "button", {"pin": 17})
EYE = SensorSpec("eye", "porch", "motion", {"pin": 4})


class Opened:
    """A watch, and what it delivered."""

    def __init__(self) -> None:
        self.header = Header("mock")
        self.reads: list[Reading] = []
        self.watch = Watch(self.reads.append, self.header)

    def levels(self, sensor: str) -> list[bool]:
        return [read.value for read in self.reads if read.sensor == sensor]

    def users(self) -> dict[int, str]:
        return {state.pin: state.user for state in self.header.pins() if state.user}


@pytest.mark.parametrize(
    ("kind", "pull", "idle", "active_high", "events"),
    [
        ("button", "", "released", False, ("pressed", "released")),
        ("button", "down", "released", True, ("pressed", "released")),
        ("motion", "", "no-motion", True, ("motion", "no-motion")),
        ("digital", "", "deactivated", True, ("activated", "deactivated")),
        ("digital", "up", "deactivated", False, ("activated", "deactivated")),
        ("line", "up", "line", False, ("no-line", "line")),
    ],
)
def test_a_kind_is_read_as_its_wiring_says(
    kind: str, pull: str, idle: str, active_high: bool, events: tuple[str, str]
) -> None:
    """Driving the pin away from its pull and back makes the kind's two events."""
    opened, spec = Opened(), SensorSpec("it", "porch", kind, {"pin": 4, "pull": pull})
    assert opened.watch.set_all((spec,))[0].value == idle
    drive(opened.header, 4, high=active_high)
    drive(opened.header, 4, high=not active_high)
    state, said = fresh(spec), []
    for read in opened.reads:
        state, sensed = observe(state, read)
        said += [s.event for s in sensed]
    assert said == list(events)


@pytest.mark.parametrize(("pull", "remedy"), [("down", "`pull: up`"), ("none", "`pull: up`"), ("up", "")])
def test_a_pull_that_the_board_has_fixed_is_named_with_what_to_do(pull: str, remedy: str) -> None:
    """GPIO 2 and 3 have a resistor on the board; a Compute Module's have none, so the manifest cannot be refused for it."""
    (status,) = Opened().watch.set_all((SensorSpec("bell", "porch", "button", {"pin": 3, "pull": pull}),))
    assert ("GPIO3 has a fixed pull resistor" in status.fault) == bool(remedy)
    assert remedy in status.fault


def test_opening_delivers_the_level_of_the_pin() -> None:
    """The baseline is read when the pin is opened, with the time of that moment."""
    opened = Opened()
    before = time.monotonic_ns()
    opened.watch.set_all((BELL,))
    (read,) = opened.reads
    assert (read.sensor, read.value, read.opening) == ("bell", False, True)
    assert before <= read.at_ns <= time.monotonic_ns()


def test_edges_carry_times_that_follow_each_other() -> None:
    """Times never go back along the readings of one sensor."""
    opened = Opened()
    opened.watch.set_all((BELL,))
    for high in (False, True) * 20:
        drive(opened.header, 17, high=high)
    times = [read.at_ns for read in opened.reads]
    assert len(times) == 41
    assert times == sorted(times)


def test_listening_survives_a_garbage_collection() -> None:
    """gpiozero holds callbacks weakly; ours stay."""
    opened = Opened()
    opened.watch.set_all((BELL,))
    gc.collect()
    drive(opened.header, 17, high=False)
    assert opened.levels("bell") == [False, True]


def test_a_sensor_that_stays_is_not_disturbed() -> None:
    """Setting the same sensors again, or others beside them, delivers no second baseline."""
    opened = Opened()
    opened.watch.set_all((BELL,))
    drive(opened.header, 17, high=False)
    statuses = opened.watch.set_all((EYE, BELL))
    assert [(status.name, status.value) for status in statuses] == [("eye", "no-motion"), ("bell", "pressed")]
    assert opened.levels("bell") == [False, True]


def test_a_sensor_that_goes_frees_its_pin_and_is_silent() -> None:
    """After a sensor was removed, its pin is nobody's and its edges are not delivered."""
    opened = Opened()
    opened.watch.set_all((BELL, EYE))
    opened.watch.set_all((EYE,))
    drive(opened.header, 17, high=False)
    assert opened.users() == {4: "sensor eye of stack porch"}
    assert opened.levels("bell") == [False]


def test_a_sensor_that_changed_is_opened_anew() -> None:
    """A sensor with another pin or pull gets a new baseline, and its old pin is free."""
    opened = Opened()
    opened.watch.set_all((BELL,))
    opened.watch.set_all((SensorSpec("bell", "porch", "button", {"pin": 22, "pull": "down"}),))
    drive(opened.header, 22, high=True)
    assert [(read.value, read.opening) for read in opened.reads] == [(False, True), (False, True), (True, False)]
    assert opened.users() == {22: "sensor bell of stack porch"}


def test_a_pin_may_go_from_one_sensor_to_another_at_once() -> None:
    """Pins are freed before others are opened, so a renamed sensor is no conflict."""
    opened = Opened()
    opened.watch.set_all((BELL,))
    (status,) = opened.watch.set_all((SensorSpec("chime", "porch", "button", {"pin": 17}),))
    assert (status.value, status.fault) == ("released", "")


def test_a_pin_that_is_taken_names_both_users() -> None:
    """Two sensors on one pin: the first has it, the second says who does."""
    opened = Opened()
    first, second = opened.watch.set_all((BELL, SensorSpec("gate", "yard", "digital", {"pin": 17})))
    assert first.fault == ""
    assert second.fault == "pin 17 is used by sensor bell of stack porch, so sensor gate of stack yard cannot have it"
    assert second.value == ""


def test_a_fault_heals_when_its_reason_goes() -> None:
    """Every call tries again what did not work before."""
    opened, gate = Opened(), SensorSpec("gate", "yard", "digital", {"pin": 17})
    opened.watch.set_all((BELL, gate))
    assert opened.watch.set_all((gate,))[0].fault == ""


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (SensorSpec("s", "porch", "button", {"pin": 99}), "pin 99 cannot be opened"),
        (
            SensorSpec("s", "porch", "button", {"pin": 2, "pull": "down"}),
            "pin 2 cannot be watched: GPIO2 has a fixed pull resistor",
        ),
        (SensorSpec("s", "porch", "theremin", {"pin": 4}), "'theremin' is no kind of sensor that this agent knows"),
        (
            SensorSpec("bell", "yard", "button", {"pin": 4}),
            "stack porch has a sensor of that name on this node, on pin 17",
        ),
    ],
)
def test_what_cannot_be_opened_says_why(spec: SensorSpec, words: str) -> None:
    """An impossible sensor is a fault with a reason, takes no pin, and does not touch its neighbours."""
    opened = Opened()
    bell, other = opened.watch.set_all((BELL, spec))
    assert (bell.value, other.value) == ("released", "")
    assert words in other.fault
    assert opened.users() == {17: "sensor bell of stack porch"}


@pytest.mark.parametrize(
    ("factory", "words"), [("bongo", "there is no such pin factory"), ("rpigpio", "rpigpio"), ("lgpio", "lgpio")]
)
def test_without_pins_it_says_what_to_install(factory: str, words: str) -> None:
    """A pin library that is missing or does not know this machine is a fault with a remedy."""
    header = Header(factory)
    (status,) = Watch(print, header).set_all((BELL,))
    assert words in status.fault
    assert "install lgpio" in status.fault
    assert "GPIOZERO_PIN_FACTORY=mock" in status.fault


def test_the_environment_chooses_the_pin_factory_as_gpiozero_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """gpiozero's own variable is honoured, and a setting goes before it."""
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    assert Watch(print, Header()).set_all((BELL,))[0].fault == ""
    assert Header("lgpio").factory_name == "lgpio"


class LingeringPin(MockPin):
    """A pin that goes on calling back after it was closed, as lgpio's do."""

    def close(self) -> None:
        self.function = "input"


def test_nobody_listens_to_a_pin_that_was_given_back() -> None:
    """The callback is taken away before the pin is closed."""
    opened = Opened()
    opened.header.find(5)
    opened.header._factory.pin_class = LingeringPin
    opened.watch.set_all((BELL,))
    opened.watch.set_all(())
    drive(opened.header, 17, high=False)
    assert opened.levels("bell") == [False]


class HastyPin(MockPin):
    """A pin whose level falls after it was read and before anyone listens."""

    def _enable_event_detect(self) -> None:
        self._change_state(False)


def test_an_edge_while_the_pin_is_being_opened_is_not_lost() -> None:
    """The level is looked at once more after listening began."""
    opened = Opened()
    opened.header.find(5)
    opened.header._factory.pin_class = HastyPin
    opened.watch.set_all((BELL,))
    assert [(read.value, read.opening) for read in opened.reads] == [(False, True), (True, False)]


class WornPin(MockPin):
    """A pin whose line can be read twice: then the chip is gone."""

    left = 2

    def _get_state(self) -> bool:
        self.left -= 1
        if self.left < 0:
            raise OSError("No such device")
        return bool(super()._get_state())


def test_a_pin_that_stops_answering_is_a_fault() -> None:
    """A pin that cannot be read any more is told, in its status and in the list of pins."""
    opened = Opened()
    opened.header.find(5)
    opened.header._factory.pin_class = WornPin
    (status,) = opened.watch.set_all((BELL,))
    assert status.fault == "the pin cannot be read: No such device"
    assert [(state.pin, state.function) for state in opened.header.pins()] == [(5, "input"), (17, "unreadable")]


@pytest.mark.parametrize(
    ("lag_ns", "trusted"),
    [
        (0, True),
        (1_000_000, True),
        (TRUSTED_LAG_NS, True),
        (TRUSTED_LAG_NS + 1000, False),
        (-1_000_000, False),
        (-(10**18), False),
    ],
)
def test_an_edges_own_time_is_taken_if_it_is_credible(lag_ns: int, trusted: bool) -> None:
    """A pin library on another clock, as old kernels have it, cannot move events in time."""
    now_ns = 3_600 * NS_PER_S
    assert edge_ns((now_ns - lag_ns) / NS_PER_S, now_ns) == (now_ns - lag_ns if trusted else now_ns)


def test_closing_twice_is_harmless() -> None:
    """A watch that is closed may be closed again, and opened again."""
    opened = Opened()
    opened.watch.set_all((BELL,))
    opened.watch.close()
    opened.watch.close()
    assert opened.users() == {}
    assert opened.watch.set_all((BELL,))[0].fault == ""
