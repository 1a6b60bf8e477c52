"""What a node says of itself: presence, hello, status, events, results, health.

A status is ordered by (`epoch`, `sequence`), a fact by (`stream`, `sequence`). Wall-clock times are for people: they carry the
quality of the clock that made them and are never compared between machines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from protocol.ids import Name, fact_id
from protocol.measures import LONGEST_S
from protocol.shapes import Bounds, JsonValue, sparse


class Link(StrEnum):
    """The two words of a presence message: the birth and the will."""

    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Presence:
    """A node's birth or will. Both carry the epoch of one connection, so a late will never ends a newer session.

    `instance` names the process: one that was followed by another never returns, unless two devices share a name.
    """

    state: Link
    epoch: int
    boot: str = ""
    version: str = ""
    instance: str = ""


class TaskState(StrEnum):
    """A task's life on its node; the order of the members is their rank."""

    ASSIGNED = "assigned"
    PREPARING = "preparing"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """One task as it stands. `image` is the id (digest) of the image that really runs; `attempt` counts from 1."""

    task: str
    revision: str
    state: TaskState
    attempt: int = 0
    image: str = ""
    container: str = ""
    health: str = ""
    reason: str = ""


class OfferState(StrEnum):
    """How far a node is with an offer; the order of the members is their rank."""

    STAGING = "staging"
    STAGED = "staged"
    TRYING = "trying"
    SETTLED = "settled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OfferStatus:
    """One offer as the node sees it; `nonce` is the request that is open or was granted.

    One that failed and `was_staging` has disturbed nothing: its image could not be had. It is staged again when its registry is
    asked otherwise than then, with another login or by another mirror. `overrode` is the lock that it did not mind, and why: for
    the history of its service.
    """

    rollout: str
    task: str
    revision: str
    state: OfferState
    nonce: str = ""
    reason: str = ""
    was_staging: bool = False
    overrode: str = ""


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """A sensor or actuator as it stands: where it is (`pin 17`), its last value, or why it does not work."""

    name: str
    kind: str
    place: str
    value: str = ""
    fault: str = ""


STORED_CHARS = 16
"""64 bits tell the images of any fleet apart, and nothing but a forecast depends on it."""

STORED_MOST = 64
"""A Pi has some ten; the least of so many is of no weight."""


