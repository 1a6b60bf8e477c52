"""What an agent must be told: its name, where the broker is, where to remember things. Read once, at the start.

A TOML file, then the environment over it: `BRAMBLE_` and the name of a field in capitals. Unknown keys are refused by name.
Everything has a default, so a Pi with a broker named `localhost` needs no file at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from link import told
from link.settings import KEEPALIVE_S, LinkSettings
from protocol.ids import RESERVED_PREFIX, Name, is_name
from protocol.measures import size_bytes
from protocol.refusal import Refusal
from protocol.shapes import Bounds, Shape

DEFAULT_FILE = Path("/etc/bramble/agent.toml")
MQTT_PORT = 1883
NO_ENGINE = "none"
LEAST_RATE_BPS = 10_000
# Docker tells of its progress every half a megabyte; more slowly than this a pull would seem to have stalled.


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one agent. `docker_host = "none"` is a node without containers; `metrics_port = 0` serves no metrics.

    `finger` is the path of a named pipe through which mock pins can be touched. `pull_rate` (`500k`) is what all pulls together may
    take of the line in a second; without it they take the whole. With `processes` functions may run as processes of this machine:
    as `process_user` (empty: as the agent), each with `process_memory` and files of `process_file` at most.
    """

    node: Name
    fleet: Name = "default"
    broker_host: str = "localhost"
    broker_port: Annotated[int, Bounds(least=1, most=65535)] = MQTT_PORT
    broker_username: str = ""
    broker_password_file: str = ""
    keepalive_s: Annotated[int, Bounds(least=2, most=600)] = KEEPALIVE_S
    state_dir: str = "/var/lib/bramble/agent"
    docker_host: str = "unix:///var/run/docker.sock"
    pin_factory: str = ""
    finger: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    health_s: Annotated[float, Bounds(least=1, most=3600)] = 30.0
    metrics_port: Annotated[int, Bounds(least=0, most=65535)] = 0
    metrics_host: str = "127.0.0.1"
    pull_rate: str = ""
    processes: bool = False
    process_user: str = ""
    process_memory: str = "256M"
    process_file: str = "64M"

    @property
    def pull_rate_bps(self) -> int:
        """The cap of all pulls in bytes a second; 0 is none."""
        return size_bytes(self.pull_rate) if self.pull_rate else 0

    @property
    def has_engine(self) -> bool:
        """Whether this node is meant to have a Docker Engine."""
        return self.docker_host not in ("", NO_ENGINE)

    def link(self) -> LinkSettings:
        """The agent's end of the link. Only the node itself connects under its name, so a second one takes over visibly."""
        password = told.password(self.broker_password_file)
        assert isinstance(password, str), "`read` has looked"
        return LinkSettings(
            self.broker_host, self.broker_port, self.node, self.broker_username, password, self.keepalive_s
        )


_SHAPE = Shape(Settings)


def read(path: Path | None, environ: Mapping[str, str], hostname: str) -> Settings | Refusal:
    """The settings of a file (None: the default one, if it is there) under the environment."""
    document = told.document(path, DEFAULT_FILE, environ, _FIELDS)
    if isinstance(document, Refusal):
        return document
    document.setdefault("node", hostname.partition(".")[0].lower())
    refused = _name_refused(str(document["node"]))
    if refused:
        return Refusal(f"{refused}; set {told.PREFIX}NODE")
    settings = _SHAPE.read(document)
    if isinstance(settings, str):
        return told.wrong(settings, Settings, path or DEFAULT_FILE)
    refused = _sizes_refused(settings)
    if refused:
        return Refusal(refused)
    password = told.password(settings.broker_password_file)
    return password if isinstance(password, Refusal) else settings


def _name_refused(node: str) -> str:
    if node.startswith(RESERVED_PREFIX):
        return f"{node!r} begins with {RESERVED_PREFIX}, as our own services do"
    return "" if is_name(node) else f"{node!r} cannot name a node (lower-case letters, digits, hyphens)"


def _sizes_refused(settings: Settings) -> str:
    refused = _rate_refused(settings.pull_rate)
    if refused:
        return f"pull_rate: {refused}"
    for name in ("process_memory", "process_file"):
        try:
            size_bytes(getattr(settings, name))
        except ValueError as error:
            return f"{name}: {error}"
    return ""


def _rate_refused(rate: str) -> str:
    try:
        is_too_low = bool(rate) and size_bytes(rate) < LEAST_RATE_BPS
    except ValueError as error:
        return str(error)
    return f"{rate!r} is less than {LEAST_RATE_BPS} bytes a second" if is_too_low else ""


def _flag(text: str) -> bool | Refusal:
    return text == "true" if text in ("true", "false") else Refusal(f"{text!r} is neither true nor false")


def _labels(text: str) -> dict[str, str] | Refusal:
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    if not all(key and sign for key, sign, _ in pairs):
        return Refusal(f"{text!r} is not like site=home,place=porch")
    return {key: value for key, _, value in pairs}


_FIELDS: Mapping[str, told.Read] = dict.fromkeys(Settings.__dataclass_fields__, str) | {
    "broker_port": told.whole, "keepalive_s": told.whole, "metrics_port": told.whole, "health_s": told.real, "labels": _labels,
    "processes": _flag,
}  # fmt: skip
