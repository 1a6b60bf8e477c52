"""A function, as manifests write it: the section of one, and what stands in it.

The words are those of Compose for its container, and of OpenFaaS and Home Assistant for how it is called.
`protocol.reading.translate_function` turns it into the `FunctionSpec` that nodes get.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from protocol.function import INSTANCES_MOST
from protocol.manifest.calling import Action, AnyQueue, Backoff, Queue, Rate
from protocol.manifest.conditions import Constraints
from protocol.manifest.forms import NetworkMode
from protocol.manifest.section import WHOLE, Cpus, Duration, Environment, Flag, Section, Size, Words
from protocol.manifest.triggering import Trigger

_FLEET_MOST = 10_000


class Scale(Section):
    """How many instances of a warm function there are."""

    min: Annotated[int, Field(ge=0, le=_FLEET_MOST), WHOLE] = 0
    max: Annotated[int, Field(ge=1, le=_FLEET_MOST), WHOLE] = 4
    target: Annotated[int, Field(ge=1, le=1000), WHOLE] = 4
    zero_after: Duration = 300.0
    min_per_node: Annotated[int, Field(ge=0, le=INSTANCES_MOST), WHOLE] = 0
    max_per_node: Annotated[int, Field(ge=1, le=INSTANCES_MOST), WHOLE] = 1

    @model_validator(mode="after")
    def _has_room(self) -> Scale:
        if self.min > self.max:
            raise ValueError(f"min is {self.min}, which is more than max, {self.max}")
        if self.min_per_node > self.max_per_node:
            raise ValueError(
                f"min_per_node is {self.min_per_node}, which is more than max_per_node, {self.max_per_node}"
            )
        return self


class Function(Section):
    """A container per event (`mode: once`), or one that is kept running and asked (`mode: warm`)."""

    image: str = Field(min_length=1)
    command: Words | None = None
    entrypoint: Words | None = None
    environment: Environment = {}
    network_mode: NetworkMode = ""
    user: str = ""
    read_only: Flag = False
    cpus: Cpus = 0.0
    mem_limit: Size = 0
    mode: Literal["once", "warm"] = "once"
    transport: Literal["http", "socket"] = "http"
    scale: Scale = Scale()
    timeout: Duration = 30.0
    retries: Annotated[int, Field(ge=0, le=100), WHOLE] = 0
    concurrency: Annotated[int, Field(ge=1, le=64), WHOLE] = 1
    backoff: Backoff = Backoff()
    expires: Duration | None = None
    queue: AnyQueue = Queue()
    rate: Rate | None = None
    triggers: list[Trigger] = []
    then: list[Action] = []
    nodes: Constraints = []

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Function:
        """A key that would do nothing is refused."""
        if self.mode != "warm":
            for key in ("transport", "scale"):
                if key in self.model_fields_set:
                    raise ValueError(
                        f"{key} is for warm functions, and this one is {self.mode}; remove it, or write mode: warm"
                    )
            return self
        if self.transport == "http" and self.network_mode == "none":
            raise ValueError(
                "without a network nothing reaches its port; write transport: socket, or another network_mode"
            )
        if self.transport == "http" and self.network_mode == "host" and self.scale.max_per_node > 1:
            raise ValueError("on the node's own network only one instance can have port 8080; write max_per_node: 1")
        return self

    @model_validator(mode="after")
    def _fits_its_queue(self) -> Function:
        if self.queue.mode != "queued" and "concurrency" in self.model_fields_set:
            reason = f"a {self.queue.mode} queue says itself how many run at once"
            raise ValueError(f"{reason}; remove concurrency, or write queue: queued")
        if self.queue.mode == "restart" and self.mode == "warm":
            raise ValueError("a warm function is not stopped within a call; write mode: once, or another queue")
        return self
