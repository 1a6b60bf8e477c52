"""What we announce is what Home Assistant takes, by its own rules, for every kind of sensor and actuator that there is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decide.home_assistant import acting, node, payloads, sensing, service
from controller.decide.home_assistant.desk import Subject
from controller.decide.home_assistant.entity import Document, Entity, Maker, written
from protocol.actuator_words import ACTUATORS
from protocol.desired import ActuatorSpec, SensorSpec
from protocol.devices import SENSORS
from protocol.observed import Clock, DeviceStatus, SensorEvent
from protocol.refusal import Refusal
from protocol.sources import CHANNELS
from protocol.values import taken
from tests.controller.desk import Desk, web
from tests.controller.home_assistant_rules import RULES, broken, is_state

MAKER = Maker("default", Subject("node", "pi-1"))
TOPIC = "homeassistant/device/bramble_default_node_pi-1/config"

SENSOR_SPECS = [
    *(SensorSpec("s", "porch", kind, {"pin": 17}) for kind in SENSORS),
    *(SensorSpec("s", "porch", "iio", {"channel": channel}) for channel in CHANNELS),
    *(SensorSpec("s", "porch", "mqtt", {"topic": "t", "shows": shown}) for shown in ("number", "text", "event")),
    SensorSpec("s", "porch", "mcp3008", {"channel": 1, "max_voltage": 3.3}),
    SensorSpec("s", "porch", "acme.scale", {"shows": "number", "unit": "kg"}),
    SensorSpec("s", "porch", "of-a-newer-agent"),
]
ACTUATOR_SPECS = [ActuatorSpec("a", "porch", kind, {"pin": 27, "pins": [2, 3]}) for kind in ACTUATORS]


def document(entities: tuple[Entity, ...]) -> bytes:
    return written(Document({"ids": ["x"], "name": "pi-1"}, entities), "default", {"light_gone": "light"})


@pytest.mark.parametrize("spec", SENSOR_SPECS, ids=lambda spec: f"{spec.kind} {spec.options.get('channel', '')}")
def test_every_kind_of_sensor_keeps_the_rules(spec: SensorSpec) -> None:
    """Each is shown as something, and each of its events and values is a state that this something takes."""
    entities = sensing.entities(MAKER, spec)
    assert entities
    assert broken(TOPIC, document(entities)) == []
    for entity in entities:
        if entity.state is not None:
            config = {"p": entity.platform, **entity.config}
            for value in ("", "21.5 °C", "nan", "inf °C", *SENSORS.get(spec.kind, sensing._UNKNOWN).events):
                shown = sensing.shown(spec, DeviceStatus("s", spec.kind, "", value))
                assert shown is not None
                assert is_state(config, json.loads(shown.payload, parse_constant=pytest.fail)), value


@pytest.mark.parametrize("spec", ACTUATOR_SPECS, ids=lambda spec: spec.kind)
def test_every_kind_of_actuator_keeps_the_rules(spec: ActuatorSpec) -> None:
    """Each is shown as something that takes every value of its kind as its state."""
    entities = acting.entities(MAKER, spec)
    assert broken(TOPIC, document(entities)) == []
    config = {"p": entities[0].platform, **entities[0].config}
    for value in ("", *ACTUATORS[spec.kind].values):
        said = json.loads(acting.shown(spec, DeviceStatus("a", spec.kind, "", value)).payload)
        assert is_state(config, said), value


def test_a_fleet_keeps_the_rules() -> None:
    """Nodes, services and the controller as they are announced, with all that they say."""
    desk = Desk(home_assistant="homeassistant")
    desk.hello("pi-1", model="Raspberry Pi 4", serial="1000", labels={"place": "porch"})
    desk.manifest("porch", web(replicas="2") + "actuators:\n  lamp: {kind: led, pin: 27}\n")
    desk.turn(5.0)
    desk.turn(5.0)
    documents = {topic: said for topic, said in desk.said.items() if topic.startswith("homeassistant/")}
    assert len(documents) == 3
    assert [wrong for topic, said in documents.items() for wrong in broken(topic, said)] == []
    states = {
        config["stat_t"]: config
        for said in documents.values()
        for config in json.loads(said)["cmps"].values()
        if "stat_t" in config
    }
    heard = {topic: said for topic, said in desk.said.items() if topic.endswith("/state")}
    assert set(heard) <= set(states)
    assert [topic for topic, said in heard.items() if not is_state(states[topic], json.loads(said))] == []


GOOD: dict[str, Any] = {
    "dev": {"ids": ["x"]}, "o": {"name": "b"}, "avty": [{"t": "a"}], "avty_mode": "all",
    "cmps": {"x": {"p": "sensor", "uniq_id": "u", "stat_t": "t"}},
}  # fmt: skip
SENSOR = {"p": "sensor", "uniq_id": "u", "stat_t": "t"}

BAD: list[tuple[str, str, dict[str, Any]]] = [
    ("PREFIX/device", "homeassistant/device/pi 1/config", {}),
    ("`~` is none of its keys", TOPIC, {"~": "bramble"}),
    ("an identifier or a connection", TOPIC, {"dev": {"name": "pi-1"}}),
    ("an origin has a name", TOPIC, {"o": {"sw": "1"}}),
    ("a platform that is known", TOPIC, {"cmps": {"x": {"uniq_id": "u"}}}),
    ("an id, one of its own", TOPIC, {"cmps": {"x": SENSOR, "y": SENSOR}}),
    ("keys of its platform", TOPIC, {"cmps": {"x": {**SENSOR, "object_id": "x"}}}),
    ("the topics of its platform", TOPIC, {"cmps": {"x": {"p": "sensor", "uniq_id": "u"}}}),
    ("a device class is one", TOPIC, {"cmps": {"x": {**SENSOR, "dev_cla": "motion"}}}),
    ("a sensor's unit", TOPIC, {"cmps": {"x": {**SENSOR, "dev_cla": "temperature", "unit_of_meas": "%"}}}),
    ("no configuration", TOPIC, {"cmps": {"x": {**SENSOR, "ent_cat": "config"}}}),
    ("a mode that is known", TOPIC, {"avty_mode": "most"}),
    ("no wildcard", TOPIC, {"cmps": {"x": {**SENSOR, "stat_t": "~/state"}}}),
    ("a beginning before its end", TOPIC, {"cmps": {"x": {"p": "number", "cmd_t": "t", "min": 1, "max": 1, "step": 1}}}),
    ("a colour mode", TOPIC, {"cmps": {"x": {"p": "light", "uniq_id": "u", "cmd_t": "t"}}}),
    ("the words that it may say", TOPIC, {"cmps": {"x": {"p": "event", "uniq_id": "u", "stat_t": "t", "evt_typ": []}}}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "topic", "change"), BAD, ids=[rule for rule, _, _ in BAD])
def test_each_rule_finds_what_breaks_it(rule: str, topic: str, change: dict[str, Any]) -> None:
    """A rule that finds nothing would prove nothing."""
    assert broken(TOPIC, json.dumps(GOOD).encode()) == []
    assert any(rule in wrong for wrong in broken(topic, json.dumps({**GOOD, **change}).encode()))


def test_there_is_a_breach_for_each_rule() -> None:
    """And none is forgotten."""
    assert [rule.sentence for rule in RULES if not any(part in rule.sentence for part, _, _ in BAD)] == []


VALUES = [
    ("relay", "ON", "", "on"),
    ("led", '{"state": "ON"}', "", "on"),
    ("led", '{"state": "ON", "effect": "blink"}', "", "blink"),
    ("led", '{"state": "OFF"}', "", "off"),
    ("pwm-led", '{"state": "ON", "brightness": 51}', "", "0.2"),
    ("pwm-led", '{"state": "ON"}', "", "on"),
    ("rgb-led", '{"state": "ON", "color": {"r": 255, "g": 128, "b": 0}}', "off", "#ff8000"),
    ("rgb-led", '{"state": "ON", "color": {"r": 255, "g": 0, "b": 0}}', "#000080", "#800000"),
    ("rgb-led", '{"state": "ON", "brightness": 51}', "#ff8000", "#331a00"),
    ("rgb-led", '{"state": "ON"}', "#ff8000", "#ff8000"),
    ("buzzer", '{"state": "ON", "tone": "beep"}', "", "beep"),
    ("pwm", "40.0", "", "0.4"),
    ("pwm", "40", "", "0.4"),
    ("led-bar", "-50", "", "-0.5"),
    ("servo", "0.5", "", "0.5"),
    ("servo", "off", "", "off"),
    ("angular-servo", "45.0", "", "45"),
    ("tonal-buzzer", "a4", "", "A4"),
    ("led-board", "01", "", "01"),
    ("traffic-lights", "red+amber", "", "red+amber"),
]


@pytest.mark.parametrize(("kind", "payload", "present", "value"), VALUES)
def test_a_payload_means_a_value(kind: str, payload: str, present: str, value: str) -> None:
    """What each platform publishes is what an operator would have said."""
    assert payloads.value(ActuatorSpec("a", "porch", kind, {"pins": [2, 3]}), payload, present) == value


REFUSED = [
    ("relay", "on fire", "relay takes"),
    ("led", "dim", "ON, OFF or an object"),
    ("led", '{"state": "DIM"}', "ON, OFF or an object"),
    ("led", '{"state": "ON", "effect": "rainbow"}', "the effect blink"),
    ("pwm-led", '{"state": "ON", "brightness": 256}', "a brightness from 0 to 255"),
    ("rgb-led", '{"state": "ON", "color": {"h": 1, "s": 2}}', "r, g and b"),
    ("rgb-led", '{"state": "ON", "color": "red"}', "a colour of r, g and b"),
    ("buzzer", '{"state": "ON", "tone": "wail"}', "the tone beep"),
    ("pwm", "40%", "a number of percent"),
    ("pwm", "101", "a level from 0 to 1"),
    ("servo", "2", "a position from -1 to 1"),
    ("led-board", "012", "a 0 or 1 for each light"),
]


@pytest.mark.parametrize(("kind", "payload", "reason"), REFUSED)
def test_a_payload_that_means_nothing_is_refused(kind: str, payload: str, reason: str) -> None:
    """And it is said what would have meant something."""
    said = payloads.value(ActuatorSpec("a", "porch", kind, {"pins": [2, 3]}), payload, "")
    assert not isinstance(said, str)
    assert reason in said.reason


PARTS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
)
SAID = PARTS | st.just("ON") | st.dictionaries(st.sampled_from("rgb"), PARTS)
LIGHTS = st.fixed_dictionaries({"state": SAID}, optional=dict.fromkeys(("tone", "effect", "brightness", "color"), SAID))
JSON_KINDS = (*acting.LIGHT_KINDS, acting.SIREN)


@given(kind=st.sampled_from(JSON_KINDS), said=LIGHTS, present=st.sampled_from(("", "on", "#ff8000", "0.5")))
def test_no_object_stops_the_controller(kind: str, said: dict[str, Any], present: str) -> None:
    """A light reads objects, and anybody may publish any."""
    spec = ActuatorSpec("a", "porch", kind)
    meant = payloads.value(spec, json.dumps(said), taken_or_none(spec, present))
    assert isinstance(meant, Refusal) or taken(spec, meant) == meant


@given(
    kind=st.sampled_from(sorted(ACTUATORS)),
    payload=st.text(max_size=20),
    present=st.text(max_size=7),
)
def test_no_payload_stops_the_controller(kind: str, payload: str, present: str) -> None:
    """Anybody may publish anything: it is a value of the kind, in its own spelling, or it is refused."""
    spec = ActuatorSpec("a", "porch", kind, {"pins": [2, 3]})
    said = payloads.value(spec, payload, taken_or_none(spec, present))
    assert isinstance(said, Refusal) or taken(spec, said) == said


def taken_or_none(spec: ActuatorSpec, value: str) -> str:
    """What a node may say of its actuator."""
    said = taken(spec, value)
    return "" if isinstance(said, Refusal) else said


EVENTS = [
    ("button", "pressed", True, "ON"),
    ("button", "held", None, "ON"),
    ("button", "released", False, "OFF"),
    ("button", "click", 1, None),
    ("ping", "reachable", True, "ON"),
    ("cpu-temperature", "changed", 51.5, 51.5),
    ("cpu-temperature", "above", 71, 71.0),
    ("throttled", "under-voltage", ["under-voltage"], "under-voltage"),
    ("file", "changed", "abc", "abc"),
    ("container", "died", "web", None),
]


@pytest.mark.parametrize(("kind", "event", "value", "state"), EVENTS)
def test_an_event_makes_a_state_at_once(kind: str, event: str, value: object, state: object) -> None:
    """Without waiting for the node's status, which says the same later; what is nothing that stands makes none."""
    sensed = SensorEvent("s", 1, "pi-1", "bell", event, "", "boot", 1, Clock.SYNCED, value)
    said = sensing.said(SensorSpec("bell", "porch", kind), sensed)
    assert (said.state if said else None) == state


def test_names_and_ids_are_derived() -> None:
    """The same thing has the same id for ever, whatever else there is."""
    lamp = acting.entities(MAKER, ActuatorSpec("lamp", "porch", "led"))[0]
    assert lamp.config["uniq_id"] == "bramble_default_node_pi-1_actuator_porch_lamp"
    assert str(lamp.state) == "bramble/v1/default/home-assistant/node/pi-1/actuator/porch.lamp/state"
    assert node.of("pi-1").device("default") != service.of("pi-1.x").device("default")
