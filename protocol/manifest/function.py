"""A function, as manifests write it: the section of one, and what stands in it.

The words are those of Compose for its container, and of OpenFaaS and Home Assistant for how it is called.
`protocol.reading.translate_function` turns it into the `FunctionSpec` that nodes get.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from protocol.function import INSTANCES_MOST
from protocol.manifest.calling import Action, AnyQueue, Backoff, Queue, Rate
from protocol.manifest.conditions import Constraints
from protocol.manifest.files import TextName
from protocol.manifest.forms import NetworkMode
from protocol.manifest.section import WHOLE, Cpus, Duration, Environment, Flag, Section, Size, Words
from protocol.manifest.storage import Tmpfs
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


def _handler(text: str) -> str:
    if text.endswith(".py") and "\n" not in text:
        raise ValueError(f"{text!r} is a file of your machine; publish it with `bramble up`, which sends what is in it")
    if text and not re.search(r"\bhandle\b", text):
        raise ValueError("it has no `handle`; write `def handle(event, context):`")
    return text


_OF_CONTAINERS = {
    "image": "it runs what its node has; remove image, or write mode: once",
    "entrypoint": "it has no image whose entrypoint there could be another of; write it as command",
    "network_mode": "it has the network of its node; remove network_mode",
    "user": "it runs as the user that its node's settings name (`process_user`); remove user",
    "read_only": "it sees its node's files as its user does; remove read_only",
    "tmpfs": "it sees its node's files as its user does; remove tmpfs",
    "cpus": "no share of the processors can be given to it; remove cpus",
}
"""Keys that mean nothing for a process, and what to do."""


def _check_run(function: Function) -> None:
    """There is exactly one thing to run."""
    said = function.model_fields_set
    if function.handler and (taken := [key for key in ("command", "entrypoint") if key in said]):
        raise ValueError(f"a handler is run by a runner of ours; remove {' and '.join(taken)}, or the handler")
    if function.mode != "process":
        if function.image is None:
            raise ValueError("the key 'image' is missing; add it, or write mode: process")
        return
    for key, remedy in _OF_CONTAINERS.items():
        if key in said:
            raise ValueError(f"{key} is for containers, and this function is a process: {remedy}")
    if not (function.command or function.handler):
        raise ValueError("there is nothing to run; write command, or handler")


class Function(Section):
    """A container per event (`mode: once`), one that is kept running and asked (`warm`), or a process of the node (`process`).

    A `handler` is a Python module with `def handle(event, context)`: as text, or a file that `bramble up` reads. It is run by the
    `python3` of the image, or of the node.
    """

    image: Annotated[str, Field(min_length=1)] | None = None
    handler: Annotated[str, AfterValidator(_handler)] = ""
    command: Words | None = None
    entrypoint: Words | None = None
    environment: Environment = {}
    secrets: list[TextName] = []
    network_mode: NetworkMode = ""
    user: str = ""
    read_only: Flag = False
    tmpfs: Tmpfs = []
    cpus: Cpus = 0.0
    mem_limit: Size = 0
    mode: Literal["once", "warm", "process"] = "once"
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
        _check_run(self)
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
