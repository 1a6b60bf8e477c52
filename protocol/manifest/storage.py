"""Volumes, bind mounts and tmpfs of a service, and the top-level `volumes`: long forms and short ones.

A volume is its node's own: a task that moves to another node finds another one there, unless `driver_opts` lead to a server (NFS).
`/data` alone is kept like a named volume, `STACK_SERVICE_…`, so that an update finds it again; the engine would make a new one with
every container.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from protocol.manifest.section import FLAG, FileMode, Flag, Form, Pairs, Pattern, Schema, Section, Size, or_nothing
from protocol.measures import size_bytes

PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")

_SELINUX = "only SELinux reads it, and no system that nodes run has it; remove it"
_MACS = frozenset({"cached", "delegated", "consistent"})
_BOUNDS = frozenset({"rw", "noexec", "nosuid", "nodev"})
# What Docker mounts every tmpfs with.


class Bind(Section):
    """Options of a bind mount."""

    refused: ClassVar = {"selinux": _SELINUX, "recursive": "engines before 25 do not know it; remove it"}

    propagation: Literal["", "private", "rprivate", "shared", "rshared", "slave", "rslave"] = ""
    create_host_path: Flag = True


class Keep(Section):
    """Options of a mounted volume."""

    refused: ClassVar = {
        "subpath": "engines before 26 do not know it; mount the whole volume, or one for each part",
        "labels": "labels belong to the volume itself; write them under the top-level `volumes`",
    }

    nocopy: Flag = False


class Memory(Section):
    """Options of a tmpfs."""

    size: Size = 0
    mode: FileMode = 0


class Mount(Section):
    """A volume, bind mount or tmpfs of a service; the short form is read into the same."""

    refused: ClassVar = {"image": "engines before 28 mount no images; copy the files into the service's own image"}
    passed_over: ClassVar = {"consistency": "it is for Docker on a Mac"}

    type: Literal["volume", "bind", "tmpfs"]
    target: Annotated[str, Pattern("/.*", "{} is no path in the container; begin it with /")]
    source: str = ""
    read_only: Flag = False
    bind: Bind | None = None
    volume: Keep | None = None
    tmpfs: Memory | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Mount:
        if self.type == "bind" and not self.source.startswith(("/", "{{")):
            raise ValueError(f"{self.source!r} is relative to your machine, not to a node; write an absolute path")
        if self.type == "tmpfs" and self.source:
            raise ValueError("a tmpfs has no source; remove it")
        others = [kind for kind in ("bind", "volume", "tmpfs") if kind != self.type and getattr(self, kind)]
        if others:
            raise ValueError(f"`{others[0]}` is for mounts of that type, and this is a {self.type}; remove it")
        return self


def _short(value: object) -> object:
    if not isinstance(value, str):
        return value
    source, colon, rest = value.partition(":")
    target, _, options = rest.partition(":")
    if not colon:
        return {"type": "volume", "target": value}
    is_bind = source.startswith(("/", ".", "~", "{{"))
    read: dict[str, Any] = {"type": "bind" if is_bind else "volume", "source": source, "target": target}
    for option in filter(None, options.split(",")):
        read |= _option(option, is_bind=is_bind)
    return read


def _option(option: str, *, is_bind: bool) -> dict[str, Any]:
    """One word after the second colon."""
    if option in {"ro", "rw"}:
        return {"read_only": option == "ro"}
    if option in PROPAGATIONS and is_bind:
        return {"bind": {"propagation": option}}
    if option == "nocopy" and not is_bind:
        return {"volume": {"nocopy": True}}
    if option in {"z", "Z"}:
        raise ValueError(f"{option!r} is no mode here: {_SELINUX}")
    if option in _MACS:
        return {}
    raise ValueError(f"{option!r} is no mode of such a mount; write ro or rw")


def _tmpfs(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("a tmpfs is a text; write it like /run or /run:size=64m,mode=1777")  # noqa: TRY004
    target, _, options = value.partition(":")
    read: dict[str, Any] = {}
    for option in filter(None, options.split(",")):
        name, _, given = option.partition("=")
        if name == "size":
            read["size"] = size_bytes(given)
        elif name == "mode" and re.fullmatch("[0-7]{1,5}", given):
            read["mode"] = int(given, 8)
        elif option not in _BOUNDS:
            raise ValueError(f"the engine does not take {option!r} of a tmpfs; size= and mode= it takes")
    return {"type": "tmpfs", "target": target, "tmpfs": read}


MountItem = Annotated[
    Mount,
    Form(_short, "keys as below, or `data:/data`, `/srv:/srv:ro`, `/data`", ({"type": "string", "pattern": "/"},)),
]
Tmpfs = Annotated[
    list[Annotated[Mount, Form(_tmpfs, "`/run`, `/run:size=64m,mode=1777`", ({"type": "string"},), is_all=True)]],
    Form(lambda value: [value] if isinstance(value, str) else value, "text, or a list of text", ({"type": "string"},)),
]

_ELSEWHERE: Schema = {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": False}

_VOLUME_NAME = Pattern(
    r"(?s:[A-Za-z0-9][A-Za-z0-9_.-]*|.*\{\{.*)", "{} is no name of a volume or network on the engine"
)


class Outside(Section):
    """Something of the engine's with a name of its own; an external one must be there already."""

    name: Annotated[str, _VOLUME_NAME] | None = None
    external: Annotated[bool, Form(FLAG.read, FLAG.says, (*FLAG.short, _ELSEWHERE))] = False

    @model_validator(mode="before")
    @classmethod
    def _name_within_external(cls, value: Any) -> Any:
        """`external: {name: x}` is the older form of two keys."""
        within = value.get("external") if isinstance(value, dict) else None
        if isinstance(within, dict) and set(within) <= {"name"}:
            return {**value, "external": True, **within}
        return value


class NamedVolume(Outside):
    """A named volume; where no driver is named, the engine's local one keeps it on the node."""

    driver: str = ""
    driver_opts: Pairs = {}
    labels: Pairs = {}

    @model_validator(mode="after")
    def _external_says_no_more(self) -> NamedVolume:
        if self.external and (self.driver or self.driver_opts or self.labels):
            raise ValueError("an external volume is as it is; remove its driver, driver_opts and labels")
        return self


NamedVolumes = dict[
    Annotated[str, Pattern(r"[A-Za-z0-9._-]+", "{} is no name; use letters, digits, dots, dashes and underscores")],
    Annotated[NamedVolume, Form(or_nothing, "", ({"type": "null"},)), Field()],
]
