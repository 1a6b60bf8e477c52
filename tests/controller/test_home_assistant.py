"""What Home Assistant is told and when, and what becomes of its commands."""

from __future__ import annotations

import json
from pathlib import Path

from controller.decide.effects import Say
from controller.decide.home_assistant import announce, events
from controller.decide.inputs import HomeAssistantSaid
from controller.decide.observe import observe
from link.inputs import LinkUp
from protocol import topics
from protocol.observed import DeviceStatus, Link
from protocol.operator import OrderVerb
from tests.controller.desk import FLEET, Desk
from tests.controller.home import (
    BELL,
    LAMP,
    NODE,
    OURS,
    PORCH,
    PREFIX,
    WEB,
    components,
    event,
    greets,
    porch,
    rung,
    settled,
    shown,
    state,
)


def test_nothing_is_said_unless_it_is_switched_on() -> None:
    """Whoever has no Home Assistant pays nothing for it."""
    desk = porch(prefix="")
    assert shown(desk) == {}
    assert desk.fleet.home_assistant.waiting == {}


def test_everything_is_announced_with_the_controller_first() -> None:
    """A device that is reached by another must come after it."""
    desk = porch()
    assert next(topic for topic in shown(desk) if topic.startswith(PREFIX)).endswith("_controller_default/config")
    assert {"light_actuator_porch_lamp", "binary_sensor_sensor_porch_bell", "event_event_porch_bell"} <= set(
        components(desk)
    )
    assert {"update_own_update", "button_own_restart", "number_own_replicas"} <= set(components(desk, WEB))


def test_a_sensor_rings_once_and_stands_as_it_was_last_said() -> None:
    """The event comes at once, its repetition does nothing, and a node's status says no more than is known."""
    desk = porch()
    assert rung(event(desk, 5, "pressed", value=True)) == ["pressed"]
    assert state(desk, BELL) == "ON"
    assert rung(event(desk, 5, "pressed", value=True)) == []
    event(desk, 6, "released", value=False)
    assert state(desk, BELL) == "OFF"
    effects = desk.status("pi-1", sensors=(DeviceStatus("bell", "button", "pin 17", "released"),))
    assert BELL not in [str(e.topic) for e in effects if isinstance(e, Say)]


def test_an_event_of_last_night_rings_no_bell() -> None:
    """What waited on its node while that was away says how things stand, and nobody jumps up."""
    desk = porch()
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(events.LATE_S + 1.0)
    desk.presence("pi-1", Link.ONLINE, 2)
    greets(desk, 10)
    assert rung(event(desk, 5, "pressed", value=True)) == []
    assert state(desk, BELL) == "ON"
    assert rung(event(desk, 11, "pressed", value=True)) == ["pressed"]


def test_a_short_absence_makes_no_history() -> None:
    """A node that lost its Wi-Fi for seconds has news."""
    desk = porch()
    desk.turn(1.0)
    greets(desk, 10)
    assert rung(event(desk, 5, "pressed", value=True)) == ["pressed"]


def test_an_actuator_stands_as_its_node_says() -> None:
    """And one with a fault is unknown, and says why."""
    desk = porch()
    desk.status("pi-1", actuators=(DeviceStatus("lamp", "led", "pin 27", "on"),))
    assert state(desk, LAMP) == "ON"
    desk.status("pi-1", actuators=(DeviceStatus("lamp", "led", "pin 27", "", "pin 27 is used"),))
    said = json.loads(desk.said[LAMP])
    assert (said["state"], said["attributes"]["fault"]) == (None, "pin 27 is used")


def test_a_node_that_is_offline_is_not_there() -> None:
    """Its presence is the controller's belief, which knows of late wills and of twins."""
    desk = porch()
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(desk.fleet.terms.suspect_grace_s + 1.0)
    assert state(desk, f"{OURS}/node/pi-1/own/presence/state") == "offline"
    assert state(desk, f"{OURS}/controller/{FLEET}/own/online/state") == 0


def test_a_stack_that_goes_leaves_nothing() -> None:
    """Its services' devices, its things on the nodes, and what they said last; a moment later than that they are gone."""
    desk = porch()
    desk.manifest("porch", "")
    settled(desk)
    assert [topic for topic in shown(desk) if "porch" in topic] == []
    assert components(desk)["light_actuator_porch_lamp"] == {"p": "light"}


def test_a_thing_that_returns_as_another_is_another() -> None:
    """A lamp that becomes a relay is taken back as a light and announced as a switch, and its state stays."""
    desk = porch()
    desk.manifest("porch", PORCH.replace("kind: led", "kind: relay"))
    settled(desk)
    found = components(desk)
    assert found["light_actuator_porch_lamp"] == {"p": "light"}
    assert found["switch_actuator_porch_lamp"]["stat_t"] == LAMP
    assert LAMP in shown(desk)


def test_a_node_that_leaves_is_taken_back() -> None:
    """Decommissioned is gone from Home Assistant, too."""
    desk = porch()
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(desk.fleet.terms.suspect_grace_s + 1.0)
    desk.order(OrderVerb.DECOMMISSION, "pi-1")
    settled(desk)
    assert [topic for topic in shown(desk) if "pi-1" in topic] == []


