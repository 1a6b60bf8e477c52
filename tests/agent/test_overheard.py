"""Topics of other devices are sensors of the node."""

from __future__ import annotations

from typing import Any

import pytest

from link.inputs import Arrived, LinkDown, ListenRefused
from protocol.desired import SensorSpec
from protocol.envelope import Packet
from protocol.observed import SensorEvent
from tests.fakes.agent import Rig, task

DOOR = "zigbee2mqtt/door"


def begin(rig: Rig, **options: Any) -> None:
    """Assign a sensor of the door's topic."""
    rig.assign(2, task("a"), sensors=(SensorSpec("door", "porch", "mqtt", {"topic": DOOR, **options}),))
    rig.run(2)


def hear(rig: Rig, *payloads: str, retain: bool = False) -> list[tuple[str, object]]:
    """What the sensor makes of these payloads."""
    known = len(rig.messages(SensorEvent))
    for payload in payloads:
        packet = Packet(DOOR, payload.encode(), qos=1, retain=retain)
        rig.loop.inbox.put(Arrived(rig.node.epoch, (packet,)))
        rig.run(1)
    return [(one.type, one.value) for one in rig.messages(SensorEvent)[known:]]


def fault(rig: Rig) -> str:
    """What is wrong with the sensor."""
    return rig.node.sensors[0].fault


def test_the_topics_of_the_sensors_are_asked_for_with_each_connection(rig: Rig) -> None:
    """Once; anew after a fall; and no longer when the sensor is gone."""
    begin(rig)
    assert rig.heeded == (DOOR,)
    rig.heeded = ()
    rig.run(5)
    assert rig.heeded == ()
    rig.loop.inbox.put(LinkDown(rig.node.epoch, "gone"))
    rig.run(5)
    assert rig.heeded == (DOOR,)
    rig.assign(3, task("a"))
    rig.run(2)
    assert rig.heeded == ()


def test_a_level_is_on_at_the_payload_that_says_so(rig: Rig) -> None:
    """The first one is where it stands; JSON's true and false are words like any other."""
    begin(rig, value="contact", on="false", off="true")
    said = hear(rig, '{"contact":true}', '{"contact":false}', '{"contact":false,"battery":97}', '{"contact":true}')
    assert said == [("on", True), ("off", False)]
    assert rig.node.sensors[0].value == "off"


@pytest.mark.parametrize("payload", ["ON", "on", "true", "1"])
def test_without_a_word_the_usual_ones_mean_on(payload: str, rig: Rig) -> None:
    """The bare payload of a Tasmota switch."""
    begin(rig)
    assert hear(rig, "OFF", payload) == [("on", True)]


def test_a_number_may_stand_deep_in_the_payload(rig: Rig) -> None:
    """A path of names and places, and the filters of numbers."""
    begin(rig, shows="number", value="StatusSNS.DS18B20.0.t", threshold=20.0, unit="°C")
    said = hear(rig, *(f'{{"StatusSNS":{{"DS18B20":[{{"t":{t}}}]}}}}' for t in ("19.5", "20.5")))
    assert said == [("changed", 20.5), ("above", 20.5)]
    assert rig.node.sensors[0].value == "20.5 °C"


def test_a_text_is_news_when_it_differs(rig: Rig) -> None:
    """Said again it is none."""
    begin(rig, shows="text")
    assert hear(rig, "idle", "idle", "printing") == [("changed", "printing")]


def test_an_event_counts_each_time_but_not_when_it_was_kept(rig: Rig) -> None:
    """Two equal clicks of a button are two; the one that the broker kept is an old one."""
    begin(rig, shows="event", value="action")
    assert hear(rig, '{"action":"single"}', retain=True) == []
    assert hear(rig, '{"action":"single"}', '{"action":"single"}') == [("received", "single")] * 2


def test_a_payload_without_the_value_is_not_about_the_sensor(rig: Rig) -> None:
    """Devices say several things on one topic."""
    begin(rig, value="contact")
    assert hear(rig, '{"battery":97}', "[]", "3") == []
    assert fault(rig) == ""


@pytest.mark.parametrize(
    ("options", "payload", "reason"),
    [
        ({"value": "contact"}, "open", "'open' is no JSON"),
        ({"shows": "number"}, "warm", "'warm' is no number"),
        ({"shows": "number"}, "1e999", "is no number"),
        ({"shows": "text"}, "x" * 20_000, "it says 20000 bytes at once"),
        ({"on": "open", "off": "closed"}, "ajar", "'ajar' is neither 'open' nor 'closed'"),
    ],
)
def test_a_payload_that_means_nothing_is_a_fault(options: dict[str, Any], payload: str, reason: str, rig: Rig) -> None:
    """Told with the payload; the next good one is where things stand."""
    begin(rig, **options)
    assert hear(rig, payload) == []
    assert reason in fault(rig)
    good = '{"contact":true}' if "value" in options else "1" if "shows" in options else "open"
    assert hear(rig, good) == []
    assert fault(rig) == ""


def test_what_changed_while_the_broker_was_away_is_an_event(rig: Rig) -> None:
    """The broker kept it for us."""
    begin(rig)
    hear(rig, "off")
    rig.loop.inbox.put(LinkDown(rig.node.epoch, "gone"))
    rig.run(2)
    assert hear(rig, "on", retain=True) == [("on", True)]


def test_a_topic_that_may_not_be_read_is_a_fault_of_its_sensor(rig: Rig) -> None:
    """And of nothing else: the connection stays."""
    begin(rig)
    epoch = rig.node.epoch
    rig.loop.inbox.put(ListenRefused(epoch, DOOR, "not authorised"))
    rig.run(2)
    assert "refused the subscription to 'zigbee2mqtt/door' (not authorised); let this node read it" in fault(rig)
    assert rig.node.epoch == epoch