def stored_name(reference: str) -> str:
    """How a status names the image of a reference with a digest; empty for one without."""
    return reference.partition("@sha256:")[2][-STORED_CHARS:]


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """Everything a node knows of what it runs, whole. Said again on every connect and whenever it changes.

    `images` are those on its disk, by the last `STORED_CHARS` characters of their digests; the largest, and at most `STORED_MOST`.
    One that `is_blind` has not seen its engine since its process began: what it does not list may run all the same. `stream` is of
    the store that says it: connections are counted by each store from 1. An agent of an older release does not say it.
    """

    node: Name
    epoch: int
    sequence: int
    observed_epoch: int = 0
    observed_generation: int = 0
    offers_generation: int = 0
    tasks: tuple[TaskStatus, ...] = ()
    offers: tuple[OfferStatus, ...] = ()
    sensors: tuple[DeviceStatus, ...] = ()
    actuators: tuple[DeviceStatus, ...] = ()
    reasons: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    is_blind: bool = False
    stream: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a node is made of; whatever changes here is told by a new hello, so nothing here counts up or down by itself.

    `engine` is the Docker Engine's version, empty where there is none; `runtimes` are its OCI runtimes. `pins` are the BCM numbers
    on the header; `buses` like `i2c-1` and `spi0.0`; `devices` paths below /dev that containers may want; `usb` and `cameras` what
    people call them. `memory_limits` is false where the kernel ignores them. `zone` is the name of the time zone. `serial` is the
    board's: it stays when a card goes into another one. `processes` is whether its settings allow functions to run as processes.
    """

    hostname: str
    architecture: str
    model: str = ""
    os: str = ""
    kernel: str = ""
    memory_bytes: int = 0
    disk_bytes: int = 0
    cpus: int = 1
    engine: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    pin_factory: str = ""
    revision: str = ""
    address: str = ""
    zone: str = ""
    runtimes: tuple[str, ...] = ()
    pins: tuple[int, ...] = ()
    buses: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    usb: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    memory_limits: bool = True
    serial: str = ""
    processes: bool = False


@sparse
@dataclass(frozen=True, slots=True)
class Hello:
    """The first word of every connection: where this node stands, so that the controller can say what differs.

    `release` is the revision of the agent that speaks, empty where nothing could put another in its place. `obeyed_epoch` is the
    highest of a controller of which it has taken anything: whoever speaks to it under a lower one is refused. The hashes name what
    was taken under these numbers, for a store that was put back and counts them once more; empty where nothing was. `image` is what
    the agent's container was made from, empty where it is none.
    """

    node: Name
    epoch: int
    boot: str
    version: str
    inventory: Inventory
    assignment_epoch: int = 0
    assignment_generation: int = 0
    assignment_hash: str = ""
    offers_generation: int = 0
    release: str = ""
    obeyed_epoch: int = 0
    instance: str = ""
    offers_hash: str = ""
    image: str = ""


class Clock(StrEnum):
    """How far a node's wall clock may be trusted, or a time that was read from it.

    `synced`: a time server has set it since the boot. `rtc`: a clock chip has, which drifts by minutes a year. `guess`: nobody has.
    `redated`: it was a guess, or a chip's, when something happened; the time was reckoned once a time server had set it.
    """

    SYNCED = "synced"
    RTC = "rtc"
    REDATED = "redated"
    GUESS = "guess"

    @property
    def is_right(self) -> bool:
        """Whether people may rely on the hour: updates wait for a window by it."""
        return self is not Clock.GUESS


@dataclass(frozen=True, slots=True)
class SensorEvent:
    """Something sensed. Travels as a CloudEvent (`protocol.events`); `taken` names the invocations the node runs itself."""

    stream: str
    sequence: int
    node: Name
    sensor: Name
    type: str
    time: str
    boot: str
    monotonic_ns: int
    clock: Clock = Clock.GUESS
    value: JsonValue = None
    pin: int | None = None
    taken: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The CloudEvents id: the same fact keeps it over every repetition."""
        return fact_id(self.stream, self.sequence)


class ResultStatus(StrEnum):
    """How an invocation ended; one that was `skipped` gave way to another, as its function's queue asks."""

    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    SKIPPED = "skipped"


@sparse
@dataclass(frozen=True, slots=True)
class Result:
    """An invocation's end. `output` is standard output, `error` the end of standard error; both may be cut and say so.

    `depth` is how many functions have called each other before it; `taken` names the invocations that follow from it and that the
    node runs itself. One that failed or expired carries the `attributes` and the `body` of its call, if only its node knows them.
    """

    id: str
    node: Name
    stack: Name
    function: Name
    status: ResultStatus
    attempt: int
    cause: str = ""
    exit_code: int | None = None
    output: str = ""
    error: str = ""
    reason: str = ""
    started_at: str = ""
    duration_s: Annotated[float, Bounds(least=0, most=LONGEST_S)] = 0.0
    depth: int = 0
    taken: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """Asks for a rollout grant. Repeated with a new nonce until it is granted, so it needs no outbox."""

    rollout: str
    task: str
    revision: str
    nonce: Annotated[str, Bounds(pattern="^[a-z0-9]{8,32}$")]


@dataclass(frozen=True, slots=True)
class Health:
    """A sample of how the host is doing; a missing reading is None.

    `edges_suppressed_total` are those that the filters of sensors swallowed since the sensors were opened, `readings_dropped_total`
    those that were let go since the agent's start because more came than it could take in.
    """

    uptime_s: float
    load_1m: float
    memory_available_bytes: int
    disk_available_bytes: int
    temperature_celsius: float | None = None
    throttled: tuple[str, ...] = ()
    bytes_written_total: int | None = None
    clock: Clock = Clock.GUESS
    outbox_rows: int = 0
    outbox_dropped_total: int = 0
    edges_suppressed_total: int = 0
    readings_dropped_total: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command or an order: `ok` or not, one sentence, and whatever was asked for."""

    id: str
    ok: bool
    message: str = ""
    result: JsonValue = None
