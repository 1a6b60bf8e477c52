"""A project, loaded from here and checked as the controller would check it; what is wrong with it ends the command.

Faults are written as a compiler writes them, with the file that somebody wrote; with `-o json` as a status of the stack whose
faults have a `file` as well. Warnings go to standard error and end nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from cli.errors import Code, CommandError, tell
from cli.output import fault_line, print_json
from cli.parts import Fault
from cli.project import Asked, Project, load, name_alone
from cli.terminal import Terminal
from protocol import ids
from protocol.operator import StackStatus, Verdict


def checked(terminal: Terminal, asked: Asked) -> Project:
    """Load a project; nothing is published that the controller would refuse."""
    project = load(asked, os.environ, Path.cwd())
    _check_name(project.name)
    stack = project.stack()
    for warning in project.findings.warnings:
        tell(f"warning: {fault_line(warning.file, warning.fault)}")
    if stack is None:
        status = StackStatus(project.name, Verdict.REFUSED, faults=tuple(f.fault for f in project.findings.faults))
        tell_faults(terminal, status, project.findings.faults)
    return project


def named(asked: Asked) -> str:
    """Only the name under which `up` would publish."""
    name = name_alone(asked, os.environ, Path.cwd())
    _check_name(name)
    return name


def tell_faults(terminal: Terminal, status: StackStatus, faults: Sequence[Fault]) -> NoReturn:
    """Write the faults of a refused stack, and end the command."""
    if terminal.is_json:
        print_json(asdict(status) | {"faults": [{"file": found.file, **asdict(found.fault)} for found in faults]})
    else:
        for found in faults:
            tell(fault_line(found.file, found.fault))
    raise CommandError(Code.REFUSED, f"{status.stack} is refused", shown=True)


def _check_name(name: str) -> None:
    if not ids.is_name(name):
        remedy = "use a-z, 0-9 and inner dashes, at most 63 characters"
        raise CommandError(Code.REFUSED, f"{name!r} cannot be the name of a stack", remedy)
