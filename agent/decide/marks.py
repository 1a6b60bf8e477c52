"""The small notes of a node.

Durable, so that they reach over a power cut: when a timer fires, how far a schedule was followed, since when the controller is
silent. Of this process: how the link stands, what a container looked like, what the node is made of, which load was told last.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol.load import Load
from protocol.observed import Clock, Inventory


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a job's schedule was followed: nothing planned up to `upto_epoch_s` is run any more, `due_epoch_s` comes next.

    `zone` and `clock` are those by which it was reckoned; `skipped` counts the times at which the run before was still going.
    """

    schedule: str
    zone: str
    clock: Clock
    upto_epoch_s: float
    due_epoch_s: float
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Silence:
    """In which boot the controller was heard last, and since when of it not; `since_mono_s` is None while it is heard."""

    boot: str
    since_mono_s: float | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The load that was told last: in which connection, when, and of which queue and instances it was made."""

    epoch: int = 0
    at_mono_s: float = 0.0
    load: Load = field(default_factory=Load)
    version: int = -1
    ready: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a timer fires next; `due_epoch_s` is the same moment by a clock that was right, in the boot `boot`, None without one."""

    due_mono_s: float
    due_epoch_s: float | None = None
    boot: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """What a node is made of, in the parts that a hello puts together."""

    host: Inventory
    address: str
    engine: str
    runtimes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """The connection: which epoch, and whether the broker has taken it."""

    epoch: int
    up: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """A container as `agent.decide.lives` compares it."""

    task: str
    name: str
    is_running: bool
    started: str
    health: str
    exit_code: int | None
