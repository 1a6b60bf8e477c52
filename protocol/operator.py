"""What operators ask, and what the controller tells them.

Operators publish a stack's manifest (a YAML or JSON file, as it is), orders and calls. The controller answers an order on its
response topic, and keeps one retained status per stack: the acknowledgement of the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from protocol.observed import DeviceStatus, Health, Inventory, ResultStatus
from protocol.rollouts import RolloutStatus
from protocol.shapes import JsonValue


class OrderVerb(StrEnum):
    """What an order asks. The first group only asks; the second changes something and is done at most once per id.

    The `result` of the answer, as JSON: `nodes` a list of NodeRow, `stacks` of StackRow, `services` of ServiceStatus, `ps` of
    TaskPlace (target: a stack, a `stack.service`, a node's name under `arguments.node`, or all), `explain` an Explanation,
    `inspect` a NodeDetail, `devices` (target: a stack, a `stack.name`, or all; perhaps `arguments.node`) a list of DeviceRow,
    `diff` (target: a stack; `arguments.manifest`: its text) a list of DiffRow.
    `drain`, `pause` and `activate` set a node's availability; `label` takes `arguments.set` (a mapping) and `arguments.remove` (a
    list); `decommission` takes `arguments.force`; `scale` takes `arguments.replicas`; `restart` and `pull` name a stack or a
    `stack.service`.
    `rollout-status` (target: a `stack.service`, a stack, or all) gives a list of RolloutStatus with their lanes, `rollout-history`
    (a `stack.service`) a list of HistoryRow, the newest first. `rollout-pause`, `-resume`, `-confirm` and `-abort` steer the
    rollout of a `stack.service`; `rollout-undo` takes `arguments.number`, a row of its history (without one: the row before the
    present). `pin` keeps the node `arguments.node`, and `unpin` no longer, at what the `stack.service` runs there; `override` has
    the update on `arguments.node` mind no lock; the history says that `arguments.by` wanted it.
    `plan` (target: a stack; `arguments.manifest`: its text) gives a Plan.
    `agents` gives a list of AgentRow; `agents-update` takes the fields of a `release.Release` (an empty `version` is the base), and
    how to go about it: `parallelism`, `canary`, `monitor_s`, `max_failure_ratio`, `failure_action` and a list of `constraints`.
    `functions` (target: a stack, a `stack.function`, or all) gives a list of FunctionRow, `dead-letters` (the same, or the id of an
    invocation) a list of LetterRow; `replay` and `drop` take such a target, or `arguments.all`.
    `command` passes `arguments` {verb, target, value} (a `desired.Command`) on to the node `target`, and gives the node's answer
    (`pins`: a list of PinRow). A direct call is answered with a CallEnd.
    """

    NODES = "nodes"
    STACKS = "stacks"
    SERVICES = "services"
    PS = "ps"
    EXPLAIN = "explain"
    INSPECT = "inspect"
    DEVICES = "devices"
    DIFF = "diff"
    PLAN = "plan"
    ROLLOUT_STATUS = "rollout-status"
    ROLLOUT_HISTORY = "rollout-history"
    AGENTS = "agents"
    FUNCTIONS = "functions"
    DEAD_LETTERS = "dead-letters"

    DRAIN = "drain"
    PAUSE = "pause"
    ACTIVATE = "activate"
    LABEL = "label"
    DECOMMISSION = "decommission"
    SCALE = "scale"
    RESTART = "restart"
    PULL = "pull"
    ROLLOUT_PAUSE = "rollout-pause"
    ROLLOUT_RESUME = "rollout-resume"
    ROLLOUT_CONFIRM = "rollout-confirm"
    ROLLOUT_ABORT = "rollout-abort"
    ROLLOUT_UNDO = "rollout-undo"
    PIN = "pin"
    UNPIN = "unpin"
    OVERRIDE = "override"
    AGENTS_UPDATE = "agents-update"
    REPLAY = "replay"
    DROP = "drop"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class OperatorOrder:
    """One order. `target` is a node, a stack or `stack.service`, by verb; `arguments` are the verb's own."""

    verb: OrderVerb
    target: str = ""
    arguments: dict[str, JsonValue] = field(default_factory=dict)


class Denial(StrEnum):
    """Why an order was not done: `{"denial": …}` is the `result` of such an answer; without one it simply failed."""

    NOT_FOUND = "not-found"
    CONFLICT = "conflict"


