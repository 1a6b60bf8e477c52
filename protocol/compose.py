"""The part of the Compose Specification that Bramble carries out: one strict model per section of a service.

Names, short forms and defaults are Compose's, `deploy` has Swarm's semantics. A key that is not here is refused by name and line,
never ignored; only `x-…` keys pass, as the specification asks, and `x-bramble`, which we own, does not pass yet.
"""

from __future__ import annotations

import shlex
from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from protocol.constraint import parse
from protocol.desired import RestartCondition
from protocol.measures import seconds, size_bytes

OWN_EXTENSION = "x-bramble"


class Section(BaseModel):
    """A mapping of the manifest: unknown keys are refused, types are not guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_extensions(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: v for k, v in value.items() if not k.startswith("x-") or k == OWN_EXTENSION}


def words(value: object) -> object:
    """A command as a list, or as one line the way a shell splits it."""
    return shlex.split(value) if isinstance(value, str) else value


def pairs(value: object) -> object:
    """A mapping, or a list of `KEY=value`; numbers and booleans become text as Compose has it."""
    if isinstance(value, list):
        value = dict(str(item).partition("=")[::2] for item in value)
    if isinstance(value, dict):
        return {key: _text(item) for key, item in value.items()}
    return value


def one_or_many(value: object) -> object:
    """A text stands for a list of one."""
    return [value] if isinstance(value, str) else value


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) else value


def _constraint(text: str) -> str:
    said = parse(text)
    if isinstance(said, str):
        raise ValueError(said)  # noqa: TRY004  (pydantic turns it into a fault)
    return text


Duration = Annotated[float, BeforeValidator(seconds)]
Size = Annotated[int, BeforeValidator(size_bytes)]
Cpus = Annotated[float, Field(ge=0, le=1024)]
Words = Annotated[list[str], BeforeValidator(words)]
Pairs = Annotated[dict[str, str], BeforeValidator(pairs)]
Constraints = Annotated[list[Annotated[str, AfterValidator(_constraint)]], BeforeValidator(one_or_many)]
Texts = Annotated[list[str], BeforeValidator(one_or_many)]


def _port(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value
    address, _, kind = value.partition("/")
    *host, target = address.rsplit(":", 2)
    published = host[-1] if host else "0"
    if not target.isdecimal() or not (published.isdecimal() or published == ""):
        raise ValueError(
            f"{value!r} is no port; write it like 8080:80, 80, or 127.0.0.1:8080:80/udp (ranges are not supported)"
        )
    ip = host[0].strip("[]") if len(host) == 2 else ""
    if ip and not _is_address(ip):
        raise ValueError(f"{ip!r} in {value!r} is no address; write it like 127.0.0.1:8080:80")
    return {"target": int(target), "published": int(published or 0), "protocol": kind or "tcp", "host_ip": ip}


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class Port(Section):
    """A published port; the short form is read into the same."""

    target: int = Field(ge=1, le=65535)
    published: Annotated[int, BeforeValidator(lambda v: int(v) if isinstance(v, str) and v.isdecimal() else v)] = Field(
        0, ge=0, le=65535
    )
    protocol: Literal["tcp", "udp"] = "tcp"
    host_ip: str = ""


def _volume(value: object) -> object:
    if not isinstance(value, str):
        return value
    source, _, rest = value.partition(":")
    target, _, mode = rest.partition(":")
    if not rest:
        raise ValueError(f"{value!r} is an anonymous volume; name it, like data:{value}")
    if mode not in {"", "ro", "rw"}:
        raise ValueError(f"{mode!r} is no mode of a volume; write ro or rw")
    kind = "bind" if source.startswith(("/", ".", "~")) else "volume"
    return {"type": kind, "source": source, "target": target, "read_only": mode == "ro"}


class Volume(Section):
    """A volume, bind mount or tmpfs of a service; the short form is read into the same."""

    type: Literal["volume", "bind", "tmpfs"]
    target: str = Field(pattern="^/")
    source: str = ""
    read_only: bool = False

    @model_validator(mode="after")
    def _source_makes_sense(self) -> Volume:
        if self.type == "bind" and not self.source.startswith("/"):
            raise ValueError(f"{self.source!r} is relative to your machine, not to a node; write an absolute path")
        if self.type == "volume" and not self.source:
            raise ValueError("a volume needs a source, the name under the top-level `volumes`")
        return self


class Healthcheck(Section):
    """Compose's `healthcheck`."""

    test: list[str] | str = ""
    interval: Duration = 30.0
    timeout: Duration = 30.0
    start_period: Duration = 0.0
    retries: int = Field(default=3, ge=1)
    disable: bool = False

    @property
    def command(self) -> tuple[str, ...]:
        """The test in the engine's form."""
        if self.disable:
            return ("NONE",)
        return ("CMD-SHELL", self.test) if isinstance(self.test, str) else tuple(self.test)


class Placement(Section):
    """Where tasks may go."""

    constraints: Constraints = []


class Limits(Section):
    """What a container may use at most."""

    cpus: Annotated[Cpus, BeforeValidator(lambda v: float(v) if isinstance(v, str | int) else v)] = 0.0
    memory: Size = 0


class Resources(Section):
    """Only limits so far; reservations are refused by name."""

    limits: Limits = Limits()


class RestartPolicy(Section):
    """When a task is tried again; the delay is the agent's own rule, 10 s doubling to 300 s."""

    condition: Annotated[RestartCondition, Field(strict=False)] = RestartCondition.ANY
    max_attempts: int | None = Field(default=None, ge=0)


class UpdateConfig(Section):
    """How a service is updated, with Swarm's defaults."""

    parallelism: int = Field(default=1, ge=0)
    delay: Duration = 0.0
    monitor: Duration = 5.0
    max_failure_ratio: float = Field(default=0.0, ge=0, le=1)
    failure_action: Literal["pause", "continue", "rollback"] = "pause"
    order: Literal["stop-first", "start-first"] = "stop-first"


class Deploy(Section):
    """Compose's `deploy`."""

    mode: Literal["replicated", "global"] = "replicated"
    replicas: int = Field(default=1, ge=0, le=10_000)
    placement: Placement = Placement()
    resources: Resources = Resources()
    restart_policy: RestartPolicy | None = None
    update_config: UpdateConfig = UpdateConfig()


class Service(Section):
    """One service."""

    image: str = Field(min_length=1)
    command: Words | None = None
    entrypoint: Words | None = None
    environment: Pairs = {}
    labels: Pairs = {}
    ports: list[Annotated[Port, BeforeValidator(_port)]] = []
    volumes: list[Annotated[Volume, BeforeValidator(_volume)]] = []
    tmpfs: Texts = []
    devices: list[str] = []
    cap_add: list[str] = []
    cap_drop: list[str] = []
    security_opt: list[str] = []
    privileged: bool = False
    read_only: bool = False
    init: bool = False
    network_mode: str = ""
    user: str = ""
    working_dir: str = ""
    hostname: str = ""
    cpus: Cpus = 0.0
    mem_limit: Size = 0
    healthcheck: Healthcheck | None = None
    restart: str = ""
    stop_signal: str = ""
    stop_grace_period: Duration = 10.0
    deploy: Deploy = Deploy()
