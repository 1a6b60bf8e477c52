"""Everything a node can do, as values. A decision returns them; the loop hands each to the one executor of its kind.

A step is an effect on the engine. At most one step per task and per invocation is under way at a time, and after each the
world is looked at again (law 7): no step assumes that an earlier one has worked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.decide.release import ReleaseEffect
from protocol.desired import ActuatorSpec, Login, SensorSpec, TaskSpec
from protocol.function import FunctionSpec
from protocol.topics import Topic


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a new connection under this epoch, which is already durable when the effect is carried out."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Listen:
    """Have exactly these topics of other devices read, besides what every connection reads."""

    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Say:
    """Publish a state or a sample now; it is lost when the link is down, and said again by its own rule."""

    topic: Topic
    message: Any


@dataclass(frozen=True, slots=True)
class Publish:
    """Say something on a topic of others, under an id; that the broker has it is told by the mail (`agent.mail`)."""

    id: str
    topic: str
    payload: str
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Take a fact into the outbox under `sequence`, in the same transaction as the state that caused it.

    A lower `priority` number is more urgent and is dropped last. A newer fact with the same `key` supersedes an older one.
    """

    sequence: int
    topic: Topic
    message: Any
    priority: int = 5
    key: str = ""


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop the outbox rows that the controller has committed.

    With `renewed`, only those of them up to `last`, and go on under that stream.
    """

    stream: str
    upto: int
    beyond: tuple[int, ...] = ()
    renewed: str = ""
    last: int = 0


@dataclass(frozen=True, slots=True)
class OpenDevices:
    """Have exactly these pins open; the ones that stay are not disturbed."""

    sensors: tuple[SensorSpec, ...]
    actuators: tuple[ActuatorSpec, ...]


@dataclass(frozen=True, slots=True)
class SetActuator:
    """Put an output to a value; the answer to a command of that id, if one is named."""

    name: str
    value: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class DrivePin:
    """Put a mock pin to a level, as a finger would; the answer to a command of that id, if one is named."""

    command: str
    pin: int
    level: bool


@dataclass(frozen=True, slots=True)
class DriveGauge:
    """Have a sensor on mock pins that is asked for its value show this one; the answer to a command of that id."""

    command: str
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class ReadPins:
    """Look at every pin that is in use; the answer to a command of that id."""

    command: str


@dataclass(frozen=True, slots=True)
class Pull:
    """Bring an image to the node, for a task that will need it or for an offer that is being staged.

    `mirror` is asked before the image's own registry; `login` is for the registry. Without a `rate_bps` (bytes a second) it takes
    the whole line. Without a `platform` it is the node's own.
    """

    key: str
    image: str
    login: Login | None = None
    mirror: str = ""
    rate_bps: int = 0
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Create:
    """Create a task's container, not started. Idempotent by its name."""

    key: str
    task: TaskSpec


@dataclass(frozen=True, slots=True)
class Start:
    """Start a container that exists. One that has never run first gets the networks and files of its `task`."""

    key: str
    container: str
    task: TaskSpec | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop a container: its stop signal, then a kill after `grace_s` seconds. Not while there is a file at its path `lock`."""

    key: str
    container: str
    grace_s: float
    lock: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask whether a running container holds its lock: whether there is a file at a path inside it."""

    key: str
    container: str
    path: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a container that does not run: a task's, or a run's once its result is committed."""

    key: str
    container: str


@dataclass(frozen=True, slots=True)
class Run:
    """Run a function once: body on standard input, attributes as `CE_*` in the environment, killed after the timeout.

    A container of this invocation and attempt that exists already, from before a crash, is taken over and never run twice. It stays
    after its end, until it is removed by a `Remove` of its own: a crash between the end and the commit must find it. Should its
    image be missing after all, `pull` brings it. A warm function is asked in the `instance` of that key, which is ready.
    """

    key: str
    invocation: str
    attempt: int
    function: FunctionSpec
    attributes: tuple[tuple[str, str], ...]
    body: str
    pull: Pull | None = None
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Warm:
    """Have an instance of a warm function run and be ready: its container made, started, and asked until it answers. Idempotent.

    Where it cannot become ready as things are, that is a `GiveUp`.
    """

    key: str
    function: FunctionSpec
    number: int
    pull: Pull | None = None


@dataclass(frozen=True, slots=True)
class Discard:
    """End what is left of a process that ran a function, and remove what it left behind; what comes of it is a `ProcessesSeen`."""

    process: str


@dataclass(frozen=True, slots=True)
class Clean:
    """Remove images, by their ids, and networks of ours, by their names, that nothing needs; of other images `names` alone."""

    key: str
    images: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """Look at the engine; the answer is an `EngineSeen` or an `EngineLost`."""


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Read the last lines of a container's log; the answer to a command of that id."""

    command: str
    container: str
    lines: int


Step = Pull | Create | Start | Stop | Probe | Remove | Clean | Run | Warm
"""Work for the engine. `key` says on whose behalf (a task or an invocation id) and comes back with the outcome."""

Effect = (
    Dial | Listen | Say | Publish | Note | Forget | OpenDevices | SetActuator | DrivePin | DriveGauge | ReadPins | ReadLog | Look
    | Pull | Create | Start | Stop | Probe | Remove | Clean | Run | Warm | Discard | ReleaseEffect
)  # fmt: skip
