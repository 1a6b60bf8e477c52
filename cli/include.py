"""Compose's `include`: another project's services, volumes and so on beside one's own, each with its own directory and variables.

What both name alike is a fault, unless it is the same; a later file of `-f` may still be merged over what was included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cli.parts import Findings, Part, plain
from protocol.reading.document import Path

SECTIONS = ("services", "networks", "volumes", "configs", "secrets", "sensors", "actuators", "functions")
_KEYS = {"path", "project_directory", "env_file"}
_REMEDY = "write FILE, or {path, project_directory, env_file}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One entry: the files of the other project, merged in their order; its directory and its variables, if they are named."""

    at: Path
    entry: Part
    files: tuple[Part, ...]
    directory: str = ""
    env_files: tuple[str, ...] = ()


def wanted(include: Part, findings: Findings) -> list[Wanted]:
    """Read the section; what is no entry is told."""
    if include.value is not None and not isinstance(include.value, list):
        findings.fault(include.place, ("include",), "this must be a list of files", _REMEDY)
    found = []
    for place, entry in enumerate(include.items):
        path = entry.get("path") if entry.mapping else entry
        files = _texts(path)
        at: Path = ("include", place)
        if not files or set(entry.mapping) - _KEYS:
            findings.fault(entry.place, at, "this names no file to include", _REMEDY)
            continue
        env_files = tuple(part.text for part in _texts(entry.get("env_file")))
        found.append(Wanted(at, entry, files, entry.get("project_directory").text, env_files))
    return found


def _texts(part: Part) -> tuple[Part, ...]:
    return tuple(item for item in (part.items or [part]) if item.text)


def imported(root: Part, other: Part, findings: Findings) -> Part:
    """A document with what another project has."""
    for section in SECTIONS:
        theirs = other.get(section).mapping
        if not theirs:
            continue
        ours = root.get(section)
        for name, part in theirs.items():
            if name in ours.mapping and plain(ours.mapping[name]) != plain(part):
                place = f"{part.place.source.name}:{part.place.line}"
                remedy = "rename one, or say the difference in a further file of -f"
                findings.fault(
                    ours.mapping[name].place, (section, name), f"{place}, which is included, names one as well", remedy
                )
        root = root.having(section, replace(ours, value={**theirs, **ours.mapping}))
    return root
