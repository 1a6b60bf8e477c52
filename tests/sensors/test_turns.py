"""Rotary encoders and boards of buttons, on mock pins and through their chains."""

from __future__ import annotations

from gpiozero.pins.mock import MockPin

from protocol.desired import SensorSpec
from sensors.edges import fresh, observe, settle
from sensors.header import Header
from sensors.mock import drive
from sensors.stage import NS_PER_S, Reading
from sensors.watch import Watch

KNOB = SensorSpec("knob", "porch", "rotary-encoder", {"a": 5, "b": 6, "max_steps": 2, "wrap": False})
PAD = SensorSpec("pad", "porch", "button-board", {"buttons": {"up": 17, "down": 27}, "debounce": 0.03, "hold": 1.0})

A_LEADS, B_LEADS = (2, 3, 1, 0), (1, 3, 2, 0)


def said(spec: SensorSpec, values: list[object], step_ns: int = NS_PER_S // 10) -> list[tuple[str, object]]:
    """The events of a sensor whose first value is its baseline."""
    chain, events = fresh(spec), []
    for place, value in enumerate(values):
        chain, sensed = observe(chain, Reading(spec.name, value, place * step_ns, opening=place == 0))  # type: ignore[arg-type]
        events += [(one.event, one.value) for one in sensed]
    return events


def test_a_knob_counts_its_steps() -> None:
    """Each whole turn of the levels is one step, in the direction of the pin that leads."""
    assert said(KNOB, [0, *A_LEADS]) == [("clockwise", 1)]
    assert said(KNOB, [0, *A_LEADS, *B_LEADS, *B_LEADS]) == [
        ("clockwise", 1),
        ("counter-clockwise", 0),
        ("counter-clockwise", -1),
    ]


def test_a_knob_stays_at_its_end_or_comes_out_at_the_other() -> None:
    """Beyond the last step it still says that it was turned."""
    assert said(KNOB, [0, *(A_LEADS * 3)])[-1] == ("clockwise", 2)
    around = SensorSpec("knob", "porch", "rotary-encoder", {**KNOB.options, "wrap": True})
    assert said(around, [0, *(A_LEADS * 3)])[-1] == ("clockwise", -2)
    endless = SensorSpec("knob", "porch", "rotary-encoder", {**KNOB.options, "max_steps": 0})
    assert said(endless, [0, *(A_LEADS * 30)])[-1] == ("clockwise", 30)


def test_a_contact_that_wiggles_makes_no_step() -> None:
    """Levels that go to and fro, or that miss one of a turn, are no step; what was begun in vain is counted."""
    assert said(KNOB, [0, 2, 0, 2, 3, 2, 3, 2, 0]) == []
    chain = fresh(KNOB)
    for place, value in enumerate((0, 2, 0, 1, 0)):
        chain, _ = observe(chain, Reading("knob", value, place, opening=place == 0))
    assert chain.suppressed == 2


def test_a_knob_is_read_from_both_its_pins() -> None:
    """Turning the mock pins as a knob does it delivers every level, and together they are a step."""
    header, reads = Header("mock"), list[Reading]()
    watch = Watch(reads.append, header)
    (status,) = watch.set_all((KNOB,))
    assert (status.fault, status.place) == ("", "pin 5 and pin 6")
    for pin, high in ((5, False), (6, False), (5, True), (6, True)):
        drive(header, pin, high=high)
    assert [read.value for read in reads] == [0, 2, 3, 1, 0]
    assert said(KNOB, [read.value for read in reads]) == [("clockwise", 1)]
    watch.close()
    assert [state.user for state in header.pins()] == ["", ""]


def test_a_board_says_which_button() -> None:
    """Every button has its own baseline, debounce and hold, and its name is the value of its events."""
    header, reads = Header("mock"), list[Reading]()
    watch = Watch(reads.append, header)
    watch.set_all((PAD,))
    assert [(read.value, read.opening) for read in reads] == [(["up", False], True), (["down", False], True)]
    chain = fresh(PAD)
    for read in reads:
        chain, _ = observe(chain, read)
    drive(header, 27, high=False)
    drive(header, 17, high=False)
    events = []
    for read in reads[2:]:
        chain, sensed = observe(chain, read)
        events += [(one.event, one.value) for one in sensed]
    chain, sensed = settle(chain, reads[-1].at_ns + 2 * NS_PER_S)
    events += [(one.event, one.value) for one in sensed]
    assert events == [("pressed", "down"), ("pressed", "up"), ("held", "down"), ("held", "up")]


def test_chatter_of_one_button_leaves_the_other_alone() -> None:
    """A quiet window is that of its button."""
    events = said(PAD, [["up", False], ["up", True], ["up", False], ["down", True]], step_ns=10_000_000)
    assert events == [("pressed", "up"), ("pressed", "down")]


def test_a_second_user_of_one_of_several_pins_is_told_the_first() -> None:
    """Whichever pin it is, the fault names it and both; a pin that is named twice is one, too."""
    header = Header("mock")
    Watch(print, header).set_all((KNOB,))
    (pad, twice) = Watch(print, header).set_all(
        (
            SensorSpec("pad", "yard", "button-board", {"buttons": {"up": 13, "down": 6}}),
            SensorSpec("wheel", "yard", "rotary-encoder", {"a": 19, "b": 19}),
        )
    )
    assert pad.fault == "pin 6 is used by sensor knob of stack porch, so sensor pad of stack yard cannot have it"
    assert twice.fault == "sensor wheel of stack yard: one pin is named twice (pin 19 and pin 19)"
    pin = header.find(5)
    assert isinstance(pin, MockPin)
