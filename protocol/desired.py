"""What the controller wants of a node: the assignment (what is settled) and the offers (what is being tried).

Both are whole, both are level: the newest replaces what came before, and a node that missed ten of them needs only the last.
Everything here is frozen and travels as JSON. Units stand in the names; sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from protocol.container import Container, Seconds
from protocol.function import FunctionSpec
from protocol.ids import Name, content_hash
from protocol.release import Release
from protocol.shapes import JsonValue, sparse


class Order(StrEnum):
    """Which container goes first in an update (Swarm's `update_config.order`)."""

    STOP_FIRST = "stop-first"
    START_FIRST = "start-first"


class Strategy(StrEnum):
    """What a node does in which order, where its disk is small (balena's update strategies)."""

    DOWNLOAD_THEN_KILL = "download-then-kill"
    KILL_THEN_DOWNLOAD = "kill-then-download"
    DELETE_THEN_DOWNLOAD = "delete-then-download"
    HAND_OVER = "hand-over"


@dataclass(frozen=True, slots=True)
class Window:
    """When an update may begin: for `duration_s` from each time of the cron `schedule`, in the node's own time zone.

    Staging is allowed at any time. A node whose clock nobody has set begins nothing: what time it is there is a guess.
    """

    schedule: str
    duration_s: Seconds


@dataclass(frozen=True, slots=True)
class Lock:
    """A file in the running container: while it is there, the container is not stopped for an update, `most_s` long at most."""

    path: str
    most_s: Seconds = 3600.0


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a node goes about an update.

    `healthy_s` is how long a new container may take until it is well. With `keeps_previous` the container before it stays, stopped,
    until an operator confirms the rollout.
    """

    healthy_s: Seconds = 600.0
    strategy: Strategy = Strategy.DOWNLOAD_THEN_KILL
    window: Window | None = None
    lock: Lock | None = None
    keeps_previous: bool = False


class RestartCondition(StrEnum):
    """When a container that ended is started again (Swarm's `restart_policy.condition`)."""

    NONE = "none"
    ON_FAILURE = "on-failure"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Restart:
    """When and how often a task is tried again (Swarm's `restart_policy`).

    `delay_s` is the pause before each attempt; None leaves it to the agent's own rule, at once and then growing. Attempts are
    counted within `window_s`; 0 counts them for ever.
    """

    condition: RestartCondition = RestartCondition.ANY
    max_attempts: int | None = None
    delay_s: Seconds | None = None
    window_s: Seconds = 0.0


class DependencyCondition(StrEnum):
    """How far a service must be before one that depends on it is started (Compose's `depends_on.condition`)."""

    STARTED = "service_started"
    HEALTHY = "service_healthy"
    COMPLETED = "service_completed_successfully"


@dataclass(frozen=True, slots=True)
class Dependency:
    """A service of the same stack that a task waits for on its node; one that is not `required` only where it can run."""

    service: Name
    condition: DependencyCondition = DependencyCondition.STARTED
    required: bool = True


@dataclass(frozen=True, slots=True)
class Job:
    """Runs to completion instead of for ever: once, or whenever its cron `schedule` says, in the node's own time zone."""

    schedule: str = ""


@sparse
@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One placement of one revision of a service on this node. With a `release` it is the node's own agent, and no container.

    `stop_after_s` is for how long it may run while the node hears nothing of its controller; 0 is for ever.
    """

    task: str
    stack: Name
    service: Name
    revision: str
    container: Container
    restart: Restart = field(default_factory=Restart)
    depends_on: tuple[Dependency, ...] = ()
    job: Job | None = None
    stop_after_s: Seconds = 0.0
    release: Release | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """What a node says to a registry, by the registry's host and port, when it pulls; for one stack, or without one for all."""

    registry: str
    username: str
    password: str
    stack: str = ""


@dataclass(frozen=True, slots=True)
class Mirror:
    """Another place (`host:port`) that is asked first for the images of a registry."""

    registry: str
    at: str


@dataclass(frozen=True, slots=True)
class SensorSpec:
    """An input to watch: its `kind` in the catalogue of `protocol.devices`, and that kind's keys of the manifest, all of them.

    The `options` are checked, and durations are seconds: `{"pin": 17, "debounce": 0.03}`.
    """

    name: Name
    stack: Name
    kind: str
    options: dict[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActuatorSpec:
    """An output to set, and the value that it has whenever nobody is in charge of it. `options` as with sensors."""

    name: Name
    stack: Name
    kind: str
    options: dict[str, JsonValue] = field(default_factory=dict)
    safe: str = "off"


@dataclass(frozen=True, slots=True)
class Sections:
    """Sensors, actuators and functions of a node. Offered, they are in force while each task in `revisions` is of its revision."""

    sensors: tuple[SensorSpec, ...] = ()
    actuators: tuple[ActuatorSpec, ...] = ()
    functions: tuple[FunctionSpec, ...] = ()
    revisions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Everything one node should run, whole.

    Order comes from (`epoch`, `generation`): the controller's store, and a count within it. A node never goes back (law 6).
    """

    node: Name
    epoch: int
    generation: int
    tasks: tuple[TaskSpec, ...] = ()
    sensors: tuple[SensorSpec, ...] = ()
    actuators: tuple[ActuatorSpec, ...] = ()
    functions: tuple[FunctionSpec, ...] = ()
    logins: tuple[Login, ...] = ()
    mirrors: tuple[Mirror, ...] = ()

    @property
    def content_hash(self) -> str:
        """Whether both sides have the very same document, beyond its number: a hello carries it."""
        return content_hash(self)


@sparse
@dataclass(frozen=True, slots=True)
class Offer:
    """A revision of one task to stage now, to try when granted, and to keep if it stays well for `monitor_s`.

    `is_confirmed` and `overrides_lock` are what an operator has said since: let go of what was kept, and mind no lock. `sections`
    come with the revision, in place of what the assignment has of the task's stack; None where that stays as it is, or where it is
    said for the whole stack (`Offers.whole`).
    """

    rollout: str
    task: TaskSpec
    monitor_s: Seconds = 5.0
    order: Order = Order.STOP_FIRST
    conduct: Conduct = field(default_factory=Conduct)
    is_confirmed: bool = False
    overrides_lock: bool = False
    sections: Sections | None = None


@sparse
@dataclass(frozen=True, slots=True)
class Offers:
    """All that is offered to one node now; an offer that is missing here is withdrawn. Ordered like assignments.

    `sections` are said once for all the offers of a stack, by its name: they are the larger part of many a stack.
    """

    node: Name
    epoch: int
    generation: int
    offers: tuple[Offer, ...] = ()
    sections: dict[Name, Sections] = field(default_factory=dict)

    @property
    def whole(self) -> tuple[Offer, ...]:
        """The offers, each with what comes with it."""
        brings = self.sections.get
        return tuple(replace(offer, sections=offer.sections or brings(offer.task.stack)) for offer in self.offers)

    @property
    def content_hash(self) -> str:
        """As an assignment's: whether both sides have the very same document."""
        return content_hash(self)


@dataclass(frozen=True, slots=True)
class Grant:
    """Answers a request: this nonce may go, for `valid_s` counted on the node's monotonic clock from its asking."""

    task: str
    revision: str
    nonce: str
    valid_s: Seconds = 30.0
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of a function, asked of this node by the controller.

    `attributes` are the CloudEvents attributes of the cause, `body` its data as text. `valid_s` counts from arrival.
    """

    id: str
    stack: Name
    function: Name
    attributes: dict[str, str] = field(default_factory=dict)
    body: str = ""
    valid_s: Seconds = 3600.0
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Ack:
    """The facts of one stream that are committed: up to `upto`, and those in `beyond`. Whole every time, so one may be lost.

    `said_epoch` and `said_sequence` are of the node's newest status that is known. Who said less has an older copy of its store.
    `asks` for a hello: the controller last heard another store speak under the node's name, and does not know which one is there.
    """

    stream: str
    upto: int
    beyond: tuple[int, ...] = ()
    epoch: int = 0
    said_epoch: int = 0
    said_sequence: int = 0
    asks: bool = False


class Verb(StrEnum):
    """What a command asks of a node."""

    PINS = "pins"
    DRIVE = "drive"
    SET = "set"
    TRACE = "trace"
    LOGS = "logs"


@dataclass(frozen=True, slots=True)
class Command:
    """Something an operator asks of one node, passed on by the controller; answered on `up/answer/{id}`."""

    id: str
    verb: Verb
    target: str = ""
    value: str = ""
    epoch: int = 0
