"""The keys of a service that hold one text with a rule: modes, policies, signals, addresses.

Each rule is Docker's own, said before publishing instead of by an engine that nobody watches. No mode shares with another container
by its name: which container a name is on a node changes with every revision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from protocol.manifest.port import is_address
from protocol.manifest.section import SIZE, TEXT, Form, Pattern, as_text, one_or_many
from protocol.measures import size_bytes


@dataclass(frozen=True, eq=False)
class Sharing(Pattern):
    """A pattern that says why nothing is shared with another container by its name, and what to do instead."""

    instead: str = "write host"

    def check(self, text: str) -> str:
        """The text, or a fault."""
        if text.startswith(("service:", "container:")):
            raise ValueError(
                f"{text!r} is what another container has, and which one that is changes with every update; {self.instead}"
            )
        return super().check(text)


def one_of(what: str, *words: str, instead: str = "write host") -> Pattern:
    """A text that is one of these words."""
    return Sharing("|".join(words), f"{{}} is no mode of {what}; write {' or '.join(words)}", instead)


BY_NAME = "remove it: services of a stack reach each other by name; or write host, and the node's network is shared"

NetworkMode = Annotated[str, one_of("network_mode", "host", "none", "bridge", instead=BY_NAME)]
Ipc = Annotated[str, one_of("ipc", "host", "private", "shareable", "none")]
HostOnly = Annotated[str, one_of("sharing with the node", "host")]
Cgroup = Annotated[str, one_of("cgroup", "host", "private")]


def _seccomp(text: str) -> str:
    kind, _, profile = text.replace("=", ":", 1).partition(":")
    if kind == "seccomp" and profile != "unconfined" and not profile.startswith("{"):
        raise ValueError(f"the profile of {text!r} is a file of your machine; write its JSON, or seccomp:unconfined")
    if kind == "systempaths":
        raise ValueError(f"{text!r} is an option of Docker's command line, not of engines; remove it")
    return text


SecurityOpt = list[Annotated[str, AfterValidator(_seccomp)]]


def _server(text: str) -> str:
    if not is_address(text):
        raise ValueError(f"{text!r} is no address of a name server; write it like 192.168.1.1")
    return text


PORT_NUMBER = Form(as_text, "text or a whole number", ({"type": "integer", "minimum": 1, "maximum": 65535},))


def _pull_policy(value: object) -> object:
    if value == "build":
        raise ValueError("nodes do not build; push the image to a registry, and write always, missing or never")
    if value in {"daily", "weekly", "refresh"} or (isinstance(value, str) and value.startswith("every_")):
        reason = f"{value!r} would update at times that nobody watches"
        raise ValueError(f"{reason}; write always, and call `bramble pull` when tags are to be looked up again")
    return "missing" if value == "if_not_present" else value


PullPolicy = Annotated[Literal["always", "missing", "never"], Form(_pull_policy, "", ({"const": "if_not_present"},))]
MacAddress = Annotated[
    str, Pattern("[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}", "{} is no address of a card; write it like 02:42:ac:11:00:02")
]
ContainerName = Annotated[
    str,
    Pattern("[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}", "{} is no name of a container; use letters, digits, and inner . _ -"),
]
Processors = Annotated[
    str, Pattern("[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*", "{} are no processors; write them like 0-2 or 1,3")
]
Signal = Annotated[str, Pattern("(SIG)?[A-Z][A-Z0-9+-]*|[0-9]{1,2}", "{} is no signal; write it like SIGINT")]


def _exposed(text: str) -> str:
    first, _, last = text.partition("/")[0].partition("-")
    if not 1 <= int(first) <= int(last or first) <= 65535:
        raise ValueError(f"{text!r} is no port; write it like 80 or 80/udp")
    return text


Exposed = Annotated[
    str,
    Pattern("[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp|sctp))?", "{} is no port; write it like 80 or 80/udp"),
    AfterValidator(_exposed),
    PORT_NUMBER,
]
Servers = Annotated[
    list[Annotated[str, AfterValidator(_server)]], Form(one_or_many, "text, or a list of text", (TEXT,))
]
CgroupRule = Annotated[
    str, Pattern(r"[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}", "{} is no rule; write it like c 188:* rwm")
]
Platform = Annotated[str, Pattern("[a-z0-9]+(/[a-z0-9]+){0,2}", "{} is no platform; write it like linux/arm64")]


def _swap(value: object) -> object:
    return -1 if value in (-1, "-1") else size_bytes(value)


Swap = Annotated[int, Field(ge=-1), Form(_swap, "a size, -1 for no limit", (SIZE,))]
