"""A stack's functions as a device of Home Assistant: each is a button that calls it, a sensor of its last end, and an event.

A button is there while a node that may run its function is online. What it calls is told in `commands`, what ends in `ends`.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.decide.fleet import Fleet
from controller.decide.home_assistant.desk import STACK, End, Sort, Subject
from controller.decide.home_assistant.entity import STATE, Document, Entity, Maker, Stated
from controller.decide.home_assistant.node import refusal
from controller.decide.presence import Presence
from protocol.ids import service_key
from protocol.observed import ResultStatus
from protocol.shapes import JsonValue
from protocol.topics import ControllerPresenceTopic, EntityStateTopic

CALL = "call"
"""What the button says."""

RUNNING = "running"
"""How a function stands while any invocation of it is open."""

AVAILABLE = "{{ value_json.available }}"


def document(fleet: Fleet, subject: Subject) -> Document | None:
    """The device of a stack; None for one that is not in force, or shows no function. What it remembers of others goes."""
    keys = shown(fleet, subject.name)
    for key in fleet.ends.of("stack", subject.name) - keys.keys():
        fleet.ends.drop(key)
    if not keys:
        return None
    maker = Maker(fleet.name, subject)
    device: dict[str, JsonValue] = {
        "ids": [subject.device(fleet.name)],
        "name": subject.name,
        "mf": "Bramble",
        "mdl": "stack",
        "via_device": maker.via,
    }
    entities = [one for name in keys.values() for one in _entities(maker, name)]
    return Document(device, (*entities, refusal(maker)))


def states(fleet: Fleet, subject: Subject) -> Iterator[tuple[EntityStateTopic, bytes]]:
    """How every function stands."""
    for key, name in shown(fleet, subject.name).items():
        end, opened = fleet.ends.get(key), fleet.home_assistant.opened.get(key, 0)
        told = attributes(end) if end is not None else {}
        state = RUNNING if opened else end.status if end is not None else None
        extra: dict[str, JsonValue] = {"available": "online" if is_hosted(fleet, key) else "offline"}
        yield subject.state(fleet.name, Sort.FUNCTION, name), Stated(state, {"open": opened, **told}, extra).payload


def shown(fleet: Fleet, stack: str) -> dict[str, str]:
    """The functions of a stack that are not left out: `stack.function` and the name of each."""
    known = fleet.catalogue.stacks.get(stack)
    keys = {service_key(stack, name): name for name in known.functions} if known is not None else {}
    return {key: name for key, name in keys.items() if fleet.home_assistant.shows(key)}


def is_hosted(fleet: Fleet, key: str) -> bool:
    """Whether a node that may run a function is online."""
    return any(fleet.presence(node) is Presence.ONLINE for node in fleet.hosts.get(key, ()))


def attributes(end: End) -> dict[str, JsonValue]:
    """What is to be said of an end beside its word."""
    return {
        "exit_code": end.exit_code,
        "duration": round(end.duration_s, 3),
        "node": end.node,
        "attempt": end.attempt,
        "reason": end.reason,
        "output": end.output,
        "id": end.id,
        "time": end.at,
    }


def _entities(maker: Maker, name: str) -> Iterator[Entity]:
    topic = str(maker.subject.state(maker.fleet, Sort.FUNCTION, name))
    here: list[JsonValue] = [
        {"t": str(ControllerPresenceTopic(maker.fleet)), "val_tpl": STATE},
        {"t": topic, "val_tpl": AVAILABLE},
    ]
    yield maker.entity(
        "button", Sort.FUNCTION, name, name=name, pl_prs=CALL, cmd_t=maker.command(Sort.FUNCTION, name),
        avty=here, avty_mode="all",
    )  # fmt: skip
    yield maker.stateful("sensor", Sort.FUNCTION, name, name=f"{name} result")
    happens: list[JsonValue] = [status.value for status in ResultStatus]
    ended = str(maker.subject.event(maker.fleet, Sort.FUNCTION, name))
    yield maker.entity("event", Sort.FUNCTION, name, name=f"{name} ended", evt_typ=happens, stat_t=ended)


def of(stack: str) -> Subject:
    """The subject of a stack."""
    return Subject(STACK, stack)
