"""Every topic as a value: `str(topic)` builds it, `parse` reads it back, `filters` subscribes to it.

The only file of the project with a slash in a string that goes to a broker. Each class is one row of `protocol.delivery`.
The laws: `parse(str(t)) == t` for every topic, and a text that is no topic of ours gives None, never an exception.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, ClassVar

ROOT = "bramble/v1"
"""The number is the version of the conversation; a breaking change speaks under another root, beside this one."""

ANY = "+"

_LEVEL = re.compile(r"[a-z0-9]([a-z0-9.-]{0,126}[a-z0-9])?")
"""A topic level: a name, or names joined by dots (`stack.function`)."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of one fleet. Subclasses name their levels in `TEMPLATE`, where `{x}` stands for the field `x`."""

    TEMPLATE: ClassVar[str] = ""
    fleet: str

    def __str__(self) -> str:
        """Build the topic's text."""
        return f"{ROOT}/{self.fleet}/{self._filled()}"

    def _filled(self) -> str:
        return self.TEMPLATE.format(**{name: getattr(self, name) for name in self.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class ManifestTopic(Topic):
    """An operator's stack, as YAML or JSON; an empty payload removes the stack."""

    TEMPLATE: ClassVar[str] = "manifest/{stack}"
    stack: str


@dataclass(frozen=True, slots=True)
class StackStatusTopic(Topic):
    """The controller's acknowledgement of a manifest, and the state of its stack."""

    TEMPLATE: ClassVar[str] = "stack/{stack}/status"
    stack: str


@dataclass(frozen=True, slots=True)
class OrderTopic(Topic):
    """An operator's order or question."""

    TEMPLATE: ClassVar[str] = "order/{id}"
    id: str


@dataclass(frozen=True, slots=True)
class AnswerTopic(Topic):
    """Where an order or a call is answered, unless its response topic says otherwise."""

    TEMPLATE: ClassVar[str] = "answer/{id}"
    id: str


@dataclass(frozen=True, slots=True)
class CallTopic(Topic):
    """A direct call of a function: `function`, or `stack.function` where two stacks have one of that name."""

    TEMPLATE: ClassVar[str] = "call/{function}/{id}"
    function: str
    id: str


@dataclass(frozen=True, slots=True)
class ControllerPresenceTopic(Topic):
    """The controller's birth and will."""

    TEMPLATE: ClassVar[str] = "controller/presence"


@dataclass(frozen=True, slots=True)
class PresenceTopic(Topic):
    """A node's birth and will."""

    TEMPLATE: ClassVar[str] = "node/{node}/up/presence"
    node: str


@dataclass(frozen=True, slots=True)
class HelloTopic(Topic):
    """A node's first word of every connection."""

    TEMPLATE: ClassVar[str] = "node/{node}/up/hello"
    node: str


@dataclass(frozen=True, slots=True)
class StatusTopic(Topic):
    """A node's whole status."""

    TEMPLATE: ClassVar[str] = "node/{node}/up/status"
    node: str


@dataclass(frozen=True, slots=True)
class EventTopic(Topic):
    """A sensor's events."""

    TEMPLATE: ClassVar[str] = "node/{node}/up/event/{sensor}"
    node: str
    sensor: str


@dataclass(frozen=True, slots=True)
class ResultTopic(Topic):
    """An invocation's end."""

    TEMPLATE: ClassVar[str] = "node/{node}/up/result/{id}"
    node: str
    id: str


@dataclass(frozen=True, slots=True)
class NodeInvocationTopic(Topic):
    """A run of a function that a node's trigger asks for, and that the node does not do itself."""

    TEMPLATE: ClassVar[str] = "node/{node}/up/invocation/{id}"
    node: str
    id: str


@dataclass(frozen=True, slots=True)
class RequestTopic(Topic):
    """A node asks for a rollout grant."""

    TEMPLATE: ClassVar[str] = "node/{node}/up/request"
    node: str


@dataclass(frozen=True, slots=True)
class HealthTopic(Topic):
    """A sample of a node's health."""

    TEMPLATE: ClassVar[str] = "node/{node}/up/health"
    node: str


@dataclass(frozen=True, slots=True)
class LoadTopic(Topic):
    """A sample of a node's work with functions."""

    TEMPLATE: ClassVar[str] = "node/{node}/up/load"
    node: str


@dataclass(frozen=True, slots=True)
class NodeAnswerTopic(Topic):
    """A node answers a command."""

    TEMPLATE: ClassVar[str] = "node/{node}/up/answer/{id}"
    node: str
    id: str


@dataclass(frozen=True, slots=True)
class AssignmentTopic(Topic):
    """Everything a node should run."""

    TEMPLATE: ClassVar[str] = "node/{node}/down/assignment"
    node: str


@dataclass(frozen=True, slots=True)
class OfferTopic(Topic):
    """The revisions a node may stage."""

    TEMPLATE: ClassVar[str] = "node/{node}/down/offer"
    node: str


@dataclass(frozen=True, slots=True)
class GrantTopic(Topic):
    """Answers a request."""

    TEMPLATE: ClassVar[str] = "node/{node}/down/grant"
    node: str


@dataclass(frozen=True, slots=True)
class InvocationTopic(Topic):
    """A run of a function, asked of a node."""

    TEMPLATE: ClassVar[str] = "node/{node}/down/invocation/{id}"
    node: str
    id: str


@dataclass(frozen=True, slots=True)
class AckTopic(Topic):
    """Facts of a node that the controller has committed."""

    TEMPLATE: ClassVar[str] = "node/{node}/down/ack"
    node: str


@dataclass(frozen=True, slots=True)
class CommandTopic(Topic):
    """A command of an operator, passed on to a node."""

    TEMPLATE: ClassVar[str] = "node/{node}/down/command/{id}"
    node: str
    id: str


@dataclass(frozen=True, slots=True)
class EntityTopic(Topic):
    """One thing of a device that Home Assistant shows: the device is `subject` and `name`, the thing `sort` and `entity`."""

    subject: str
    name: str
    sort: str
    entity: str


@dataclass(frozen=True, slots=True)
class EntityStateTopic(EntityTopic):
    """How something stands, for Home Assistant."""

    TEMPLATE: ClassVar[str] = "home-assistant/{subject}/{name}/{sort}/{entity}/state"


@dataclass(frozen=True, slots=True)
class EntityEventTopic(EntityTopic):
    """Something that happened, for Home Assistant."""

    TEMPLATE: ClassVar[str] = "home-assistant/{subject}/{name}/{sort}/{entity}/event"


@dataclass(frozen=True, slots=True)
class EntityCommandTopic(EntityTopic):
    """What Home Assistant wants of something."""

    TEMPLATE: ClassVar[str] = "home-assistant/{subject}/{name}/{sort}/{entity}/set"


@dataclass(frozen=True, slots=True)
class DiscoveryTopic(Topic):
    """Where Home Assistant looks for devices: below a `prefix` of its own, beside our root, so `parse` does not know it."""

    TEMPLATE: ClassVar[str] = "{prefix}/device/{device}/config"
    prefix: str
    device: str

    def __str__(self) -> str:
        """Build the topic's text."""
        return self.TEMPLATE.format(prefix=self.prefix, device=self.device)


TOPICS: tuple[type[Topic], ...] = (
    ManifestTopic, StackStatusTopic, OrderTopic, AnswerTopic, CallTopic, ControllerPresenceTopic,
    PresenceTopic, HelloTopic, StatusTopic, EventTopic, ResultTopic, NodeInvocationTopic, RequestTopic, HealthTopic, LoadTopic,
    NodeAnswerTopic, AssignmentTopic, OfferTopic, GrantTopic, InvocationTopic, AckTopic, CommandTopic,
    EntityStateTopic, EntityEventTopic, EntityCommandTopic,
)  # fmt: skip


def _signature(levels: list[str]) -> tuple[int, tuple[tuple[int, str], ...]]:
    return len(levels), tuple((i, level) for i, level in enumerate(levels) if not level.startswith("{"))


_BY_LENGTH: dict[int, list[tuple[tuple[tuple[int, str], ...], tuple[int, ...], type[Topic]]]] = {}
for _cls in TOPICS:
    _levels = _cls.TEMPLATE.split("/")
    _length, _fixed = _signature(_levels)
    _open = tuple(i for i, level in enumerate(_levels) if level.startswith("{"))
    _BY_LENGTH.setdefault(_length, []).append((_fixed, _open, _cls))

_ROOT_LEVELS = len(ROOT.split("/"))


LONGEST_CHARS = 700
"""No topic of ours is longer: five levels of `_LEVEL`, and the words between them."""

PARSED_KEPT = 4096
"""The topics of a thousand busy nodes. Reading one anew costs 4 us, and all that are kept take 2 MB at the very most."""


def parse(text: str) -> Topic | None:
    """Read a topic, or None when the text is none of ours."""
    return _parsed(text) if len(text) <= LONGEST_CHARS else None


@lru_cache(PARSED_KEPT)
def _parsed(text: str) -> Topic | None:
    if not text.startswith(ROOT + "/"):
        return None
    fleet, *levels = text.split("/")[_ROOT_LEVELS:]
    for fixed, open_levels, cls in _BY_LENGTH.get(len(levels), ()):
        if all(levels[i] == level for i, level in fixed):
            values = [fleet, *(levels[i] for i in open_levels)]
            return cls(*values) if all(map(_LEVEL.fullmatch, values)) else None
    return None


def filter_of(cls: type[Topic], fleet: str, **levels: str) -> str:
    """Build the subscription for one class of topics; a level that is not given matches any."""
    named: dict[str, Any] = {f.name: levels.get(f.name, ANY) for f in fields(cls)}
    return f"{ROOT}/{fleet}/{cls.TEMPLATE.format(**named)}"
