"""Compose's rules for a document that is merged over another, and for a service that extends another.

Mappings are merged, lists appended, anything else replaced. Some places have rules of their own, which stand in the tables
below: what is a list or a mapping alike (`environment`, `labels` …) becomes a mapping; commands are replaced; in lists whose
items have a key (a port, a volume's target …) an item replaces the one of the same key. `!override` replaces whatever there
was, `!reset` removes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cli.parts import RESET, Findings, Part, pairs
from protocol.reading.document import Path

_SERVICE = ("services", "*")

REPLACED = frozenset(
    {
        (*_SERVICE, "command"),
        (*_SERVICE, "entrypoint"),
        (*_SERVICE, "healthcheck", "test"),
        ("functions", "*", "command"),
        ("functions", "*", "entrypoint"),
    }
)
"""A list here is one sentence: half of one and half of another means nothing."""

PAIRS = frozenset(
    {
        (*_SERVICE, "environment"),
        (*_SERVICE, "labels"),
        (*_SERVICE, "annotations"),
        (*_SERVICE, "sysctls"),
        (*_SERVICE, "deploy", "labels"),
        (*_SERVICE, "build", "args"),
        (*_SERVICE, "build", "labels"),
        ("functions", "*", "environment"),
        ("networks", "*", "labels"),
        ("volumes", "*", "labels"),
        ("configs", "*", "labels"),
        ("secrets", "*", "labels"),
    }
)
"""`KEY=value` in a list, or a mapping."""

NAMED: dict[tuple[str, ...], dict[str, str | bool] | None] = {
    (*_SERVICE, "networks"): None,
    (*_SERVICE, "depends_on"): {"condition": "service_started", "required": True},
}
"""A list of names, or a mapping of them; what a name alone stands for."""

SETS = frozenset(
    (*_SERVICE, key)
    for key in ("cap_add", "cap_drop", "dns", "dns_opt", "dns_search", "expose", "group_add", "links", "profiles")
) | {(*_SERVICE, "networks", "*", "aliases"), (*_SERVICE, "env_file"), (*_SERVICE, "label_file")}
"""One text or a list of them, in which nothing stands twice."""

ONE_OR_MANY = SETS | {
    (*_SERVICE, "tmpfs"),
    (*_SERVICE, "deploy", "placement", "constraints"),
    ("sensors", "*", "nodes"),
    ("actuators", "*", "nodes"),
    ("functions", "*", "nodes"),
}
"""A text stands for a list of one."""


def merged(base: Part, over: Part, path: Path, findings: Findings) -> Part:
    """Merge a part over another of the same path."""
    if over.tag or base.tag == RESET or base.value is None:
        return over
    pattern = _pattern(path)
    if over.value is None and pattern[-2:-1] != ("environment",):
        return base
    if pattern in REPLACED:
        return over
    base, over = _alike(base, pattern), _alike(over, pattern)
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        return _mapping(base, over, path, findings)
    if isinstance(base.value, list) and isinstance(over.value, list):
        return replace(base, value=_items(base.value, over.value, pattern))
    if _kind(base) != _kind(over) and pattern not in _LOOSE:
        reason = f"this must be {_kind(base)}, as in {base.place.source.name}:{base.place.line}"
        findings.fault(over.place, path, reason, "or write !override before it")
    return over


def _kind(part: Part) -> str:
    return "a mapping" if isinstance(part.value, dict) else "a list" if isinstance(part.value, list) else "one value"


_LOOSE = frozenset({(*_SERVICE, "ulimits", "*"), (*_SERVICE, "extends"), (*_SERVICE, "build")})
"""A number or a mapping, a text or a mapping: the later one stands."""


def _pattern(path: Path) -> tuple[str, ...]:
    """The path with `*` for the names that people give."""
    steps = ["*" if isinstance(step, int) else step for step in path]
    if len(steps) > 1:
        steps[1] = "*"
    if steps[2:3] in (["networks"], ["ulimits"], ["depends_on"]) and len(steps) > 3:
        steps[3] = "*"
    return tuple(steps)


def _mapping(base: Part, over: Part, path: Path, findings: Findings) -> Part:
    known = base.mapping
    if _pattern(path) == (*_SERVICE, "logging") and _driver(base) not in ("", _driver(over)) and _driver(over):
        return over
    new = {
        key: merged(known[key], part, (*path, key), findings) if key in known else part
        for key, part in over.mapping.items()
    }
    return replace(base, value=known | new)


def _driver(part: Part) -> str:
    return part.get("driver").text


def _alike(part: Part, pattern: tuple[str, ...]) -> Part:
    """The one form of what may be written in two."""
    if pattern in PAIRS and isinstance(part.value, list):
        return pairs(part)
    if pattern in NAMED and isinstance(part.value, list):
        return replace(part, value={str(item.value): _named(item, NAMED[pattern]) for item in part.value})
    if pattern in ONE_OR_MANY and isinstance(part.value, str):
        return replace(part, value=[part])
    if pattern == (*_SERVICE, "extra_hosts") and isinstance(part.value, dict):
        return replace(part, value=[item for name, host in part.value.items() for item in _hosts(name, host)])
    return part


def _named(item: Part, meaning: dict[str, str | bool] | None) -> Part:
    value = None if meaning is None else {key: replace(item, value=said) for key, said in meaning.items()}
    return replace(item, value=value)


def _hosts(name: str, addresses: Part) -> list[Part]:
    return [replace(one, value=f"{name}={one.value}") for one in addresses.items or [addresses]]


def _items(base: list[Part], over: list[Part], pattern: tuple[str, ...]) -> list[Part]:
    """Append; where items have keys, a later one takes the place of an earlier one of the same key."""
    key = _KEYS.get(pattern) or (_itself if pattern in SETS else None)
    if key is None:
        return [*base, *over]
    found: dict[object, Part] = {}
    for item in (*base, *over):
        found[key(item)] = item
    return list(found.values())


def _itself(item: Part) -> object:
    return item.get("path").value if item.mapping else item.value


def _port(item: Part) -> object:
    """Address, published and target port, and protocol: what makes a published port one and the same."""
    if item.mapping:
        published, target = item.get("published").value, item.get("target").value
        return item.get("host_ip").text, str(published or ""), str(target), item.get("protocol").text or "tcp"
    address, _, kind = str(item.value).partition("/")
    *host, target = address.rsplit(":", 2)
    return (host[0] if len(host) > 1 else "").strip("[]"), host[-1] if host else "", target, kind or "tcp"


def _target(item: Part) -> object:
    """Where a volume or device is in the container: the second part of `source:target:mode`, or the only one."""
    if item.mapping:
        return item.get("target").value
    source, _, rest = str(item.value).partition(":")
    return rest.partition(":")[0] or source


def _first(item: Part) -> object:
    return str(item.value).partition(":")[0]


def _granted(root: str) -> Callable[[Part], object]:
    """Where a config or secret is in the container; a name alone is a file of that name below `root`."""

    def key(item: Part) -> object:
        name = item.get("source").text if item.mapping else item.text
        target = item.get("target").text or name
        return target if target.startswith("/") else f"{root}/{target}"

    return key


_KEYS: dict[tuple[str, ...], Callable[[Part], object]] = {
    (*_SERVICE, "ports"): _port,
    (*_SERVICE, "volumes"): _target,
    (*_SERVICE, "devices"): _target,
    (*_SERVICE, "tmpfs"): _first,
    (*_SERVICE, "configs"): _granted(""),
    (*_SERVICE, "secrets"): _granted("/run/secrets"),
    (*_SERVICE, "extra_hosts"): _itself,
}
