"""What a controller must be told: which fleet, where the broker is, where to remember things. Read once, at the start.

A TOML file, then the environment over it: `BRAMBLE_` and the name of a field in capitals. Unknown keys are refused by name. The
figures by which it decides stand under `[terms]` (`controller.decide.terms`). Everything has a default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from controller.decide.terms import Terms
from link.settings import KEEPALIVE_S, LinkSettings
from protocol.ids import RESERVED_PREFIX, Name
from protocol.refusal import Refusal
from protocol.shapes import Bounds, Shape

DEFAULT_FILE = Path("/etc/bramble/controller.toml")
PREFIX = "BRAMBLE_"
MQTT_PORT = 1883

METRICS_PORT = 9274
"""Free in Prometheus' list of default ports of exporters."""

RECEIVE_BYTES = 16 * 1024 * 1024
"""A manifest that is far too large must still arrive, so that its publisher is told: brokers drop in silence what a client
does not want. Larger ones are the broker's own business (`message_size_limit`)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one controller. `metrics_port = 0` serves no metrics."""

    fleet: Name = "default"
    broker_host: str = "localhost"
    broker_port: Annotated[int, Bounds(least=1, most=65535)] = MQTT_PORT
    broker_username: str = ""
    broker_password_file: str = ""
    keepalive_s: Annotated[int, Bounds(least=2, most=600)] = KEEPALIVE_S
    state_dir: str = "/var/lib/bramble/controller"
    metrics_port: Annotated[int, Bounds(least=0, most=65535)] = METRICS_PORT
    metrics_host: str = "127.0.0.1"
    terms: Terms = field(default_factory=Terms)

    def link(self) -> LinkSettings:
        """The controller's end of the link. A fleet has one controller: a second one takes over visibly."""
        password = Path(self.broker_password_file).read_text().strip() if self.broker_password_file else ""
        return LinkSettings(
            self.broker_host,
            self.broker_port,
            f"{RESERVED_PREFIX}controller-{self.fleet}",
            self.broker_username,
            password,
            self.keepalive_s,
            receive_bytes=RECEIVE_BYTES,
        )


_SHAPE = Shape(Settings)
_NUMBERS = frozenset({"broker_port", "keepalive_s", "metrics_port"})


def read(path: Path | None, environ: Mapping[str, str]) -> Settings | Refusal:
    """The settings of a file (None: the default one, if it is there) under the environment."""
    document = _document(path)
    if isinstance(document, Refusal):
        return document
    for name in Settings.__dataclass_fields__:
        text = environ.get(PREFIX + name.upper())
        if text is None or name == "terms":
            continue
        if name in _NUMBERS and not (text.isascii() and text.isdigit()):
            return Refusal(f"{text!r} is no number", PREFIX + name.upper())
        document[name] = int(text) if name in _NUMBERS else text
    settings = _SHAPE.read(document)
    return Refusal(settings, str(path or DEFAULT_FILE)) if isinstance(settings, str) else settings


def _document(path: Path | None) -> dict[str, Any] | Refusal:
    file = path or DEFAULT_FILE
    if path is None and not file.exists():
        return {}
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        return Refusal(f"cannot be read: {error.strerror}", str(file))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Refusal(f"is no TOML: {error}", str(file))
