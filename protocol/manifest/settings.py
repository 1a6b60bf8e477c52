"""The smaller sections of a service: health, logs, limits of processes, devices, names, and what it waits for.

Each rule is Docker's own, said before publishing instead of by an engine that nobody watches.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from protocol.manifest.section import (
    TEXT,
    Duration,
    Flag,
    Form,
    Pairs,
    Pattern,
    Schema,
    Section,
    Whole,
    or_nothing,
    whole,
)

ULIMITS = (
    "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
    "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
)  # fmt: skip

BOUNDED_DRIVERS = ("local", "json-file")
# They write to the node's own disk.


class Healthcheck(Section):
    """Compose's `healthcheck`. Without `test` it is the image's own, in these intervals."""

    refused: ClassVar = {"start_interval": "engines before 25 ignore it; remove it, `interval` holds from the start"}

    test: list[str] | str = []
    interval: Duration = 30.0
    timeout: Duration = 30.0
    start_period: Duration = 0.0
    retries: Annotated[Whole, Field(ge=1)] = 3
    disable: Flag = False

    @model_validator(mode="after")
    def _is_a_test(self) -> Healthcheck:
        if isinstance(self.test, list) and self.test and self.test[0] not in {"NONE", "CMD", "CMD-SHELL"}:
            raise ValueError(f"a test begins with CMD, CMD-SHELL or NONE, not with {self.test[0]!r}; or write one line")
        return self

    @property
    def command(self) -> tuple[str, ...]:
        """The test in the engine's form."""
        if self.disable:
            return ("NONE",)
        return ("CMD-SHELL", self.test) if isinstance(self.test, str) else tuple(self.test)


class Logging(Section):
    """Where a container's output goes. `local` and `json-file` are bounded on every node, also where nothing is said."""

    driver: str = ""
    options: Pairs = {}

    @model_validator(mode="after")
    def _is_bounded(self) -> Logging:
        if self.effective not in BOUNDED_DRIVERS:
            return self
        size, files = self.options.get("max-size", "10m"), self.options.get("max-file", "3")
        if not re.fullmatch("[1-9][0-9]*[kmgKMG]?[bB]?", size):
            raise ValueError(f"max-size {size!r} sets no bound, and logs would fill the card; write it like 10m")
        if not re.fullmatch("[1-9][0-9]{0,3}", files):
            raise ValueError(f"max-file {files!r} is no number of files; write it like 3")
        return self

    @property
    def effective(self) -> str:
        """The driver; options without one were written for Docker's default."""
        return self.driver or ("json-file" if self.options else "local")


class Ulimit(Section):
    """One limit of the container's processes; -1 is unlimited."""

    soft: Annotated[Whole, Field(ge=-1)]
    hard: Annotated[Whole, Field(ge=-1)]

    @model_validator(mode="after")
    def _soft_is_below(self) -> Ulimit:
        if self.hard != -1 and (self.soft == -1 or self.soft > self.hard):
            raise ValueError(f"the soft limit {self.soft} is above the hard limit {self.hard}")
        return self


def _ulimit(value: object) -> object:
    value = whole(value)
    return {"soft": value, "hard": value} if isinstance(value, int) and not isinstance(value, bool) else value


def _known_ulimit(name: str) -> str:
    if name not in ULIMITS:
        raise ValueError(f"{name!r} is no limit that an engine knows; there are {', '.join(ULIMITS)}")
    return name


Ulimits = dict[
    Annotated[str, AfterValidator(_known_ulimit)],
    Annotated[Ulimit, Form(_ulimit, "a whole number, or keys as below", ({"type": "integer", "minimum": -1},))],
]


class DependsOn(Section):
    """How far another service must be first, where both are on one node."""

    condition: Literal["service_started", "service_healthy", "service_completed_successfully"] = "service_started"
    required: Flag = True
    restart: Flag = False

    @model_validator(mode="after")
    def _restarts_alone(self) -> DependsOn:
        if self.restart:
            raise ValueError("a service is not restarted because another is; remove `restart`, or have it reconnect")
        return self


def _depends_on(value: object) -> object:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return {name: {} for name in value}
    return {name: or_nothing(how) for name, how in value.items()} if isinstance(value, dict) else value


DependsOnAll = Annotated[
    dict[str, DependsOn],
    Form(_depends_on, "a list of services, or a mapping of keys as below", ({"type": "array", "items": TEXT},)),
]


class Device(Section):
    """A device of the node in the container; the node must have it."""

    source: Annotated[str, Pattern("/dev/[^:]+", "{} is no device; write a path below /dev")]
    target: str = ""
    permissions: Annotated[str, Pattern("[rwm]{0,3}", "{} are no permissions; write some of rwm")] = "rwm"


def _device(value: object) -> Any:
    if not isinstance(value, str):
        return value
    source, _, rest = value.partition(":")
    target, _, permissions = rest.partition(":")
    if re.fullmatch("[rwm]{1,3}", target):
        target, permissions = "", target
    return {"source": source, "target": target, "permissions": permissions or "rwm"}


DeviceItem = Annotated[
    Device,
    Form(_device, "keys as below, or `/dev/ttyUSB0:/dev/ttyUSB0:rwm`", ({"type": "string", "pattern": "^/dev/"},)),
]


def extra_hosts(value: object) -> object:
    """`name:address`, whether a list (with `:` or `=`) or a mapping says so."""
    if isinstance(value, dict):
        items = [(name, one) for name, many in value.items() for one in (many if isinstance(many, list) else [many])]
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        items = [
            (found[1], found[2]) if (found := re.fullmatch("([^:=]+)[:=](.+)", item)) else (item, "") for item in value
        ]
    else:
        return value
    for name, address in items:
        if not isinstance(address, str) or not address:
            raise ValueError(f"{name!r} has no address; write it like router:192.168.1.1 or router=192.168.1.1")
    return [f"{name}:{address.strip('[]')}" for name, address in items]


_HOSTS: tuple[Schema, ...] = ({"type": "object", "additionalProperties": {"type": ["string", "array"]}},)
ExtraHosts = Annotated[list[str], Form(extra_hosts, "a list of `name:address`, or a mapping", _HOSTS)]
