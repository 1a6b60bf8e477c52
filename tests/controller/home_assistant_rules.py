"""Home Assistant's rules for MQTT device discovery, written down from its source, 2026.11.0: homeassistant/components/mqtt.

Each rule is a name, where it stands there, and a check of one document that says what breaks it. Home Assistant refuses what breaks
a rule with a line in its log, or, worse, takes it and shows nothing; so what we announce is held to all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
Check = Callable[[str, Document], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its sentence, its source, and what breaks it."""

    sentence: str
    source: str
    broken_by: Check


COMMON = frozenset({
    "p", "uniq_id", "name", "dev_cla", "ent_cat", "avty", "avty_mode", "json_attr_t", "json_attr_tpl", "stat_t", "cmd_t", "val_tpl",
})  # fmt: skip

KEYS: Mapping[str, frozenset[str]] = {
    "binary_sensor": frozenset({"pl_on", "pl_off", "exp_aft"}),
    "sensor": frozenset({"unit_of_meas", "stat_cla", "exp_aft"}),
    "event": frozenset({"evt_typ"}),
    "switch": frozenset({"pl_on", "pl_off"}),
    "light": frozenset({"schema", "sup_clrm", "flsh", "trns", "brightness", "bri_scl", "effect", "fx_list"}),
    "siren": frozenset({"av_tones", "sup_dur", "sup_vol", "stat_val_tpl"}),
    "number": frozenset({"min", "max", "step", "mode", "unit_of_meas"}),
    "select": frozenset({"ops"}),
    "text": frozenset({"min", "max", "ptrn"}),
    "button": frozenset({"pl_prs"}),
    "update": frozenset({"pl_inst"}),
}
"""Platform → its keys that we use; a key that a platform does not know is dropped without a word (REMOVE_EXTRA)."""

REQUIRED: Mapping[str, frozenset[str]] = {
    "binary_sensor": frozenset({"stat_t"}),
    "sensor": frozenset({"stat_t"}),
    "event": frozenset({"stat_t", "evt_typ"}),
    "switch": frozenset({"cmd_t"}),
    "light": frozenset({"cmd_t"}),
    "siren": frozenset({"cmd_t"}),
    "number": frozenset({"cmd_t"}),
    "select": frozenset({"cmd_t", "ops"}),
    "text": frozenset({"cmd_t"}),
    "button": frozenset({"cmd_t"}),
    "update": frozenset({"stat_t"}),
}

CLASSES: Mapping[str, frozenset[str]] = {
    "binary_sensor": frozenset({"connectivity", "problem", "motion", "door", "light", "occupancy", "running"}),
    "sensor": frozenset({
        "temperature", "pressure", "illuminance", "voltage", "current", "power", "distance", "data_rate", "data_size", "humidity",
        "carbon_dioxide",
    }),
    "event": frozenset({"button", "doorbell", "motion"}),
    "button": frozenset({"identify", "restart", "update"}),
}  # fmt: skip

UNITS: Mapping[str, frozenset[str]] = {
    "temperature": frozenset({"°C", "°F", "K"}),
    "pressure": frozenset({"Pa", "hPa", "kPa", "bar", "mbar", "psi"}),
    "illuminance": frozenset({"lx"}),
    "voltage": frozenset({"V", "mV"}),
    "current": frozenset({"A", "mA"}),
    "power": frozenset({"W", "kW", "mW"}),
    "distance": frozenset({"m", "cm", "mm", "km"}),
    "data_rate": frozenset({"B/s", "kB/s", "MB/s"}),
    "data_size": frozenset({"B", "kB", "MB", "GB"}),
    "humidity": frozenset({"%"}),
    "carbon_dioxide": frozenset({"ppm"}),
}
"""Device class of a sensor → the units that it takes (components/sensor/const.py, DEVICE_CLASS_UNITS; those that we might use)."""

NO_CONFIG = frozenset({"binary_sensor", "sensor", "event"})
"""Platforms whose entities may be diagnostic, but no configuration (mqtt/util.py, entity_category_without_config)."""

