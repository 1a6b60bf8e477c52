"""`bramble rollout`, `pin` and `unpin`: questions and orders about updates. The live view is `cli.lanes`.

The controller answers an order when it has taken it up, and what it answers is printed; `bramble rollout status --watch` shows how
far the update is.
"""

from __future__ import annotations

import getpass
import os
import socket

from cli.lanes import fetch, nothing, picture
from cli.output import print_json, print_table, show
from cli.terminal import Terminal
from protocol.operator import OperatorOrder, OrderVerb
from protocol.rollouts import HistoryRow
from protocol.shapes import JsonValue

HISTORY_HEADINGS = ("number", "revision", "image", "state", "at", "reason")


def status(terminal: Terminal, target: str) -> None:
    """Show how far updates are, with a lane per node."""
    with terminal.session() as session:
        found = fetch(terminal, session, target)
    if terminal.is_json:
        print_json(found)
    elif found:
        show(picture(found))
    else:
        print(nothing(target))


def history(terminal: Terminal, service: str) -> None:
    """List what a service was updated to."""
    rows = terminal.rows(OrderVerb.ROLLOUT_HISTORY, HistoryRow, service)
    if terminal.is_json:
        print_json(rows)
        return
    print_table(HISTORY_HEADINGS, ((r.number, r.revision, r.image, r.state, r.at, r.reason) for r in rows))
    for row in rows:
        for note in row.notes:
            print(f"{row.number}: {note}")


def pause(terminal: Terminal, service: str) -> None:
    """Let no further node begin."""
    _order(terminal, OrderVerb.ROLLOUT_PAUSE, service)


def resume(terminal: Terminal, service: str) -> None:
    """Let it go on."""
    _order(terminal, OrderVerb.ROLLOUT_RESUME, service)


def confirm(terminal: Terminal, service: str) -> None:
    """Let the next batch begin."""
    _order(terminal, OrderVerb.ROLLOUT_CONFIRM, service)


def abort(terminal: Terminal, service: str) -> None:
    """Take it back everywhere."""
    _order(terminal, OrderVerb.ROLLOUT_ABORT, service)


def undo(terminal: Terminal, service: str, number: int | None) -> None:
    """Update to an earlier revision; without a number to the one before the present."""
    arguments = {"number": number} if number else {}
    _order(terminal, OrderVerb.ROLLOUT_UNDO, service, **arguments)


def override(terminal: Terminal, service: str, node: str) -> None:
    """Have the update on a node mind no lock; the history says who wanted it."""
    _order(terminal, OrderVerb.OVERRIDE, service, node=node, by=_who())


def pin(terminal: Terminal, service: str, node: str) -> None:
    """Keep a node at what it runs of a service."""
    _order(terminal, OrderVerb.PIN, service, node=node)


def unpin(terminal: Terminal, service: str, node: str) -> None:
    """Keep it no longer."""
    _order(terminal, OrderVerb.UNPIN, service, node=node)


def _who() -> str:
    """Whose word this is, as this machine knows him: a claim for people to read, which proves nothing."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no such user here, as in a container
        user = f"user {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def _order(terminal: Terminal, verb: OrderVerb, service: str, **arguments: JsonValue) -> None:
    with terminal.session() as session:
        asked = OperatorOrder(verb, service, dict(arguments))
        answer = terminal.accepted(session, session.ask(asked, terminal.patience_s))
    if terminal.is_json:
        print_json({"target": service, "order": str(verb), "message": answer.message, "result": answer.result})
    else:
        print(answer.message or f"{service}: {verb}")
