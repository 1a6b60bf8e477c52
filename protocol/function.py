"""What a function is, as a node is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from protocol.calling import Action, Backoff, Queue, Rate
from protocol.container import Container, Seconds
from protocol.ids import Name
from protocol.shapes import Bounds, sparse
from protocol.trigger import TriggerSpec

INSTANCES_MOST = 64
"""Of one function on one node; each is a container."""


class Mode(StrEnum):
    """How a function is run on a node: a container per event, one that is kept running and asked, or a process per event."""

    ONCE = "once"
    WARM = "warm"
    PROCESS = "process"


class Transport(StrEnum):
    """How a warm instance is asked: over TCP, or over a Unix socket in a directory that it shares with its node."""

    HTTP = "http"
    SOCKET = "socket"


@sparse
@dataclass(frozen=True, slots=True)
class Scale:
    """How many instances of a warm function there are, in the fleet and on each node that hosts it.

    `target` is how many invocations are in flight per instance; one that has been idle for `zero_after_s` is stopped.
    """

    min: Annotated[int, Bounds(least=0)] = 0
    max: Annotated[int, Bounds(least=1)] = 4
    target: Annotated[int, Bounds(least=1)] = 4
    zero_after_s: Seconds = 300.0
    min_per_node: Annotated[int, Bounds(least=0, most=INSTANCES_MOST)] = 0
    max_per_node: Annotated[int, Bounds(least=1, most=INSTANCES_MOST)] = 1


@sparse
@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function that this node may run: a container per event, one that is kept running, or a process where settings allow it.

    `expires_s` is how long an invocation may wait for its first attempt, or for another one; 0 leaves it to whoever asks for it.
    One that `is_away` runs elsewhere, and is here for its triggers with a memory alone: their sensors are here.
    `keep` is how many instances this node keeps ready now: the controller's word, no part of the revision. `handler` is the source
    of a Python module with `def handle(event, context)`; `secrets` are texts by their names. A process has of its `container` the
    command, the environment and the limit of its memory.
    """

    name: Name
    stack: Name
    revision: str
    container: Container
    timeout_s: Seconds = 30.0
    retries: int = 0
    concurrency: Annotated[int, Bounds(least=1, most=64)] = 1
    triggers: tuple[TriggerSpec, ...] = ()
    queue: Queue = field(default_factory=Queue)
    backoff: Backoff = field(default_factory=Backoff)
    rate: Rate | None = None
    expires_s: Seconds = 0.0
    then: tuple[Action, ...] = ()
    mode: Mode = Mode.ONCE
    transport: Transport = Transport.HTTP
    scale: Scale = field(default_factory=Scale)
    is_away: bool = False
    keep: Annotated[int, Bounds(least=0)] = 0
    handler: str = ""
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def needs_engine(self) -> bool:
        """Whether it runs in a container."""
        return self.mode is not Mode.PROCESS
