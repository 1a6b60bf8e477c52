"""Events that were stored while nobody knew the time are dated once somebody does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.decide.dating import redated
from agent.decide.now import Now
from protocol.desired import SensorSpec
from protocol.observed import Clock, SensorEvent
from tests.fakes.agent import Rig, task

DOORBELL = SensorSpec("doorbell", "porch", "button", {"pin": 17})
YEARS_S = 56 * 365 * 86_400.0
NOON = Now(100.0, "2026-07-01T12:00:00.000Z", Clock.SYNCED)


def attributes(boot: str = "b1", clock: str = "guess", monotonic: str = "40000000000") -> tuple[tuple[str, str], ...]:
    return (("time", "1970-01-01T00:00:40.000Z"), ("bootid", boot), ("monotonic", monotonic), ("clock", clock))


def test_a_guess_of_this_boot_becomes_the_time_that_it_was() -> None:
    """A minute before noon by the monotonic clock is a minute before noon; nothing else of the event changes."""
    found = redated(attributes(), "b1", NOON)
    assert found == (
        ("time", "2026-07-01T11:59:00.000Z"), ("bootid", "b1"), ("monotonic", "40000000000"), ("clock", "redated"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "now"),
    [
        (attributes(boot="b0"), NOON),
        (attributes(clock="synced"), NOON),
        (attributes(clock="redated"), NOON),
        (attributes(monotonic="soon"), NOON),
        ((("content-type", "application/json"),), NOON),
        (attributes(), Now(100.0, "2026-07-01T12:00:00.000Z", Clock.RTC)),
        (attributes(), Now(100.0, "2026-07-01T12:00:00.000Z", Clock.GUESS)),
    ],
    ids=["another boot", "right", "dated", "no moment", "no event", "a chip's word", "a guess"],
)
def test_what_nobody_knows_better_stays(given: tuple[tuple[str, str], ...], now: Now) -> None:
    """Another boot's clock, a time that is right, and anything but an event are left alone."""
    assert redated(given, "b1", now) is None


def at(rig: Rig) -> datetime:
    """The true time, whatever the node's clock says."""
    return datetime.fromisoformat(rig.now.wall) - timedelta(seconds=rig.wall_off_s)


def press(rig: Rig) -> datetime:
    """When a button was pressed that is released five minutes later."""
    pressed = at(rig)
    rig.read("doorbell", on=True)
    rig.run(300)
    rig.read("doorbell", on=False)
    rig.run(1)
    return pressed


def times(rig: Rig) -> list[tuple[str, datetime, Clock]]:
    """What arrived, in order."""
    events = rig.messages(SensorEvent)
    return [(one.type, datetime.fromisoformat(one.time), one.clock) for one in events]


def test_stored_events_are_dated_before_they_go_out(rig: Rig) -> None:
    """A Pi that boots in 1970 without a network says, once it has both time and link, when its button was really pressed."""
    rig.assign(2, task("a"), sensors=(DOORBELL,))
    rig.run(5)
    rig.cut()
    rig.wall_off_s, rig.clock = -YEARS_S, Clock.GUESS
    pressed = press(rig)
    rig.wall_off_s, rig.clock = 0.0, Clock.SYNCED
    rig.run(1)
    rig.mend()
    rig.run(5)
    assert [(word, clock) for word, _, clock in times(rig)] == [("pressed", Clock.REDATED), ("released", Clock.REDATED)]
    assert abs((times(rig)[0][1] - pressed).total_seconds()) < 1
    assert abs((times(rig)[1][1] - pressed).total_seconds() - 300) < 1


def test_events_of_an_earlier_boot_keep_their_guess(rig: Rig) -> None:
    """For how long the power was away is known to nobody."""
    rig.assign(2, task("a"), sensors=(DOORBELL,))
    rig.run(5)
    rig.cut()
    rig.clock = Clock.GUESS
    press(rig)
    rig.cut_power()
    rig.clock = Clock.SYNCED
    rig.run(5)
    rig.mend()
    rig.run(5)
    assert [clock for word, _, clock in times(rig) if word in ("pressed", "released")] == [Clock.GUESS, Clock.GUESS]


def test_an_events_time_is_that_of_its_edge(rig: Rig) -> None:
    """However late the loop gets to it."""
    rig.clock = Clock.SYNCED
    rig.assign(2, task("a"), sensors=(DOORBELL,))
    rig.run(5)
    rig.read("doorbell", on=True)
    pressed = at(rig)
    rig.now_s += 7
    rig.run(1)
    assert [(time, clock) for _, time, clock in times(rig)] == [(pressed.astimezone(UTC), Clock.SYNCED)]
