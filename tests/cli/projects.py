"""Projects of a few files in a directory of a test, and what loading makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.output import fault_line
from cli.project import Asked, Project, load

WEB = "services:\n  web:\n    image: web:1\n"
"""The least that is a stack."""


def loaded(
    directory: Path, written: Mapping[str, str], *, environ: Mapping[str, str] | None = None, **asked: Any
) -> Project:
    """Write the files, and load those that are asked for by `files`; else those that end in .yaml and have no directory."""
    for name, text in written.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    named = asked.pop("files", tuple(name for name in written if name.endswith(".yaml") and "/" not in name))
    return load(Asked(tuple(named), **asked), environ or {}, directory)


def content(directory: Path, written: Mapping[str, str], **asked: Any) -> Any:
    """The document that is published, of a project without faults."""
    project = loaded(directory, written, **asked)
    assert faults(project) == []
    return project.content


def faults(project: Project) -> list[str]:
    """What is wrong, as a compiler writes it."""
    return [fault_line(found.file, found.fault) for found in project.findings.faults]


def warnings(project: Project) -> list[str]:
    """What is done otherwise than the files say."""
    return [fault_line(found.file, found.fault) for found in project.findings.warnings]
