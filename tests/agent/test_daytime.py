"""Sensors that are on between two times of the day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from agent.decide import daytime
from agent.decide.now import Now
from protocol.desired import SensorSpec
from protocol.observed import Clock, SensorEvent
from tests.fakes.agent import Rig, task

HOUR_S = 3600.0
NIGHT = SensorSpec("night", "porch", "time-of-day", {"start": 22 * HOUR_S, "end": 6 * HOUR_S})


@pytest.mark.parametrize(
    ("hour", "start", "end", "is_on"),
    [(8, 8, 17, True), (17, 8, 17, False), (7, 8, 17, False), (23, 22, 6, True), (5, 22, 6, True), (6, 22, 6, False)],
)
def test_it_is_on_from_its_start_until_just_before_its_end(hour: int, start: int, end: int, is_on: bool) -> None:
    """Also over midnight."""
    assert daytime.is_between(hour * HOUR_S, start * HOUR_S, end * HOUR_S) == is_on


def test_the_time_of_day_is_that_of_the_nodes_zone() -> None:
    """Noon in UTC is two in the afternoon further east."""
    east = timezone(timedelta(hours=2))
    assert Now(0.0, "2026-07-01T12:00:00Z", zone=east).second_of_day == 14 * HOUR_S


def said(rig: Rig) -> list[str]:
    """The events of the sensor, in order."""
    return [one.type for one in rig.messages(SensorEvent)]


def test_it_begins_and_ends_by_the_clock(rig: Rig) -> None:
    """The level at the opening is no event; each turn of it is one, with nobody's help."""
    rig.assign(2, task("a"), sensors=(NIGHT,))
    rig.run(5)
    assert rig.node.sensors[0].value == "began"
    assert said(rig) == []
    rig.wall_off_s += 6 * HOUR_S
    rig.run(20)
    rig.wall_off_s += 16 * HOUR_S
    rig.run(20)
    assert said(rig) == ["ended", "began"]


def test_a_clock_that_is_set_is_looked_at_anew(rig: Rig) -> None:
    """A Pi that began in a past night finds that it is day: that is an event, and says of what clock it is."""
    rig.assign(2, task("a"), sensors=(NIGHT,))
    rig.run(5)
    rig.wall_off_s, rig.clock = 200 * 24 * HOUR_S + 12 * HOUR_S, Clock.SYNCED
    rig.run(20)
    assert [(one.type, one.clock) for one in rig.messages(SensorEvent)] == [("ended", Clock.SYNCED)]


def test_a_sensor_that_is_gone_leaves_nothing_behind(rig: Rig) -> None:
    """However many names there have been."""
    for number in range(2, 6):
        rig.assign(number, task("a"), sensors=(replace(NIGHT, name=f"night-{number}"),))
        rig.run(3)
    assert list(rig.node.levels) == ["night-5"]
