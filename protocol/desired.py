"""What the controller wants of a node: the assignment (what is settled) and the offers (what is being tried).

Both are whole, both are level: the newest replaces what came before, and a node that missed ten of them needs only the last.
Everything here is frozen and travels as JSON. Units stand in the names; sizes are bytes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Annotated

from protocol.ids import Name, digest
from protocol.measures import LONGEST_S
from protocol.shapes import Bounds

Pin = Annotated[int, Bounds(least=0, most=27)]
"""BCM number of a pin on the 40-pin header of every Raspberry Pi since 2014."""

Seconds = Annotated[float, Bounds(least=0, most=LONGEST_S)]


class Order(StrEnum):
    """Which container goes first in an update (Swarm's `update_config.order`)."""

    STOP_FIRST = "stop-first"
    START_FIRST = "start-first"


class RestartCondition(StrEnum):
    """When a container that ended is started again (Swarm's `restart_policy.condition`)."""

    NONE = "none"
    ON_FAILURE = "on-failure"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Port:
    """A container's port, reachable on the host when `published` is not 0."""

    target: Annotated[int, Bounds(least=1, most=65535)]
    published: Annotated[int, Bounds(least=0, most=65535)] = 0
    protocol: Annotated[str, Bounds(pattern="^(tcp|udp)$")] = "tcp"
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume, bind mount or tmpfs of a container; `source` is a path, or a volume's full name on the engine."""

    kind: Annotated[str, Bounds(pattern="^(volume|bind|tmpfs)$")]
    target: str
    source: str = ""
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How the engine finds out whether a container is well (Compose's `healthcheck`)."""

    test: tuple[str, ...]
    interval_s: Seconds = 30.0
    timeout_s: Seconds = 30.0
    start_period_s: Seconds = 0.0
    retries: int = 3


@dataclass(frozen=True, slots=True)
class Container:
    """Everything the engine needs to create one container. Its digest is the spec hash by which containers are adopted."""

    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    devices: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    privileged: bool = False
    read_only: bool = False
    init: bool = False
    network_mode: str = ""
    user: str = ""
    working_dir: str = ""
    hostname: str = ""
    memory_bytes: int = 0
    cpus: float = 0.0
    healthcheck: HealthCheck | None = None
    stop_signal: str = ""
    stop_grace_s: Seconds = 10.0

    @property
    def spec_hash(self) -> str:
        """The same content, the same hash; a container with this label need not be made again."""
        return digest(asdict(self))


@dataclass(frozen=True, slots=True)
class Restart:
    """When and how often a task is tried again; the delay between attempts grows by the agent's own rule."""

    condition: RestartCondition = RestartCondition.ANY
    max_attempts: int | None = None


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One placement of one revision of a service on this node."""

    task: str
    stack: Name
    service: Name
    revision: str
    container: Container
    restart: Restart = field(default_factory=Restart)


@dataclass(frozen=True, slots=True)
class SensorSpec:
    """An input to watch. `kind` is a name of the catalogue in `sensors.kinds`."""

    name: Name
    stack: Name
    kind: str
    pin: Pin
    debounce_s: Seconds = 0.0
    hold_s: Seconds = 1.0
    pull: Annotated[str, Bounds(pattern="^(up|down|none|)$")] = ""


@dataclass(frozen=True, slots=True)
class ActuatorSpec:
    """An output to set, and what it must be whenever nobody is in charge of it."""

    name: Name
    stack: Name
    kind: str
    pin: Pin
    safe: Annotated[str, Bounds(pattern="^(on|off)$")] = "off"
    active_high: bool = True


@dataclass(frozen=True, slots=True)
class TriggerSpec:
    """What calls a function: a sensor's event, or the passing of time. Exactly one of `sensor` and `every_s` is set."""

    sensor: str = ""
    on: str = ""
    every_s: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function that this node may run: a container per event."""

    name: Name
    stack: Name
    revision: str
    container: Container
    timeout_s: Seconds = 30.0
    retries: int = 0
    concurrency: Annotated[int, Bounds(least=1, most=64)] = 1
    triggers: tuple[TriggerSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    """Everything one node should run, whole.

    Order comes from (`epoch`, `generation`): the epoch is the controller's store, the generation counts within it. A node
    takes a newer one and refuses an older one; it never goes back (law 6).
    """

    node: Name
    epoch: int
    generation: int
    tasks: tuple[TaskSpec, ...] = ()
    sensors: tuple[SensorSpec, ...] = ()
    actuators: tuple[ActuatorSpec, ...] = ()
    functions: tuple[FunctionSpec, ...] = ()

    @property
    def content_hash(self) -> str:
        """Whether both sides have the very same document, beyond its number: a hello carries it."""
        return digest(asdict(self))


@dataclass(frozen=True, slots=True)
class Offer:
    """A revision of one task to stage now, to try when granted, and to keep if it stays well for `monitor_s`."""

    rollout: str
    task: TaskSpec
    monitor_s: Seconds = 5.0
    order: Order = Order.STOP_FIRST


@dataclass(frozen=True, slots=True)
class Offers:
    """All that is offered to one node now; an offer that is missing here is withdrawn. Ordered like assignments."""

    node: Name
    epoch: int
    generation: int
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """Answers a request: this nonce may go, for `valid_s` counted on the node's monotonic clock from its asking."""

    task: str
    revision: str
    nonce: str
    valid_s: Seconds = 30.0


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of a function, asked of this node by the controller.

    `attributes` are the CloudEvents attributes of the cause, `body` its data as text. `valid_s` counts from arrival: no two
    machines share a clock.
    """

    id: str
    stack: Name
    function: Name
    attributes: dict[str, str] = field(default_factory=dict)
    body: str = ""
    valid_s: Seconds = 3600.0


@dataclass(frozen=True, slots=True)
class Ack:
    """Facts of one stream that the receiver has committed: all up to `upto`, and those in `beyond`.

    Whole every time, so a lost one costs nothing: the next says it again.
    """

    stream: str
    upto: int
    beyond: tuple[int, ...] = ()


class Verb(StrEnum):
    """What a command asks of a node."""

    PINS = "pins"
    DRIVE = "drive"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Command:
    """Something an operator asks of one node, passed on by the controller; answered on `up/answer/{id}`."""

    id: str
    verb: Verb
    target: str = ""
    value: str = ""