def test_what_went_while_nobody_could_hear_is_taken_back_later(tmp_path: Path) -> None:
    """What was announced is durable: the next controller takes back what the last one said, also when it is switched off."""
    desk = porch(tmp_path)
    desk.link_down()
    desk.manifest("porch", "")
    desk.restart()
    settled(desk)
    assert desk.said[WEB] == b""
    assert NODE in shown(desk)
    desk.home_assistant = ""
    desk.restart()
    settled(desk)
    settled(desk)
    assert shown(desk) == {}


def test_another_prefix_takes_the_place_of_the_first(tmp_path: Path) -> None:
    """Nothing stays where nobody looks any more."""
    desk = porch(tmp_path)
    desk.home_assistant = "ha"
    desk.restart()
    settled(desk)
    assert desk.said[NODE] == b""
    assert desk.said[NODE.replace(PREFIX, "ha", 1)] != b""


def test_a_birth_message_brings_everything_again_after_a_while() -> None:
    """Not at once, because every fleet of the broker answers; and its end is nothing to answer."""
    desk = porch()
    desk.said.clear()
    observe(desk.fleet, HomeAssistantSaid("offline"), desk.now)
    desk.turn(60.0)
    assert shown(desk) == {}
    observe(desk.fleet, HomeAssistantSaid("online"), desk.now)
    desk.turn()
    assert shown(desk) == {}
    desk.turn(announce.BIRTH_LEAST_S + announce.BIRTH_SPREAD_S)
    assert {NODE, WEB, LAMP, BELL} <= set(shown(desk))


def test_only_a_new_connection_takes_back_again_what_is_gone() -> None:
    """To a Home Assistant that begins it would be a warning in its log."""
    desk = porch()
    desk.manifest("porch", "")
    settled(desk)
    desk.said.clear()
    observe(desk.fleet, HomeAssistantSaid("online"), desk.now)
    desk.turn(announce.BIRTH_LEAST_S + announce.BIRTH_SPREAD_S)
    assert NODE in desk.said
    assert WEB not in desk.said
    desk.link_down()
    desk.link_up()
    settled(desk)
    assert desk.said[WEB] == b""


def test_a_new_connection_brings_everything_again() -> None:
    """No broker is believed to have kept anything."""
    desk = porch()
    desk.said.clear()
    desk.link_down()
    desk.link_up()
    settled(desk)
    assert {NODE, WEB, LAMP} <= set(shown(desk))


def test_one_device_is_not_announced_twice_at_once() -> None:
    """Home Assistant would drop half of it; the later one has all of it."""
    desk = porch()
    desk.turn(60.0)
    before = desk.said[NODE]
    desk.hello("pi-1", epoch=2, model="Raspberry Pi 4")
    first = desk.said[NODE]
    desk.hello("pi-1", epoch=3, model="Raspberry Pi 5")
    assert before != first == desk.said[NODE]
    desk.turn(announce.QUIET_S)
    assert "Raspberry Pi 5" in desk.said[NODE].decode()


def test_a_turn_costs_what_changed() -> None:
    """In a fleet of three hundred one status makes one state, and a connection brings them all in portions (law 10)."""
    desk = Desk(home_assistant=PREFIX)
    for number in range(300):
        desk.hello(f"pi-{number}")
    desk.manifest("porch", "actuators:\n  lamp: {kind: led, pin: 27}\n")
    for _ in range(300):
        desk.turn(announce.PORTION_S)
    assert desk.fleet.home_assistant.waiting == {}
    effects = desk.status("pi-7", actuators=(DeviceStatus("lamp", "led", "pin 27", "on"),))
    ours = [str(e.topic) for e in effects if isinstance(e, Say) and isinstance(e.topic, topics.EntityTopic)]
    assert ours == [f"{OURS}/node/pi-7/actuator/porch.lamp/state"]
    desk.link_down()
    observe(desk.fleet, LinkUp(2), desk.now)
    effects = desk.turn()
    assert sum(isinstance(e, Say) and isinstance(e.topic, topics.DiscoveryTopic) for e in effects) == announce.PORTION


def test_of_very_many_things_that_went_the_last_are_remembered() -> None:
    """A device's announcement does not grow for ever (S9)."""
    desk = porch()
    many = "".join(f"  m{number}: {{kind: memory}}\n" for number in range(announce.GONE_ENTITIES_KEPT + 10))
    for sensors in (many, "  late: {kind: memory}\n", "  later: {kind: memory}\n"):
        desk.manifest("porch", f"sensors:\n{sensors}")
        settled(desk)
    gone = [name for name, config in components(desk).items() if set(config) == {"p"}]
    assert len(gone) == announce.GONE_ENTITIES_KEPT
    assert "sensor_sensor_porch_late" in gone


def test_what_was_never_announced_says_nothing() -> None:
    """A stack that comes and goes between two announcements of a node leaves no state that nobody would take back."""
    desk = Desk(home_assistant=PREFIX)
    desk.hello("pi-1")
    desk.manifest("porch", PORCH)
    event(desk, 5, "pressed", value=True)
    desk.manifest("porch", "")
    settled(desk)
    assert [topic for topic in shown(desk) if "porch" in topic] == []
