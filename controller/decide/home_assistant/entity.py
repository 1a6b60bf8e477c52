"""The form of what is announced: a device and its entities, in the abbreviated keys of Home Assistant's MQTT discovery.

The rules are Home Assistant's (homeassistant/components/mqtt: discovery, schemas), written down with our tests. An entity's id
holds its platform, because a device cannot take one back and bring another of the same id.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.decide.home_assistant.desk import CONTROLLER, Sort, Subject
from protocol.shapes import JsonValue, write
from protocol.topics import ControllerPresenceTopic, EntityStateTopic

STATE = "{{ value_json.state }}"
ATTRIBUTES = "{{ value_json.attributes | tojson }}"

ORIGIN: dict[str, JsonValue] = {"name": "Bramble"}
"""Who announces. Home Assistant shows it in its log."""

CHARS_MOST = 255
"""A state of Home Assistant is no longer (homeassistant.const.MAX_LENGTH_STATE_STATE)."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing of a device: its platform and what Home Assistant reads of it. `state` is the topic that is retained for it."""

    id: str
    platform: str
    config: dict[str, JsonValue]
    state: EntityStateTopic | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A device with all its entities, and where it says whether it is there (besides the controller)."""

    device: dict[str, JsonValue]
    entities: tuple[Entity, ...]
    presence: EntityStateTopic | None = None


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the entities of one device of a fleet."""

    fleet: str
    subject: Subject

    def entity(self, platform: str, sort: Sort, name: str, /, **config: JsonValue) -> Entity:
        """A thing without a state: one that is told what to do, or that happens."""
        plain = name.replace(".", "_")
        unique = f"{self.subject.device(self.fleet)}_{sort}_{plain}"
        return Entity(f"{platform}_{sort}_{plain}", platform, {"uniq_id": unique, **config})

    def stateful(self, platform: str, sort: Sort, name: str, /, **config: JsonValue) -> Entity:
        """A thing with a state, which is the JSON of `stated`."""
        made, topic = self.entity(platform, sort, name, **config), self.subject.state(self.fleet, sort, name)
        told = {"stat_t": str(topic), "val_tpl": STATE, "json_attr_t": str(topic), "json_attr_tpl": ATTRIBUTES}
        return Entity(made.id, platform, {**told, **made.config}, topic)

    def command(self, sort: Sort, name: str) -> str:
        """Where one of its things is told what to do."""
        return str(self.subject.command(self.fleet, sort, name))

    @property
    def via(self) -> str:
        """The controller's own device, by which all others are reached."""
        return Subject(CONTROLLER, self.fleet).device(self.fleet)


@dataclass(frozen=True, slots=True)
class Stated:
    """How a thing stands, and what else there is to say of it; `extra` are further keys of the state itself."""

    state: JsonValue
    attributes: dict[str, JsonValue] = field(default_factory=dict)
    extra: dict[str, JsonValue] = field(default_factory=dict)

    @property
    def payload(self) -> bytes:
        """As it is said."""
        state = cut(self.state) if isinstance(self.state, str) else self.state
        return write({"state": state, **self.extra, "attributes": self.attributes})


def cut(text: str) -> str:
    """As much of a text as a state may hold."""
    return text if len(text) <= CHARS_MOST else f"{text[: CHARS_MOST - 2]} …"


def availability(fleet: str, presence: EntityStateTopic | None) -> dict[str, JsonValue]:
    """An entity is there while the controller is, and its node."""
    topics = [str(ControllerPresenceTopic(fleet)), *([str(presence)] if presence else [])]
    return {"avty": [{"t": topic, "val_tpl": STATE} for topic in topics], "avty_mode": "all"}


def written(document: Document, fleet: str, gone: dict[str, str]) -> bytes:
    """The payload of a device; an entity that is `gone` (its id, its platform) is taken back by being named with nothing else."""
    components: dict[str, JsonValue] = {name: {"p": platform} for name, platform in gone.items()}
    components |= {one.id: {"p": one.platform, **one.config} for one in document.entities}
    return write(
        {"dev": document.device, "o": ORIGIN, **availability(fleet, document.presence), "cmps": components}
    )  # fmt: skip