_TOPIC = re.compile(r"[A-Za-z0-9_/-]+/device/(?:[a-zA-Z0-9_-]+/)?[a-zA-Z0-9_-]+/config")


def components(document: Document) -> Iterator[tuple[str, Document]]:
    """All entities that are not being taken back."""
    for name, config in document.get("cmps", {}).items():
        if set(config) != {"p"}:
            yield name, config


def _topic(topic: str, _: Document) -> Iterator[str]:
    if not _TOPIC.fullmatch(topic):
        yield topic


def _root(_: str, document: Document) -> Iterator[str]:
    yield from ({"dev", "o", "cmps"} - set(document)) | (set(document) - {"dev", "o", "cmps", "avty", "avty_mode"})


def _device(_: str, document: Document) -> Iterator[str]:
    device = document.get("dev", {})
    if not device.get("ids") and not device.get("cns"):
        yield "no identifier"
    yield from set(device) - {"ids", "cns", "name", "mf", "mdl", "sn", "sw", "hw", "via_device", "sa", "cu"}
    yield from (key for key, value in device.items() if key not in ("ids", "cns") and not isinstance(value, str))


def _origin(_: str, document: Document) -> Iterator[str]:
    if not document.get("o", {}).get("name"):
        yield "no name"


def _platform(_: str, document: Document) -> Iterator[str]:
    yield from (name for name, config in document.get("cmps", {}).items() if config.get("p") not in KEYS)


def _unique(_: str, document: Document) -> Iterator[str]:
    found = [(config.get("p"), config.get("uniq_id")) for _, config in components(document)]
    yield from (f"{platform} without one" for platform, unique in found if not isinstance(unique, str))
    yield from (f"{one[1]} twice" for one in set(found) if found.count(one) > 1)


def _keys(_: str, document: Document) -> Iterator[str]:
    for name, config in components(document):
        known = COMMON | KEYS.get(config.get("p", ""), frozenset())
        yield from (f"{name} {key}" for key in set(config) - known)


def _required(_: str, document: Document) -> Iterator[str]:
    for name, config in components(document):
        yield from (f"{name} {key}" for key in REQUIRED.get(config.get("p", ""), frozenset()) - set(config))


def _classes(_: str, document: Document) -> Iterator[str]:
    for name, config in components(document):
        if "dev_cla" in config and config["dev_cla"] not in CLASSES.get(config["p"], frozenset()):
            yield f"{name} {config['dev_cla']}"


def _units(_: str, document: Document) -> Iterator[str]:
    for name, config in components(document):
        wanted = UNITS.get(config.get("dev_cla", "")) if config.get("p") == "sensor" else None
        if wanted is not None and config.get("unit_of_meas") not in wanted:
            yield f"{name} {config.get('unit_of_meas')}"


def _categories(_: str, document: Document) -> Iterator[str]:
    for name, config in components(document):
        if config.get("ent_cat", "diagnostic") not in {"diagnostic", *({"config"} - ({"config"} & _forbidden(config)))}:
            yield f"{name} {config['ent_cat']}"


def _forbidden(config: Document) -> set[str]:
    return {"config"} if config.get("p") in NO_CONFIG else set()


def _availability(_: str, document: Document) -> Iterator[str]:
    for name, config in (("the device", document), *components(document)):
        if config.get("avty_mode", "all") not in ("all", "any", "latest"):
            yield f"{name} {config['avty_mode']}"
        yield from (f"{name} without a topic" for one in config.get("avty", ()) if not isinstance(one.get("t"), str))


def _topics(_: str, document: Document) -> Iterator[str]:
    for name, config in components(document):
        for key in ("stat_t", "cmd_t", "json_attr_t"):
            text = config.get(key, "x")
            if not text or set(text) & set("+#\0~"):
                yield f"{name} {key} {text}"


def _ranges(_: str, document: Document) -> Iterator[str]:
    for name, config in components(document):
        if config.get("p") == "number" and not (config["min"] < config["max"] and config["step"] >= 1e-3):
            yield name
        if config.get("p") == "text" and not 0 <= config["min"] <= config["max"] <= 255:
            yield name


