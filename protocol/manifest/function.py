"""A function, as manifests write it: the section of one, and what stands in it.

The words are those of Compose for its container, and of OpenFaaS and Home Assistant for how it is called.
`protocol.reading.translate_function` turns it into the `FunctionSpec` that nodes get.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from protocol.manifest.conditions import Constraints
from protocol.manifest.forms import NetworkMode
from protocol.manifest.section import WHOLE, Cpus, Duration, Environment, Flag, Section, Size, Words
from protocol.manifest.triggering import Trigger


class Function(Section):
    """A container per event (`mode: once`)."""

    image: str = Field(min_length=1)
    command: Words | None = None
    entrypoint: Words | None = None
    environment: Environment = {}
    network_mode: NetworkMode = ""
    user: str = ""
    read_only: Flag = False
    cpus: Cpus = 0.0
    mem_limit: Size = 0
    mode: Literal["once"] = "once"
    timeout: Duration = 30.0
    retries: Annotated[int, Field(ge=0, le=100), WHOLE] = 0
    concurrency: Annotated[int, Field(ge=1, le=64), WHOLE] = 1
    triggers: list[Trigger] = []
    nodes: Constraints = []
