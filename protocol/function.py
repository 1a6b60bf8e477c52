"""What a function is, as a node is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from protocol.container import Container, Seconds
from protocol.ids import Name
from protocol.shapes import Bounds
from protocol.trigger import TriggerSpec


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function that this node may run: a container per event."""

    name: Name
    stack: Name
    revision: str
    container: Container
    timeout_s: Seconds = 30.0
    retries: int = 0
    concurrency: Annotated[int, Bounds(least=1, most=64)] = 1
    triggers: tuple[TriggerSpec, ...] = ()
