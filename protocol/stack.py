"""A stack as it is meant: what a manifest says, with every short form written out and every default filled in.

`protocol.manifest` reads what people write; this is what the controller decides on. Revisions are digests of content, so the same
manifest published twice changes nothing (law 8).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum

from protocol.desired import ActuatorSpec, Container, FunctionSpec, Order, Restart, SensorSpec
from protocol.ids import digest


class Mode(StrEnum):
    """How a service counts its tasks (Compose's `deploy.mode`)."""

    REPLICATED = "replicated"
    GLOBAL = "global"


class FailureAction(StrEnum):
    """What a rollout does when more failed than it tolerates (`update_config.failure_action`)."""

    PAUSE = "pause"
    CONTINUE = "continue"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Update:
    """How a service is updated; Swarm's names and defaults. `parallelism` 0 means all at once."""

    parallelism: int = 1
    delay_s: float = 0.0
    monitor_s: float = 5.0
    max_failure_ratio: float = 0.0
    failure_action: FailureAction = FailureAction.PAUSE
    order: Order = Order.STOP_FIRST


@dataclass(frozen=True, slots=True)
class Service:
    """Runs until told otherwise: `replicas` tasks, or one on every node that the constraints let through."""

    stack: str
    name: str
    container: Container
    mode: Mode = Mode.REPLICATED
    replicas: int = 1
    constraints: tuple[str, ...] = ()
    restart: Restart = field(default_factory=Restart)
    update: Update = field(default_factory=Update)

    @property
    def revision(self) -> str:
        """Digest of what a task runs; how many and where is not part of it."""
        return digest([asdict(self.container), asdict(self.restart)])


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

    @property
    def revision(self) -> str:
        """Digest of everything in the stack."""
        return digest(asdict(self))
