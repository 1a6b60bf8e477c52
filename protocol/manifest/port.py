"""`ports` of a service: the long form, and the short one with its ranges (`8000-8005:8000-8005`).

A port is published on the node where its task runs; there is no mesh between nodes. One without a published port is open to the
container's networks only: a number that the engine draws would be known to nobody.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from protocol.manifest.section import Form, Section, Whole

LARGEST_RANGE = 1000
"""Docker starts a process for each published port."""

_SPAN = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_FORM = "write it like 8080:80, 80, 8000-8005:8000-8005 or 127.0.0.1:8080:80/udp"


def _published(value: object) -> object:
    if isinstance(value, str) and _SPAN.fullmatch(value) and "-" in value:
        raise ValueError(
            f"{value} for one port leaves the choice to the engine, and nobody would know it; write one port"
        )
    return int(value or 0) if isinstance(value, str) and re.fullmatch("[0-9]{0,5}", value) else value


def _mode(value: object) -> object:
    if value == "ingress":
        raise ValueError(
            "there is no mesh that leads from every node to a task; write host, and ask a node that runs one"
        )
    return value


class Port(Section):
    """A published port; the short form is read into the same."""

    passed_over: ClassVar = {"name": "a word for people", "app_protocol": "a hint for other tools"}

    target: Whole = Field(ge=1, le=65535)
    published: Annotated[
        int,
        Field(ge=0, le=65535),
        Form(_published, "a whole number", ({"type": "string", "pattern": "^[0-9]{0,5}$"},)),
    ] = 0
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    host_ip: str = ""
    mode: Annotated[Literal["host"], Form(_mode)] = "host"


class Ports(Port):
    """A short form with ranges: `count` ports from these on."""

    count: int = 1


def _short(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value
    address, _, kind = value.partition("/")
    *host, target = address.rsplit(":", 2)
    inside, outside = _span(value, target), _span(value, host[-1]) if host and host[-1] else range(0)
    if outside and len(outside) != len(inside):
        raise ValueError(f"{value!r} has {len(outside)} ports outside and {len(inside)} inside; publish each to one")
    if kind not in {"", "tcp", "udp", "sctp"}:
        raise ValueError(f"{kind!r} in {value!r} is no protocol of a port; there are tcp, udp and sctp")
    ip = host[0].strip("[]") if len(host) == 2 else ""
    if ip and not is_address(ip):
        raise ValueError(f"{ip!r} in {value!r} is no address; write it like 127.0.0.1:8080:80")
    first = outside.start if outside else 0
    return _made(target=inside.start, published=first, protocol=kind or "tcp", host_ip=ip, count=len(inside))


def _span(value: str, text: str) -> range:
    match = _SPAN.fullmatch(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last <= 65535:
        raise ValueError(f"{value!r} is no port; {_FORM}")
    if last - first >= LARGEST_RANGE:
        raise ValueError(f"{value!r} is more than {LARGEST_RANGE} ports; use `network_mode: host` for so many")
    return range(first, last + 1)


def _made(**fields: Any) -> Ports:
    return Ports(**fields)


def is_address(text: str) -> bool:
    """Whether a text is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


PortItem = Annotated[
    Port,
    Form(
        _short,
        "keys as below, or `8080:80`, `80`, `127.0.0.1:8080-8085:80-85/udp`",
        (
            {"type": "string", "pattern": r"^(.*:)?[0-9-]+(/(tcp|udp|sctp))?$"},
            {"type": "integer", "minimum": 1, "maximum": 65535},
        ),
    ),
]
