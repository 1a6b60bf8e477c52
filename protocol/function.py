"""What a function is, as a node is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from protocol.container import Container, Seconds
from protocol.ids import Name
from protocol.shapes import Bounds, sparse
from protocol.trigger import TriggerSpec


class FunctionMode(StrEnum):
    """How a function is run on a node."""

    ONCE = "once"
    PROCESS = "process"


@sparse
@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function that this node may run: a container per event, or a process per event where the node's settings allow it.

    `handler` is the source of a Python module with `def handle(event, context)`; `secrets` are texts by their names. A process has
    of its `container` the command, the environment and the limit of its memory.
    """

    name: Name
    stack: Name
    revision: str
    container: Container
    timeout_s: Seconds = 30.0
    retries: int = 0
    concurrency: Annotated[int, Bounds(least=1, most=64)] = 1
    triggers: tuple[TriggerSpec, ...] = ()
    mode: FunctionMode = FunctionMode.ONCE
    handler: str = ""
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def needs_engine(self) -> bool:
        """Whether it runs in a container."""
        return self.mode is not FunctionMode.PROCESS
