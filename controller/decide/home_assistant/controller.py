"""The controller as a device of Home Assistant: how many nodes it has, and how many of them are there."""

from __future__ import annotations

from collections.abc import Iterator

from controller.decide.fleet import Fleet
from controller.decide.home_assistant.desk import CONTROLLER, Sort, Subject
from controller.decide.home_assistant.entity import Document, Maker, Stated
from controller.decide.presence import Presence
from protocol.topics import EntityStateTopic

NODES, ONLINE = "nodes", "online"


def document(fleet: Fleet, subject: Subject) -> Document | None:
    """The device of the controller, by which all others are reached; None for the one of another fleet."""
    if subject.name != fleet.name:
        return None
    maker = Maker(fleet.name, subject)
    device = {
        "ids": [subject.device(fleet.name)],
        "name": f"Bramble {fleet.name}",
        "mf": "Bramble",
        "mdl": "controller",
    }
    entities = (
        maker.stateful("sensor", Sort.OWN, NODES, name="nodes", stat_cla="measurement", ent_cat="diagnostic"),
        maker.stateful("sensor", Sort.OWN, ONLINE, name="nodes online", stat_cla="measurement", ent_cat="diagnostic"),
    )
    return Document(device, entities)


def states(fleet: Fleet, subject: Subject) -> Iterator[tuple[EntityStateTopic, bytes]]:
    """The counts."""
    online = len(fleet.leases.of("presence", Presence.ONLINE)) + len(fleet.leases.of("presence", Presence.SUSPECT))
    yield subject.state(fleet.name, Sort.OWN, NODES), Stated(len(fleet.nodes)).payload
    yield subject.state(fleet.name, Sort.OWN, ONLINE), Stated(online).payload


def of(fleet: Fleet) -> Subject:
    """The subject of the controller."""
    return Subject(CONTROLLER, fleet.name)
