"""`bramble node drain|activate`: the operator's wish for a node.

The controller answers when it has taken the wish up; `bramble ps --node` shows how far it is.
"""

from __future__ import annotations

from cli.output import print_json
from cli.terminal import Terminal
from protocol.operator import OperatorOrder, OrderVerb


def drain(terminal: Terminal, node: str) -> None:
    """Have every service moved away from a node."""
    _order(terminal, OrderVerb.DRAIN, node)


def activate(terminal: Terminal, node: str) -> None:
    """Let a drained node carry services again."""
    _order(terminal, OrderVerb.ACTIVATE, node)


def _order(terminal: Terminal, verb: OrderVerb, node: str) -> None:
    with terminal.session() as session:
        answer = terminal.accepted(session, session.ask(OperatorOrder(verb, node), terminal.patience_s))
    if terminal.is_json:
        print_json({"node": node, "order": str(verb), "message": answer.message})
    else:
        print(answer.message or f"{node}: {verb}")
