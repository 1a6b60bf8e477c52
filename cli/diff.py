"""`bramble diff`: what publishing a project would change, node by node, as the controller sees it.

Exits as `diff` and `kubectl diff` do: 0 where nothing would change, 1 where something would, more where it could not be found
out; so a manifest with faults ends in 2 here.
"""

from __future__ import annotations

from cli.check import checked
from cli.errors import Code, CommandError
from cli.output import print_json, print_table
from cli.project import Asked, Project
from cli.terminal import Terminal
from protocol.operator import DiffRow, OrderVerb

KEPT = "keep"
HEADINGS = ("node", "change", "what", "details")


def diff(terminal: Terminal, asked: Asked) -> None:
    """Print what would change."""
    project, rows = _compared(terminal, asked)
    changed = [row for row in rows if row.change != KEPT]
    if terminal.is_json:
        print_json(rows)
    elif changed:
        print_table(HEADINGS, ((row.node, row.change, row.what, "; ".join(row.details)) for row in changed))
    else:
        print(f"{project.name}: nothing would change")
    if changed:
        raise CommandError(Code.REFUSED, f"{project.name} would change", shown=True)


def _compared(terminal: Terminal, asked: Asked) -> tuple[Project, list[DiffRow]]:
    try:
        project = checked(terminal, asked)
        text = project.payload.decode("utf-8")
        rows = terminal.rows(OrderVerb.DIFF, DiffRow, project.name, manifest=text)
    except CommandError as error:
        code = Code.USAGE if error.code is Code.REFUSED else error.code
        raise CommandError(code, error.message, error.remedy, shown=error.shown) from error
    return project, rows
