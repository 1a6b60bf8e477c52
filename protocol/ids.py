"""Names people give, and ids derived from content.

Nothing here is random: the same cause gives the same id (law 8), so a duplicate meets itself and dies. Digests are SHA-256,
shortened; the lengths are chosen so that a fleet of 10,000 nodes sees a collision less than once in a billion years.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import MISSING, fields
from functools import lru_cache
from typing import Annotated, Any

from protocol.shapes import Bounds, JsonValue, parts_of

NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
"""A DNS label (RFC 1123): usable as a host name, a topic level, a container name and a certificate's CN."""

RESERVED_PREFIX = "svc-"
"""Names of our own services on the broker; no node may carry one."""

REVISION_CHARS = 12
"""48 bits: a stack has thousands of revisions at the very most."""

INVOCATION_CHARS = 20
"""80 bits: a busy fleet makes some 10^9 invocations a year."""

DOCKER_HUB = "docker.io"
_HUB_NAMES = frozenset({"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
# What `docker login` writes, what the API answers under, and what people copy from the browser.

Name = Annotated[str, Bounds(pattern=NAME_PATTERN)]

_NAME = re.compile(NAME_PATTERN)


def is_name(text: str) -> bool:
    """Whether `text` may name a fleet, node, stack, service, sensor, actuator or function."""
    return bool(_NAME.match(text)) and "\n" not in text


def canonical(document: JsonValue) -> bytes:
    """One byte string for one document, or for one value of dataclasses, whatever the order of its keys."""
    return _ENCODER.encode(document).encode()


_ENCODER = json.JSONEncoder(
    default=parts_of, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


_DEFAULTS: dict[type[Any], dict[str, Any]] = {}


def _told(value: Any) -> dict[str, Any]:
    """What a dataclass holds beside its defaults."""
    defaults = _DEFAULTS.get(type(value))
    if defaults is None:
        defaults = _DEFAULTS[type(value)] = {
            f.name: f.default if f.default_factory is MISSING else f.default_factory() for f in fields(value)
        }
    return {name: part for name in defaults if (part := getattr(value, name)) != defaults[name]}


_BARE_ENCODER = json.JSONEncoder(
    default=_told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def digest(document: JsonValue, chars: int = REVISION_CHARS) -> str:
    """Shortened SHA-256 of the canonical form; `chars` hex characters."""
    return hashlib.sha256(canonical(document)).hexdigest()[:chars]


def content_hash(document: Any) -> str:
    """A digest of what differs from the defaults: fields that one side does not know yet, and that nobody uses, change nothing."""
    return hashlib.sha256(_BARE_ENCODER.encode(document).encode()).hexdigest()[:REVISION_CHARS]


def service_key(stack: str, service: str) -> str:
    """Name a service within the fleet; a function, a sensor or an actuator likewise."""
    return f"{stack}.{service}"


def task_id(stack: str, service: str, slot: str) -> str:
    """Name one placement of a service: `slot` is a number for replicated services, the node's name for global ones."""
    return f"{service_key(stack, service)}.{slot}"


def fact_id(stream: str, sequence: int) -> str:
    """Name one fact for ever: the outbox that took it in, and its place there. An event's CloudEvents id."""
    return f"{stream}-{sequence}"


def invocation_id(cause: str, stack: str, function: str, trigger: int) -> str:
    """Name the one invocation that `cause` (an event's id, or a timer's tick) asks of a function by its n-th trigger."""
    return digest([cause, stack, function, trigger], INVOCATION_CHARS)


@lru_cache(maxsize=1024)  # a node asks for the same few images in every turn
def full_reference(image: str) -> str:
    """Spell out what an image reference leaves unsaid, as Docker does: registry, `library/`, the tag; a digest beats a tag."""
    if image.startswith("sha256:"):
        return image
    name, at, content = image.partition("@")
    first, slash, rest = name.partition("/")
    if not slash or not (set(first) & set(".:") or first == "localhost"):
        first, rest = "docker.io", name
    if first == "docker.io" and "/" not in rest:
        rest = f"library/{rest}"
    path, _, tag = rest.partition(":")
    return f"{first}/{path}@{content}" if at else f"{first}/{path}:{tag or 'latest'}"


def registry_of(image: str) -> str:
    """The registry an image reference names; Docker Hub where it names none."""
    first, slash, _ = image.partition("/")
    return registry_name(first if slash and (set(first) & set(".:") or first == "localhost") else DOCKER_HUB)


def registry_name(registry: str) -> str:
    """One name for each registry: Docker Hub answers to several."""
    return DOCKER_HUB if registry in _HUB_NAMES else registry