class Verdict(StrEnum):
    """What became of a manifest."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ManifestFault:
    """One thing wrong with a manifest: where, what, and what to do about it."""

    reason: str
    path: str = ""
    line: int | None = None
    column: int | None = None
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class TaskPlace:
    """One task of a service: where it is and how it stands."""

    task: str
    node: str
    state: str
    revision: str = ""
    image: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """A service: how many tasks it wants and has running (or, of a job, has completed), and why not all."""

    service: str
    image: str
    revision: str
    desired: int
    running: int
    reasons: tuple[str, ...] = ()
    tasks: tuple[TaskPlace, ...] = ()
    rollout: RolloutStatus | None = None
    mode: str = "replicated"
    completed: int = 0


@dataclass(frozen=True, slots=True)
class FunctionStatus:
    """A function: the nodes that may run it, and why others may not."""

    function: str
    image: str
    nodes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StackStatus:
    """The retained acknowledgement of a manifest and the state of its stack.

    `revision` is the accepted one; after a refusal it stays the earlier one, which goes on running. `manifest` is the digest of the
    very bytes this verdict is about, so a publisher knows its own answer from an older one. While `awaits_images` its images are
    still being looked up: what stands under `services` is what was in force before, rollouts included.
    """

    stack: str
    verdict: Verdict
    manifest: str = ""
    revision: str = ""
    faults: tuple[ManifestFault, ...] = ()
    converged: bool = False
    services: tuple[ServiceStatus, ...] = ()
    functions: tuple[FunctionStatus, ...] = ()
    devices: tuple[str, ...] = ()
    awaits_images: bool = False


@dataclass(frozen=True, slots=True)
class ControllerPresence:
    """The controller's birth or will: who is in charge, under which epoch, or who was so last.

    `store` names its memory, `starts` counts its processes and `instance` names this one; `host` and `since` are for people.
    """

    state: str
    epoch: int
    version: str = ""
    store: str = ""
    starts: int = 0
    instance: str = ""
    host: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One node in the answer to `nodes`. `seen_s` is how long ago it spoke, None if it has not since the controller began.

    `presence` is `online`, `suspect`, `offline` or `quarantined`; that it comes and goes is one of its reasons.
    """

    node: str
    presence: str
    availability: str
    seen_s: float | None = None
    architecture: str = ""
    model: str = ""
    engine: str = ""
    version: str = ""
    generation: int = 0
    observed_generation: int = 0
    temperature_celsius: float | None = None
    memory_available_bytes: int | None = None
    labels: dict[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class NodeDetail:
    """The answer to `inspect`: everything known of one node. Its row has the labels in effect, `set_labels` an operator's."""

    row: NodeRow
    inventory: Inventory
    health: Health | None = None
    set_labels: dict[str, str] = field(default_factory=dict)
    tasks: tuple[TaskPlace, ...] = ()
    sensors: tuple[DeviceStatus, ...] = ()
    actuators: tuple[DeviceStatus, ...] = ()
    free_pins: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A sensor or actuator on one node in the answer to `devices`: where it is, its last value, or why it does not work.

    `is_a` is `sensor` or `actuator`. Of a node that is not `online` it is what it said last; `place` and `value` are empty before.
    """

    device: str
    node: str
    presence: str
    is_a: str
    kind: str
    place: str = ""
    value: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class DiffRow:
    """What a manifest would change of one service, function or device on one node; `change` is add, remove, update or keep."""

    node: str
    what: str
    change: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StackRow:
    """One stack in the answer to `stacks`."""

    stack: str
    verdict: Verdict
    revision: str
    converged: bool
    services: int
    functions: int
    devices: int
    faults: int = 0


@dataclass(frozen=True, slots=True)
class NodeObjection:
    """Why one node does, or does not, carry a service or function: chosen ones have no objection."""

    node: str
    chosen: bool
    objections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to `explain`: one line per node, and what the thing as a whole waits for."""

    target: str
    nodes: tuple[NodeObjection, ...]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PinRow:
    """One pin in a node's answer to the command `pins`: BCM number, `input` or `output`, electrical level, and who uses it."""

    pin: int
    function: str
    high: bool
    user: str = ""


@dataclass(frozen=True, slots=True)
class CallEnd:
    """The `result` of the answer to a direct call whose function ran; the answer's message is its reason."""

    status: ResultStatus
    node: str
    exit_code: int | None = None
    output: str = ""
    error: str = ""
    attempt: int = 1
    duration_s: float = 0.0
