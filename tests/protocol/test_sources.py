"""Sources that are no pins, as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol import devices
from protocol.manifest import sensing
from protocol.reading import stackfile
from protocol.sources import CHANNELS, SOURCES
from protocol.stack import Stack

MANIFEST = """
services: {{web: {{image: "web:1"}}}}
sensors:
  it: {sensor}
functions:
  greet: {{image: "greet:1", triggers: [{{sensor: it, on: {on}}}]}}
"""


def read(sensor: str, on: str = "changed") -> Stack | str:
    """The stack, or the first fault's path and reason."""
    got = stackfile.read(MANIFEST.format(sensor=sensor, on=on).encode(), "porch")
    return got if isinstance(got, Stack) else f"{got[0].path}: {got[0].reason}"


def refused(sensor: str, on: str = "changed") -> str:
    """Why a sensor is refused."""
    fault = read(sensor, on)
    assert isinstance(fault, str)
    return fault


@pytest.mark.parametrize(
    ("sensor", "on"),
    [
        ("{kind: iio, match: bme280, channel: pressure, every: 1m, deadband: 0.5}", "changed"),
        ("{kind: hwmon, match: ina219, channel: voltage, number: 1, threshold: 11.5}", "below"),
        ("{kind: w1}", "above"),
        ("{kind: throttled}", "under-voltage"),
        ("{kind: memory, threshold: 90}", "above"),
        ("{kind: network-link, interface: eth0, delayed_off: 5s}", "down"),
        ("{kind: network-traffic, interface: eth0, direction: sent}", "changed"),
        ("{kind: ping, host: router.lan, port: 443, timeout: 1s}", "unreachable"),
        ("{kind: file, path: /srv/orders}", "created"),
        ("{kind: time-of-day, start: '22:00', end: '06:30'}", "began"),
        ("{kind: container, service: web}", "died"),
        ("{kind: mqtt, topic: zigbee2mqtt/door, value: contact, on: false}", "on"),
        ("{kind: mqtt, topic: tele/tasmota/SENSOR, value: DS18B20.Temperature, shows: number, unit: °C}", "above"),
        ("{kind: mqtt, topic: octoprint/state, shows: text}", "changed"),
        ("{kind: mqtt, topic: zigbee2mqtt/button, value: action, shows: event}", "received"),
        ("{kind: acme.co2, unit: ppm, threshold: 1000, bus: 1, deep: {er: [1, x]}}", "above"),
        ("{kind: acme.door, shows: level, settle: 1s}", "off"),
    ],
)
def test_a_source_is_written_like_any_sensor(sensor: str, on: str) -> None:
    """And its events call functions."""
    stack = read(sensor, on)
    assert isinstance(stack, Stack), stack
    assert stack.functions["greet"].spec.triggers[0].on == on


@pytest.mark.parametrize(
    ("sensor", "reason"),
    [
        ("{kind: iio, match: bme280, channel: fan}", "this must be 'temp'"),
        ("{kind: iio, channel: temp}", "the key 'match' is missing"),
        ("{kind: ping}", "the key 'host' is missing"),
        ("{kind: time-of-day, start: '24:00', end: '06:00'}", "'24:00' is no time of day"),
        ("{kind: time-of-day, start: '6:00', end: '06:00'}", "start and end are the same time"),
        ("{kind: container, service: db}", "there is no service 'db'; this stack has web"),
        ("{kind: mqtt, topic: bramble/v1/default/order/1}", "is no topic of another device"),
        ("{kind: mqtt, topic: zigbee2mqtt/+}", "is no topic of another device"),
        ("{kind: mqtt, topic: a, value: b..c}", "is no path into JSON"),
        ("{kind: mqtt, topic: a, median: 3}", "the key 'median' means nothing for a level"),
        ("{kind: acme.door, shows: level, threshold: 1}", "the key 'threshold' means nothing for a level"),
        ("{kind: acme.door, shows: level}", "a acme.door makes no 'changed'; it makes on, off"),
        ("{kind: acme.co2, every: soon}", "'soon'"),
        ("{kind: acme., every: 1s}", "is no name of a kind of your own"),
        ("{kind: throttled, threshold: 3}", "the key 'threshold' is not supported here"),
    ],
)
def test_what_cannot_be_meant_is_refused(sensor: str, reason: str) -> None:
    """A key that does nothing, a place that cannot be."""
    assert reason in refused(sensor)


def test_an_event_that_the_kind_does_not_make_is_refused() -> None:
    """With those that it makes."""
    assert "a ping makes no 'changed'; it makes reachable, unreachable" in refused("{kind: ping, host: a}")


def test_the_unit_of_a_chip_is_that_of_its_channel() -> None:
    """One kind, several units."""
    assert devices.words_of("iio", {"channel": "pressure"}).unit == "hPa"
    assert devices.words_of("hwmon", {"channel": "voltage"}).unit == "V"


def test_a_time_of_day_is_seconds() -> None:
    """Whatever the number of its parts."""
    stack = read("{kind: time-of-day, start: '7:05', end: '23:59:59'}", "ended")
    assert isinstance(stack, Stack)
    assert stack.sensors["it"].spec.options == {"start": 25500.0, "end": 86399.0}


def test_every_source_has_words() -> None:
    """Nothing can be written that has no events."""
    assert set(sensing.KINDS) == set(devices.SENSORS)


def test_a_package_gets_the_keys_that_are_its_own() -> None:
    """As they were written."""
    stack = read("{kind: acme.co2, bus: 1, deep: {er: [1, x]}}")
    assert isinstance(stack, Stack)
    options = stack.sensors["it"].spec.options
    assert (options["bus"], options["deep"], options["every"]) == (1, {"er": [1, "x"]}, 30.0)


def test_the_page_tells_of_every_source_and_event() -> None:
    """docs/sources.md leaves none out."""
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    events = {event for words in SOURCES.values() for one in (words, *words.variants.values()) for event in one.events}
    assert [kind for kind in SOURCES if f"kind: {kind}" not in page] == []
    assert [event for event in sorted(events) if f"`{event}`" not in page] == []
    assert [unit for unit in CHANNELS.values() if unit not in page] == []
