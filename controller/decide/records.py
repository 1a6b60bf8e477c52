"""What the controller remembers of nodes, stacks and tasks: frozen records, each the row of one shelf of the fleet.

The machines keep their records beside their tables: `presence.Lease`, `slot.Slot`, `slot.Rollout`, `invocation.Entry`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from controller.decide.inputs import Inspected
from protocol.container import Container
from protocol.desired import Dependency, Job, Restart
from protocol.observed import Answer, Inventory
from protocol.operator import DiffRow, ManifestFault, Verdict
from protocol.release import Release
from protocol.rollouts import Plan
from protocol.stack import Service, Stack


class Availability(StrEnum):
    """The operator's wish: whether a node takes tasks, keeps what it has and takes no more, or gives away what it has."""

    ACTIVE = "active"
    PAUSE = "pause"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True)
class Node:
    """A node that has said hello. `generation` and `offers_generation` count what it was told, and never go back.

    `epoch` is above the fleet's where it was told more than this store knows. `set_labels` are an operator's. One that `is_leaving`
    is told to stop everything, and forgotten when it has. `release` is the revision of its agent, empty where nothing could put
    another in its place, and `image` what that is a container of, where another container could take its place.
    """

    name: str
    inventory: Inventory
    boot: str = ""
    version: str = ""
    availability: Availability = Availability.ACTIVE
    generation: int = 0
    offers_generation: int = 0
    set_labels: dict[str, str] = field(default_factory=dict)
    is_leaving: bool = False
    release: str = ""
    epoch: int = 0
    image: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """The labels in effect: the node's own, under those that an operator set."""
        return {**self.inventory.labels, **self.set_labels}


@dataclass(frozen=True, slots=True)
class StackRecord:
    """A stack's name, what is in force as it was written, and the verdict on what was published last.

    `awaited` was accepted, and comes into force when its images have been looked up. `accepted` is the manifest that was accepted
    last, `former` are those before it. `rank` counts the refusals: of what was never accepted the oldest go.
    """

    name: str
    verdict: Verdict
    manifest: str = ""
    stack: Stack | None = None
    awaited: Stack | None = None
    revision: str = ""
    faults: tuple[ManifestFault, ...] = ()
    accepted: str = ""
    former: tuple[str, ...] = ()
    rank: int = 0

    @property
    def is_void(self) -> bool:
        """Whether nothing was ever accepted under this name: all that it holds is a verdict."""
        return self.verdict is Verdict.REFUSED and not self.accepted and self.stack is None and self.awaited is None


@dataclass(frozen=True, slots=True)
class Image:
    """What a registry said of an image of one stack: the content behind its tag, and what it is made for; or why it is silent."""

    stack: str
    reference: str
    digest: str = ""
    platforms: tuple[str, ...] = ()
    reason: str = ""


@dataclass(slots=True)
class Lookup:
    """The images of one stack that are being looked up, and what has been answered so far. Not durable: it is begun anew."""

    stack: Stack
    asked: frozenset[str]
    found: dict[str, Image] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """A plan that is being made. Not durable: whoever asked asks again.

    It waits for what registries say of its images, `others` among them that nodes have already; then `steps` of work go on for some
    turns. Made, it is kept for a while if it has more `pages` than one. One that `is_diff` asks nobody, and is the `differences`.
    """

    stack: Stack
    back: tuple[str, bytes]
    asked: frozenset[str]
    others: frozenset[str] = frozenset()
    found: dict[str, Inspected] = field(default_factory=dict)
    steps: Iterator[object] | None = None
    pages: Plan | None = None
    is_diff: bool = False
    differences: list[DiffRow] | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """What a task of one service runs, for ever under this name."""

    service: str
    revision: str
    container: Container
    restart: Restart
    depends_on: tuple[Dependency, ...] = ()
    job: Job | None = None
    stop_after_s: float = 0.0
    release: Release | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One placement of a service; `revision` is the settled one, `completed` the one that has run to its end (a job's)."""

    task: str
    service: str
    node: str
    revision: str
    completed: str = ""

    @property
    def is_completed(self) -> bool:
        """Whether it is a job's, and done: it takes nothing of its node any more, and is never placed again."""
        return bool(self.completed) and self.completed == self.revision


@dataclass(frozen=True, slots=True)
class Hold:
    """The nodes that may still run a task: they were told to, and have not shown that they stopped."""

    task: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """Why a service has fewer tasks than it wants."""

    service: str
    missing: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Devices:
    """What of the stacks' sensors, actuators and functions one node has: `stack.name` each, sorted."""

    node: str
    sensors: tuple[str, ...] = ()
    actuators: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Number:
    """A count that must outlive us."""

    value: int


@dataclass(frozen=True, slots=True)
class Scale:
    """How many replicas an operator wants of a service, while the content of its stack is this one."""

    service: str
    stack: str
    replicas: int
    content: str


@dataclass(frozen=True, slots=True)
class Past:
    """One revision that a service was updated to: as it was in force, what became of its rollout.

    `notes` are the last locks that were overridden meanwhile, `notes_gone` counts those before them.
    """

    number: int
    revision: str
    service: Service
    state: str = ""
    reason: str = ""
    at: str = ""
    notes: tuple[str, ...] = ()
    notes_gone: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """The last revisions of a service, the oldest first."""

    service: str
    rows: tuple[Past, ...]


@dataclass(frozen=True, slots=True)
class Undo:
    """An operator went back to a row of a service's history, while its manifest says what `written` is the fingerprint of.

    `restarts` is how often the service had been begun anew by then.
    """

    key: str
    number: int
    service: Service
    restarts: int
    written: str


@dataclass(frozen=True, slots=True)
class Attendance:
    """How a node comes and goes: the means of its stretches and gaps (and of their squares), and how many were seen."""

    node: str
    up_s: float = 0.0
    ups: int = 0
    gap_s: float = 0.0
    gap_square: float = 0.0
    gaps: int = 0


@dataclass(frozen=True, slots=True)
class Pin:
    """An operator keeps a node at what it runs of a service."""

    service: str
    node: str


@dataclass(frozen=True, slots=True)
class Departed:
    """A node that was decommissioned, and the last numbers it was told: one that returns must be told higher ones."""

    node: str
    rank: int
    generation: int = 0
    offers_generation: int = 0
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Streams:
    """The keys of the intakes of one node, at least one: the last is the stream of the store that is there now."""

    node: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Earlier:
    """The sensors, actuators and functions that a stack had before its last change: what a rollback of it returns to."""

    stack: Stack


@dataclass(frozen=True, slots=True)
class Original:
    """The copy of a replaced task that is still its old node's, while that node is away and until one of the two is chosen."""

    task: str
    node: str
    revision: str
    container: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """An order that changed something, by its id, and what was answered; a repetition is told the same."""

    order: str
    rank: int
    answer: Answer = field(default_factory=lambda: Answer("", ok=False))


def stack_of(key: str) -> str:
    """The stack of a service, a task, a function or a device."""
    return key.split(".", 1)[0]


def service_of(task: str) -> str:
    """The key of a task's service."""
    return task.rsplit(".", 1)[0]


def revision_key(service: str, revision: str) -> str:
    """Name a revision within the fleet."""
    return f"{service}@{revision}"
