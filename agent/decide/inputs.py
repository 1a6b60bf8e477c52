"""Everything that can happen to a node, as values. Callbacks and workers put them into the one inbox; nothing else gets in.

Messages from the controller arrive as `protocol.envelope.Received` or `protocol.refusal.Refusal`, link changes as the values of
`link.inputs`, pin levels as `sensors.stage.Reading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent.decide.effects import Step
from agent.decide.instance import name_key
from protocol.ids import full_reference
from protocol.observed import DeviceStatus, Health, Inventory


class Phase(StrEnum):
    """What the engine says of a container, as far as we care."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class ContainerSeen:
    """One of our containers as the engine shows it. `started` is the engine's own text: it only says same or not same.

    `has_been_ill` is whether its health check has failed since this start, also where it passes again by now. `platform` is what
    its image is made for (`linux/arm/v7`), empty where the engine has not said.
    """

    id: str
    name: str
    task: str
    revision: str
    spec_hash: str
    phase: Phase
    image: str = ""
    health: str = ""
    exit_code: int | None = None
    started: str = ""
    out_of_memory: bool = False
    has_been_ill: bool = False
    platform: str = ""


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A function's container as the engine shows it, or its process.

    It stays until a `Remove` or a `Discard`, so that a result is committed first (S6).
    """

    id: str
    name: str
    invocation: str
    attempt: int
    phase: Phase


@dataclass(frozen=True, slots=True)
class ProcessesSeen:
    """Every process of a function that runs, or that left something behind when it ended."""

    processes: tuple[RunSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class InstanceSeen:
    """A container of a warm function as the engine shows it; `number` counts the instances of one revision from 1."""

    id: str
    stack: str
    function: str
    revision: str
    number: int
    phase: Phase
    health: str = ""

    @property
    def key(self) -> str:
        """By which it is known."""
        return name_key(self.stack, self.function, self.revision, self.number)


@dataclass(frozen=True, slots=True)
class ImageSeen:
    """One image on the engine's disk: its id, what it takes of the disk alone, and the references that name it, in full."""

    id: str
    size_bytes: int = 0
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DiskSeen:
    """The file system on which the engine keeps its images."""

    total_bytes: int
    available_bytes: int


@dataclass(frozen=True, slots=True)
class EngineSeen:
    """All containers of this node's tasks and runs, and the images that are here, after one look.

    `images` holds each image's references in full (`protocol.ids.full_reference`): ask `has`. `networks` are ours that no container
    is on; `runtimes` the OCI runtimes that it knows; `disk` is None where it cannot be seen from here.
    """

    version: str
    containers: tuple[ContainerSeen, ...]
    images: frozenset[str] = frozenset()
    runs: tuple[RunSeen, ...] = ()
    stored: tuple[ImageSeen, ...] = ()
    networks: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    disk: DiskSeen | None = None
    instances: tuple[InstanceSeen, ...] = ()

    def has(self, image: str) -> bool:
        """Whether an image is here, in whatever way its reference is spelled; one with a digest, from wherever it came.

        None at all is always here: a process is run without one.
        """
        if not image:
            return True
        full = full_reference(image)
        _, at, content = full.partition("@")
        return full in self.images or (bool(at) and any(known.endswith(f"@{content}") for known in self.images))


@dataclass(frozen=True, slots=True)
class EngineLost:
    """The engine does not answer, or there is none."""

    reason: str


@dataclass(frozen=True, slots=True)
class EngineHint:
    """Something happened at the engine; a look is worth while."""


@dataclass(frozen=True, slots=True)
class Done:
    """The step worked. `warning` is what the engine says beside it, empty if nothing; None where it was not asked."""

    detail: str = ""
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """The world did not cooperate; the same step may work after `after_s` seconds. `locked`: a container holds its lock."""

    reason: str
    after_s: float
    locked: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The step cannot work until something else changes. `suspect`: as things look, the image may be damaged on this disk."""

    reason: str
    suspect: bool = False


Outcome = Done | Retry | GiveUp


@dataclass(frozen=True, slots=True)
class Pulling:
    """How far a pull on behalf of `key` is; `total_bytes` is None while nobody has said it."""

    key: str
    done_bytes: int
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class StepEnded:
    """What came of a step that is not a function's run.

    `glance` is the container that it was about, as it stood right after it; None where nobody looked at it alone.
    """

    step: Step
    outcome: Outcome
    glance: ContainerSeen | None = None


@dataclass(frozen=True, slots=True)
class RunEnded:
    """What came of a function's run: its exit code and output, or why there was none.

    One that `is_unbegun` found away what it needs, so nothing of it has run, and it uses up no retry.

    A warm function may ask not to be called again for `retry_after_s`; `is_cut_off` says that its instance broke off or was away.
    """

    invocation: str
    attempt: int
    exit_code: int | None
    output: str = ""
    error: str = ""
    reason: str = ""
    timed_out: bool = False
    duration_s: float = 0.0
    retry_after_s: float | None = None
    is_unbegun: bool = False
    is_cut_off: bool = False


@dataclass(frozen=True, slots=True)
class DevicesOpened:
    """How the pins stand after they were opened, or after an actuator was set."""

    sensors: tuple[DeviceStatus, ...]
    actuators: tuple[DeviceStatus, ...]


@dataclass(frozen=True, slots=True)
class CommandDone:
    """What came of a command that needed the pins."""

    command: str
    ok: bool
    message: str = ""
    result: object = None


@dataclass(frozen=True, slots=True)
class Touched:
    """Somebody at the node itself wants a mock pin to be at a level."""

    pin: int
    level: bool


@dataclass(frozen=True, slots=True)
class HostSeen:
    """A reading of the host: what it is made of, and how it is doing."""

    inventory: Inventory
    health: Health
