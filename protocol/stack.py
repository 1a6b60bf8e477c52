"""A stack as it is meant: what a manifest says, with every short form written out and every default filled in.

`protocol.manifest.manifest` reads what people write; this is what the controller decides on. Revisions are digests of
content, so the same manifest published twice changes nothing (law 8).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from protocol.container import Container
from protocol.desired import ActuatorSpec, Dependency, Job, Login, Restart, SensorSpec
from protocol.function import FunctionSpec
from protocol.ids import digest
from protocol.release import Release
from protocol.update import Update


class Mode(StrEnum):
    """How a service counts its tasks (Compose's `deploy.mode`)."""

    REPLICATED = "replicated"
    GLOBAL = "global"
    REPLICATED_JOB = "replicated-job"
    GLOBAL_JOB = "global-job"

    @property
    def is_global(self) -> bool:
        """Whether there is one task on every node that fits, instead of a number of them."""
        return self in (Mode.GLOBAL, Mode.GLOBAL_JOB)

    @property
    def is_job(self) -> bool:
        """Whether tasks run to completion."""
        return self in (Mode.REPLICATED_JOB, Mode.GLOBAL_JOB)


class Reconcile(StrEnum):
    """Which of two copies stays when a node that was replaced returns (Nomad's `disconnect.reconcile`)."""

    BEST_SCORE = "best_score"
    KEEP_ORIGINAL = "keep_original"
    KEEP_REPLACEMENT = "keep_replacement"
    LONGEST_RUNNING = "longest_running"


@dataclass(frozen=True, slots=True)
class Disconnect:
    """What becomes of a task whose node is away (Nomad's `disconnect`). Without one it is kept for its node, for ever.

    With `replace` another node takes it over as soon as its own is offline; `lost_after_s` later (0: never) the original is lost
    and ends when its node returns; until then `reconcile` chooses. `stop_after_s` (0: never) makes the node stop it by itself, and
    excludes `lost_after_s`.
    """

    lost_after_s: float = 0.0
    stop_after_s: float = 0.0
    replace: bool = True
    reconcile: Reconcile = Reconcile.BEST_SCORE


@dataclass(frozen=True, slots=True)
class Resources:
    """What a task is promised on its node (`deploy.resources.reservations`)."""

    cpus: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Needs:
    """Hardware without which a task makes no sense on a node: BCM pins, buses (`i2c-1`, `spi0.0`), paths below /dev, labels.

    `launcher` is an agent that another release can take the place of, `container` one that another container can; they ask for no
    engine.
    """

    pins: tuple[int, ...] = ()
    buses: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    launcher: bool = False
    container: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """`replicas` tasks, or one on every node that fits. It runs until told otherwise; with a `job`, to completion.

    `preferences` are labels over whose values tasks are spread, the first weighs most; `most_per_node` 0 is no limit. `restarts` is
    how often an operator had it begun anew. With a `release` its tasks are the agents themselves, and its container is only a name.
    """

    stack: str
    name: str
    container: Container
    mode: Mode = Mode.REPLICATED
    replicas: int = 1
    constraints: tuple[str, ...] = ()
    preferences: tuple[str, ...] = ()
    most_per_node: int = 0
    reservations: Resources = field(default_factory=Resources)
    needs: Needs = field(default_factory=Needs)
    restart: Restart = field(default_factory=Restart)
    update: Update = field(default_factory=Update)
    rollback: Update | None = None
    disconnect: Disconnect | None = None
    depends_on: tuple[Dependency, ...] = ()
    job: Job | None = None
    restarts: int = 0
    release: Release | None = None

    @property
    def stop_after_s(self) -> float:
        """For how long a task may run on a node that hears nothing of its controller; 0 is for ever."""
        return self.disconnect.stop_after_s if self.disconnect else 0.0

    @property
    def revision(self) -> str:
        """Digest of what a task runs, and how often that was begun anew; how many and where is not part of it."""
        if self.release is not None:
            return self.release.revision
        content = [self.container, self.restart, self.depends_on]
        begun_anew = [self.restarts] if self.restarts else []
        return digest([*content, self.job, self.stop_after_s, *begun_anew])


@dataclass(frozen=True, slots=True)
class Sensor:
    """An input on every node that the constraints let through."""

    spec: SensorSpec
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Actuator:
    """An output on every node that the constraints let through."""

    spec: ActuatorSpec
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """May run on every node with an engine that the constraints let through."""

    spec: FunctionSpec
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stack:
    """One accepted manifest."""

    name: str
    services: dict[str, Service] = field(default_factory=dict)
    sensors: dict[str, Sensor] = field(default_factory=dict)
    actuators: dict[str, Actuator] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    logins: tuple[Login, ...] = ()

    @property
    def revision(self) -> str:
        """Digest of everything in the stack."""
        return digest(self)
