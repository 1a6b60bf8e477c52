"""A node as a device of Home Assistant: whether it is there, how it is doing, its sensors and its actuators.

Its health comes from the node's own topic, which needs no word of ours; everything else is said by the controller, because presence
is its belief, and an event that is told twice by a node is told once by it.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.decide.fleet import Fleet
from controller.decide.home_assistant import acting, sensing
from controller.decide.home_assistant.desk import NODE, Sort, Subject
from controller.decide.home_assistant.entity import Document, Entity, Maker, Stated, availability
from controller.decide.presence import Presence
from controller.decide.records import Availability
from controller.decide.records import Node as NodeRecord
from protocol.desired import ActuatorSpec, SensorSpec
from protocol.shapes import JsonValue
from protocol.topics import EntityStateTopic, HealthTopic

PRESENCE, AVAILABILITY, REFUSAL = "presence", "availability", "refusal"
"""The things of a node that are no device's."""

AREA_LABELS = ("area", "place")
"""Labels of a node that say in which room it is; the first that it has is what Home Assistant suggests."""

LEASES_LATE = 2.0
"""A node says its health three times in a lease; after two of them nobody knows how it is doing."""

_HERE = (Presence.ONLINE, Presence.SUSPECT)

_HEALTH: tuple[tuple[str, str, str, dict[str, JsonValue]], ...] = (
    ("temperature", "CPU temperature", "{{ value_json.temperature_celsius }}",
     {"dev_cla": "temperature", "unit_of_meas": "°C"}),
    ("load", "system load", "{{ value_json.load_1m }}", {}),
    ("memory", "memory available", "{{ value_json.memory_available_bytes }}",
     {"dev_cla": "data_size", "unit_of_meas": "B"}),
    ("disk", "disk available", "{{ value_json.disk_available_bytes }}", {"dev_cla": "data_size", "unit_of_meas": "B"}),
)  # fmt: skip

_THROTTLED = "{{ 'ON' if value_json.throttled else 'OFF' }}"


def document(fleet: Fleet, subject: Subject) -> Document | None:
    """The device of a node; None for one that is none of the fleet's."""
    node = fleet.nodes.get(subject.name)
    if node is None:
        return None
    maker = Maker(fleet.name, subject)
    here = subject.state(fleet.name, Sort.OWN, PRESENCE)
    made = [*_own(maker), *_health(fleet, maker)]
    for sensor in sensors(fleet, node.name):
        made += sensing.entities(maker, sensor)
    for actuator in actuators(fleet, node.name):
        made += acting.entities(maker, actuator)
    return Document(_device(maker, node), tuple(made), here)


def states(fleet: Fleet, subject: Subject) -> Iterator[tuple[EntityStateTopic, bytes]]:
    """How everything of a node stands."""
    node = fleet.nodes[subject.name]
    lease, status = fleet.leases.get(node.name), fleet.statuses.get(node.name)
    presence: Presence = fleet.presence(node.name)
    here = Stated("online" if presence in _HERE else "offline", _said(presence, lease.reason if lease else ""))
    yield subject.state(fleet.name, Sort.OWN, PRESENCE), here.payload
    yield subject.state(fleet.name, Sort.OWN, AVAILABILITY), Stated(node.availability.value).payload
    stands = {one.name: one for one in status.sensors} if status else {}
    for sensor in sensors(fleet, node.name):
        stated = sensing.shown(sensor, stands.get(sensor.name))
        if stated is not None:
            yield subject.state(fleet.name, Sort.SENSOR, sensing.name_of(sensor)), stated.payload
    stands = {one.name: one for one in status.actuators} if status else {}
    for actuator in actuators(fleet, node.name):
        stated = acting.shown(actuator, stands.get(actuator.name))
        yield subject.state(fleet.name, Sort.ACTUATOR, acting.name_of(actuator)), stated.payload


def sensors(fleet: Fleet, node: str) -> tuple[SensorSpec, ...]:
    """The sensors that a node was told of."""
    told = fleet.assignments.get(node)
    return told.sensors if told is not None else ()


def actuators(fleet: Fleet, node: str) -> tuple[ActuatorSpec, ...]:
    """The actuators that a node was told of."""
    told = fleet.assignments.get(node)
    return told.actuators if told is not None else ()


def refusal(maker: Maker) -> Entity:
    """What was refused last of all that Home Assistant wanted of a device, and why."""
    return maker.stateful("sensor", Sort.OWN, REFUSAL, name="last refusal", ent_cat="diagnostic")


def _device(maker: Maker, node: NodeRecord) -> dict[str, JsonValue]:
    inventory = node.inventory
    device: dict[str, JsonValue] = {
        "ids": [maker.subject.device(maker.fleet)],
        "name": node.name,
        "mdl": inventory.model or inventory.architecture or "node",
        "via_device": maker.via,
    }
    device |= {"mf": "Raspberry Pi"} if inventory.model.startswith("Raspberry Pi") else {}
    device |= {"sn": inventory.serial} if inventory.serial else {}
    device |= {"sw": f"bramble {node.version}"} if node.version else {}
    area = next((node.labels[name] for name in AREA_LABELS if node.labels.get(name)), "")
    return device | ({"sa": area} if area else {})


def _own(maker: Maker) -> Iterator[Entity]:
    yield maker.stateful(
        "binary_sensor", Sort.OWN, PRESENCE, name="connected", dev_cla="connectivity", ent_cat="diagnostic",
        pl_on="online", pl_off="offline", **availability(maker.fleet, None),
    )  # fmt: skip
    yield maker.stateful(
        "select", Sort.OWN, AVAILABILITY, name="availability", ent_cat="config",
        ops=[one.value for one in Availability], cmd_t=maker.command(Sort.OWN, AVAILABILITY),
    )  # fmt: skip
    yield refusal(maker)


def _health(fleet: Fleet, maker: Maker) -> Iterator[Entity]:
    late_s = round(LEASES_LATE * fleet.terms.lease_s)
    told: dict[str, JsonValue] = {
        "stat_t": str(HealthTopic(fleet.name, maker.subject.name)), "exp_aft": late_s, "ent_cat": "diagnostic",
    }  # fmt: skip
    for name, title, template, config in _HEALTH:
        yield maker.entity(
            "sensor", Sort.OWN, name, name=title, val_tpl=template, stat_cla="measurement", **told, **config
        )  # fmt: skip
    yield maker.entity(
        "binary_sensor", Sort.OWN, "throttled", name="throttled", val_tpl=_THROTTLED, dev_cla="problem", **told
    )  # fmt: skip


def _said(presence: Presence, reason: str) -> dict[str, JsonValue]:
    return {"presence": presence.value, **({"reason": reason} if reason else {})}


def of(name: str) -> Subject:
    """The subject of a node."""
    return Subject(NODE, name)
