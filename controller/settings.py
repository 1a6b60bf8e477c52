"""What a controller must be told: which fleet, where the broker is, where to remember things. Read once, at the start.

A TOML file, then the environment over it: `BRAMBLE_` and the name of a field in capitals. Unknown keys are refused by name. The
figures by which it decides stand under `[terms]` (`controller.decide.terms`). Everything has a default.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from controller.decide.home_assistant.desk import HomeAssistant
from controller.decide.terms import MirrorRule, Terms
from link import told
from link.settings import KEEPALIVE_S, LinkSettings
from protocol import constraint
from protocol.desired import Login
from protocol.ids import RESERVED_PREFIX, Name
from protocol.refusal import Refusal
from protocol.shapes import Bounds, Shape

DEFAULT_FILE = Path("/etc/bramble/controller.toml")
MQTT_PORT = 1883

LISTENER = f"{RESERVED_PREFIX}listener"
"""Who listens on the broker before it is a controller."""

METRICS_PORT = 9274
"""Free in Prometheus' list of default ports of exporters."""

RECEIVE_BYTES = 16 * 1024 * 1024
"""A manifest that is far too large must still arrive, so that its publisher is told: brokers drop in silence what a client
does not want. Larger ones are the broker's own business (`message_size_limit`)."""


DISCOVERY_PREFIX = "homeassistant"
"""Where Home Assistant looks for devices, unless somebody chose otherwise there."""

PREFIX = r"^([A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*)?$"
PATTERNS = r"^([a-z0-9.*?-]+( +[a-z0-9.*?-]+)*)?$"
TOPIC = r"^[^+#\x00/][^+#\x00]{0,199}$"


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """One registry (`host:port`): how it is spoken to, and who the fleet is there. A stack may bring a login of its own."""

    host: str
    username: str = ""
    password_file: str = ""
    insecure: bool = False

    def login(self) -> Login:
        """What the fleet says to it."""
        password = told.password(self.password_file)
        assert isinstance(password, str), "`read` has looked"
        return Login(self.host, self.username, password)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one controller. `metrics_port = 0` serves no metrics.

    `image_lookup_s` is how long a manifest waits for registries to say what its tags mean; 0 asks none. `[[registries]]` and
    `[[mirrors]]` say where images come from. `home_assistant` is the prefix below which Home Assistant looks for devices; without
    one it is told nothing. On `home_assistant_status` it says when it begins. `home_assistant_without` are functions that are not
    shown to it: `stack.function`, with `*` and `?`, one after the other.
    """

    fleet: Name = "default"
    broker_host: str = "localhost"
    broker_port: Annotated[int, Bounds(least=1, most=65535)] = MQTT_PORT
    broker_username: str = ""
    broker_password_file: str = ""
    keepalive_s: Annotated[int, Bounds(least=2, most=600)] = KEEPALIVE_S
    state_dir: str = "/var/lib/bramble/controller"
    metrics_port: Annotated[int, Bounds(least=0, most=65535)] = METRICS_PORT
    metrics_host: str = "127.0.0.1"
    image_lookup_s: Annotated[float, Bounds(least=0, most=600)] = 10.0
    home_assistant: Annotated[str, Bounds(pattern=PREFIX)] = ""
    home_assistant_without: Annotated[str, Bounds(pattern=PATTERNS)] = ""
    home_assistant_status: Annotated[str, Bounds(pattern=TOPIC)] = "homeassistant/status"
    registries: tuple[RegistrySettings, ...] = ()
    mirrors: tuple[MirrorRule, ...] = ()
    terms: Terms = field(default_factory=Terms)

    def decided_by(self) -> Terms:
        """The terms, with what else is said here of images."""
        logins = tuple(registry.login() for registry in self.registries if registry.username)
        return replace(self.terms, image_lookup_s=self.image_lookup_s, logins=logins, mirrors=self.mirrors)

    def shown_to(self) -> HomeAssistant:
        """What Home Assistant is told, and where it says that it is there."""
        return HomeAssistant(
            self.home_assistant, self.home_assistant_status, tuple(self.home_assistant_without.split())
        )

    def listening_link(self) -> LinkSettings:
        """The link by which it hears whether it is to be in charge: under a name that drives nobody off."""
        return replace(self.link(), client_id=f"{LISTENER}-{self.fleet}-{secrets.token_hex(4)}")

    def link(self) -> LinkSettings:
        """The controller's end of the link. A fleet has one controller: the broker lets one of this name in."""
        password = told.password(self.broker_password_file)
        assert isinstance(password, str), "`read` has looked"
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
_WHOLE = ("broker_port", "keepalive_s", "metrics_port")
_TABLES = ("registries", "mirrors", "terms")
_ELSEWHERE = {"image_lookup_s": "image_lookup_s at the top", "logins": "[[registries]]", "mirrors": "[[mirrors]]"}
"""Terms that the settings above them fill in, so that they would do nothing there."""
_FIELDS: Mapping[str, told.Read] = {
    name: told.whole if name in _WHOLE else str for name in Settings.__dataclass_fields__ if name not in _TABLES
} | {"image_lookup_s": told.real}


def read(path: Path | None, environ: Mapping[str, str]) -> Settings | Refusal:
    """The settings of a file (None: the default one, if it is there) under the environment."""
    document = told.document(path, DEFAULT_FILE, environ, _FIELDS)
    if isinstance(document, Refusal):
        return document
    terms = document.get("terms")
    for name in _ELSEWHERE.keys() & (terms.keys() if isinstance(terms, dict) else ()):
        return Refusal(f"terms.{name}: stands outside of [terms]; write {_ELSEWHERE[name]}", str(path or DEFAULT_FILE))
    settings = _SHAPE.read(document)
    if isinstance(settings, str):
        return told.wrong(settings, Settings, path or DEFAULT_FILE)
    return _refused(settings) or settings


def with_home_assistant(settings: Settings, prefix: str | None) -> Settings | Refusal:
    """The settings, with a prefix that was given beside them, or None."""
    if prefix is None:
        return settings
    if not re.fullmatch(PREFIX, prefix):
        return Refusal(
            f"{prefix!r} is no prefix of topics; Home Assistant's own is {DISCOVERY_PREFIX}", "--home-assistant"
        )
    return replace(settings, home_assistant=prefix)


def _refused(settings: Settings) -> Refusal | None:
    """What is wrong with a setting that names something else."""
    for file in (settings.broker_password_file, *(registry.password_file for registry in settings.registries)):
        if isinstance(password := told.password(file), Refusal):
            return password
    said = (constraint.parse(text) for mirror in settings.mirrors for text in mirror.nodes)
    return next((Refusal(wrong, "mirrors") for wrong in said if isinstance(wrong, str)), None)
