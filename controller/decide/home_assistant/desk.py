"""What is known of Home Assistant: where it listens, what it was told, and what has changed since.

A *subject* is what becomes a device there: a node, a service, or the controller itself. Only `Announcement`s are durable: what was
announced once must be taken back one day, also by a controller that was not there then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from protocol.operator import ServiceStatus, StackStatus
from protocol.topics import (
    DiscoveryTopic,
    EntityCommandTopic,
    EntityEventTopic,
    EntityStateTopic,
    Topic,
    filter_of,
)


class Sort(StrEnum):
    """What sort of thing of a device an entity is; a level of its topics."""

    SENSOR = "sensor"
    EVENT = "event"
    ACTUATOR = "actuator"
    OFF = "off"
    FUNCTION = "function"
    OWN = "own"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What becomes a device: `controller` and the fleet's name, `node`, `service` (`stack.service`) or `stack` and that one's."""

    what: str
    name: str

    def __str__(self) -> str:
        """As the key of a record."""
        return f"{self.what} {self.name}"

    def device(self, fleet: str) -> str:
        """Its id among all devices of Home Assistant: no name of ours has an underscore, so no two are alike."""
        return f"bramble_{fleet}_{self.what}_{self.name.replace('.', '_')}"

    def state(self, fleet: str, sort: Sort, entity: str) -> EntityStateTopic:
        """Where one of its things says how it stands."""
        return EntityStateTopic(fleet, self.what, self.name, sort, entity)

    def event(self, fleet: str, sort: Sort, entity: str) -> EntityEventTopic:
        """Where one of its things says what happened."""
        return EntityEventTopic(fleet, self.what, self.name, sort, entity)

    def command(self, fleet: str, sort: Sort, entity: str) -> EntityCommandTopic:
        """Where one of its things is told what to do."""
        return EntityCommandTopic(fleet, self.what, self.name, sort, entity)


CONTROLLER, NODE, SERVICE, STACK = "controller", "node", "service", "stack"


@dataclass(frozen=True, slots=True)
class Announced:
    """One entity of a device as it was announced: its id there, its platform, and the retained topic of its state, if any."""

    id: str
    platform: str
    topic: str = ""
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Announcement:
    """A device that was announced below a prefix. One that `is_gone` was taken back; it is, again, on each connect."""

    what: str
    name: str
    prefix: str
    entities: tuple[Announced, ...] = ()
    is_gone: bool = False
    rank: int = 0

    @property
    def subject(self) -> Subject:
        """What it was about."""
        return Subject(self.what, self.name)

    @property
    def states(self) -> frozenset[str]:
        """The topics of its entities' states; what is said on any other nobody would ever take back."""
        return frozenset(one.topic for one in self.entities if not (one.is_gone or self.is_gone))

    def topic(self, fleet: str) -> DiscoveryTopic:
        """Where it stands."""
        return DiscoveryTopic(fleet, self.prefix, self.subject.device(fleet))


@dataclass(frozen=True, slots=True)
class End:
    """How a function (`stack.function`) ended last: which invocation, with which status, where, and what came of it."""

    function: str
    id: str
    status: str
    node: str = ""
    attempt: int = 0
    exit_code: int | None = None
    duration_s: float = 0.0
    reason: str = ""
    output: str = ""
    at: str = ""

    @property
    def stack(self) -> str:
        """Whose function it is."""
        return self.function.partition(".")[0]


@dataclass(slots=True)
class HomeAssistant:
    """What one controller knows of it. Without a `prefix` it is switched off, and what was announced earlier is taken back.

    `waiting` are the subjects to look at, True where more than a state may have changed. `said` is what was said on this link,
    `services` how each service stood last. `asked` are its commands that wait for a node. `returning` are the nodes that were away
    and have not said hello, `late_of` the facts before which a node's events are history, `mark` the fact that is being taken in.
    Until `quiet_mono_s` a device is not announced again, until `paced_mono_s` its states are not said. `without` are patterns of
    functions that are left out, `opened` is how many invocations of each are open.
    """

    prefix: str = ""
    status_topic: str = ""
    without: tuple[str, ...] = ()
    waiting: dict[Subject, bool] = field(default_factory=dict)
    said: dict[Topic, bytes] = field(default_factory=dict)
    services: dict[str, ServiceStatus] = field(default_factory=dict)
    asked: dict[str, Subject] = field(default_factory=dict)
    late_of: dict[str, tuple[str, int]] = field(default_factory=dict)
    returning: set[str] = field(default_factory=set)
    quiet_mono_s: dict[Subject, float] = field(default_factory=dict)
    paced_mono_s: dict[Subject, float] = field(default_factory=dict)
    opened: dict[str, int] = field(default_factory=dict)
    mark: tuple[str, int] = ("", 0)

    @property
    def is_on(self) -> bool:
        """Whether anything is announced at all."""
        return bool(self.prefix)

    def shows(self, function: str) -> bool:
        """Whether a function (`stack.function`) is not left out."""
        return not any(fnmatchcase(function, pattern) for pattern in self.without)

    def is_history(self, node: str) -> bool:
        """Whether the fact of a node that is being taken in was noted before its node was back."""
        stream, sequence = self.late_of.get(node, ("", 0))
        return self.mark[0] == stream and self.mark[1] < sequence

    def subscriptions(self, fleet: str) -> tuple[tuple[str, int], ...]:
        """What the controller hears of it."""
        return ((filter_of(EntityCommandTopic, fleet), 1), (self.status_topic, 0)) if self.is_on else ()

    def look_at(self, subject: Subject, *, whole: bool = False) -> None:
        """Something about a subject changed: its states, or the `whole` of it."""
        self.waiting[subject] = self.waiting.get(subject, False) or whole

    def stack_shown(self, status: StackStatus) -> None:
        """The status of a stack was made: those of its services that stand otherwise are looked at."""
        if self.is_on:
            for service in status.services:
                if self.services.get(service.service) != service:
                    self.services[service.service] = service
                    self.look_at(Subject(SERVICE, service.service))
