"""How sources of every nature stand in a node's status, also when they cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from agent.decide.inputs import DevicesOpened
from protocol.desired import SensorSpec
from protocol.observed import DeviceStatus, SensorEvent
from sensors.stage import NS_PER_S, Faulted, Reading
from tests.fakes.agent import Rig, task


def begin(rig: Rig, kind: str, value: Any, **options: Any) -> SensorSpec:
    """A sensor that was read once."""
    spec = SensorSpec("it", "porch", kind, options)
    rig.assign(2, task("a"), sensors=(spec,))
    rig.run(2)
    hear(rig, value, opening=True)
    return spec


def hear(rig: Rig, value: Any, *, opening: bool = False) -> None:
    """The sensor is read."""
    rig.loop.inbox.put(Reading("it", value, round(rig.now_s * NS_PER_S), opening))
    rig.run(1)


@pytest.mark.parametrize(
    ("kind", "options", "value", "shown"),
    [
        ("iio", {"channel": "pressure"}, 1006.53, "1006.53 hPa"),
        ("network-traffic", {"interface": "eth0"}, 12.5, "12.5 B/s"),
        ("throttled", {}, ["under-voltage", "throttled"], "under-voltage, throttled"),
        ("ping", {"host": "a"}, True, "reachable"),
        ("file", {"path": "/a"}, None, "nothing"),
        ("acme.co2", {"shows": "number", "unit": "ppm"}, 415.0, "415.0 ppm"),
        ("acme.door", {"shows": "level"}, False, "off"),
    ],
)
def test_a_source_shows_what_it_is(kind: str, options: dict[str, Any], value: Any, shown: str, rig: Rig) -> None:
    """A number with its unit, a level by its word, conditions one after the other."""
    begin(rig, kind, value, **options)
    assert rig.node.sensors[0].value == shown
    rig.loop.inbox.put(Faulted("it", "it is gone"))
    rig.run(1)
    assert (rig.node.sensors[0].value, rig.node.sensors[0].fault) == ("", "it is gone")


@pytest.mark.parametrize("seen", [Reading("it", 12.5, 0, opening=True), Faulted("it", "it is gone")])
def test_what_was_read_before_the_opening_was_told_stays(seen: Reading | Faulted, rig: Rig) -> None:
    """The reader's thread may be quicker, and a sensor that stays is not read again for others' sake."""
    begin(rig, "memory", 10.0)
    rig.loop.inbox.put(seen)
    rig.loop.inbox.put(DevicesOpened((DeviceStatus("it", "memory", ""),), ()))
    rig.run(1)
    status = rig.node.sensors[0]
    assert (status.value, status.fault) in {("12.5 %", ""), ("", "it is gone")}


def test_the_value_of_an_event_is_whole(rig: Rig) -> None:
    """Conditions are a list, a file is its state."""
    begin(rig, "throttled", ["normal"])
    hear(rig, ["under-voltage"])
    (event,) = rig.messages(SensorEvent)
    assert (event.type, event.value) == ("under-voltage", ["under-voltage"])