def _lights(_: str, document: Document) -> Iterator[str]:
    for name, config in components(document):
        modes = config.get("sup_clrm", [])
        if config.get("p") == "light" and (config.get("schema") != "json" or len(modes) != 1):
            yield name
        if modes and modes[0] not in ("onoff", "brightness", "rgb"):
            yield f"{name} {modes[0]}"


def _events(_: str, document: Document) -> Iterator[str]:
    for name, config in components(document):
        if config.get("p") == "event" and not all(
            isinstance(one, str) and one for one in config.get("evt_typ") or [""]
        ):
            yield name


RULES: tuple[Rule, ...] = (
    Rule("a device stands on PREFIX/device/[NODE/]ID/config, in letters, digits, _ and -", "discovery.TOPIC_MATCHER", _topic),
    Rule("a document has a device, an origin, components, and `~` is none of its keys", "schemas.DEVICE_DISCOVERY_SCHEMA", _root),
    Rule("a device has an identifier or a connection, and its other words are text", "schemas.MQTT_DEVICE_INFO_SCHEMA", _device),
    Rule("an origin has a name", "schemas.MQTT_ORIGIN_INFO_SCHEMA", _origin),
    Rule("a component has a platform that is known", "schemas._COMPONENT_CONFIG_SCHEMA", _platform),
    Rule("an entity has an id, one of its own", "schemas.check_unique_id", _unique),
    Rule("an entity has keys of its platform only", "DISCOVERY_SCHEMA of each platform (REMOVE_EXTRA)", _keys),
    Rule("an entity has the topics of its platform", "DISCOVERY_SCHEMA of each platform", _required),
    Rule("a device class is one of its platform", "components/*/const.py", _classes),
    Rule("a sensor's unit is one of its device class", "sensor.validate_sensor_state_and_device_class_config", _units),
    Rule("what only tells is no configuration", "util.entity_category_without_config", _categories),
    Rule("an availability has a mode that is known, and topics", "schemas._MQTT_AVAILABILITY_LIST_SCHEMA", _availability),
    Rule("a topic has no wildcard, and is written out: `~` is none of what is shared", "util.valid_publish_topic", _topics),
    Rule("a range has a beginning before its end", "number.validate_config, text.valid_text_size_configuration", _ranges),
    Rule("a light of JSON has a colour mode", "light/schema_json.py, PLATFORM_SCHEMA_MODERN_JSON", _lights),
    Rule("an event has the words that it may say", "event._PLATFORM_SCHEMA_BASE", _events),
)  # fmt: skip


def broken(topic: str, payload: bytes) -> list[str]:
    """Every rule that a document breaks, and by what."""
    document = json.loads(payload)
    return [f"{rule.sentence}: {what}" for rule in RULES for what in rule.broken_by(topic, document)]


UPDATE_KEYS = frozenset({
    "installed_version", "latest_version", "title", "release_summary", "release_url", "entity_picture", "in_progress",
    "update_percentage",
})  # fmt: skip
"""update.MQTT_JSON_UPDATE_SCHEMA; with any other key the whole message is dropped."""


def is_state(config: Document, said: Document) -> bool:
    """Whether an entity takes a state: what its template makes of it, by each platform's `_handle_state_message_received`."""
    state = said.get("state")
    match config["p"]:
        case "update":
            percentage = said.get("update_percentage")
            return set(said) <= UPDATE_KEYS and (percentage is None or 0 <= percentage <= 100)
        case "binary_sensor":
            return state in (config.get("pl_on", "ON"), config.get("pl_off", "OFF"), None)
        case "switch" | "light" | "siren":
            return state in ("ON", "OFF", None)
        case "number":
            return state is None or config["min"] <= state <= config["max"]
        case "select":
            return state is None or state in config["ops"]
        case "text":
            return re.match(config.get("ptrn", ""), state or "") is not None and len(state or "") <= config["max"]
        case "sensor" if "stat_cla" in config:
            return state is None or isinstance(state, int | float)
        case _:
            return state is None or (isinstance(state, str) and len(state) <= 255)
