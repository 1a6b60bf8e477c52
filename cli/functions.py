"""`bramble functions`: what each function has to do, and the dead letters of those that came to nothing.

The controller answers an order when it is done, and what it answers is printed. Nothing is run or forgotten without a target.
"""

from __future__ import annotations

import typer

from cli.output import print_json, print_rows
from cli.terminal import Terminal
from protocol.function_rows import FunctionRow, LetterRow
from protocol.operator import OperatorOrder, OrderVerb
from protocol.shapes import JsonValue

HEADINGS = ("function", "mode", "image", "nodes", "in flight", "pending", "instances", "dead")
DEAD_HEADINGS = ("id", "function", "status", "node", "attempt", "at", "reason")
WARM = "warm"


def ls(terminal: Terminal, target: str) -> None:
    """List the functions and what they have to do."""
    rows = terminal.rows(OrderVerb.FUNCTIONS, FunctionRow, target)
    print_rows(HEADINGS, rows, _cells, as_json=terminal.is_json)


def dead(terminal: Terminal, target: str) -> None:
    """List dead letters, the newest first."""
    rows = terminal.rows(OrderVerb.DEAD_LETTERS, LetterRow, target)
    print_rows(DEAD_HEADINGS, rows, _dead_cells, as_json=terminal.is_json)


def replay(terminal: Terminal, target: str, *, every: bool) -> None:
    """Run dead letters once more."""
    _order(terminal, OrderVerb.REPLAY, target, every=every)


def drop(terminal: Terminal, target: str, *, every: bool) -> None:
    """Forget dead letters."""
    _order(terminal, OrderVerb.DROP, target, every=every)


def _dead_cells(row: LetterRow) -> tuple[object, ...]:
    return row.id, row.function, row.status, row.node, row.attempt or "", row.at, row.reason


def _cells(row: FunctionRow) -> tuple[object, ...]:
    instances = f"{row.instances}/{row.keep}" if row.mode == WARM else ""
    nodes = f"{row.online}/{row.hosts}"
    return row.function, row.mode, row.image, nodes, row.in_flight, row.pending, instances, row.dead


def _order(terminal: Terminal, verb: OrderVerb, target: str, *, every: bool) -> None:
    if every is bool(target):
        raise typer.BadParameter("name an invocation, a STACK.FUNCTION or a STACK; or --all, and none of these")
    arguments: dict[str, JsonValue] = {"all": True} if every else {}
    with terminal.session() as session:
        answer = terminal.accepted(session, session.ask(OperatorOrder(verb, target, arguments), terminal.patience_s))
    if terminal.is_json:
        print_json({"target": target, "order": str(verb), "message": answer.message, "result": answer.result})
    else:
        print(answer.message)
