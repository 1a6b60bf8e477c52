"""`bramble scale`, `restart` and `pull`: orders about services that run.

The controller answers when it has taken the order up; `bramble status --watch` shows how far it is. Scaling says how many
tasks a service has until its manifest is published with another number.
"""

from __future__ import annotations

import typer

from cli.check import named
from cli.output import print_json
from cli.project import Asked
from cli.terminal import Terminal
from link.session import Session
from protocol.operator import OperatorOrder, OrderVerb
from protocol.shapes import JsonValue

REPLICAS_DIGITS = 6
"""A million tasks of one service are a slip of the finger."""


def scale(terminal: Terminal, wishes: list[str], asked: Asked) -> None:
    """Set how many tasks each service has."""
    wanted = [_wish(text) for text in wishes]
    stack = "" if all("." in service for service, _ in wanted) else named(asked)
    with terminal.session() as session:
        done = [
            _order(terminal, session, OrderVerb.SCALE, place if "." in place else f"{stack}.{place}", replicas=number)
            for place, number in wanted
        ]
    _print(
        terminal,
        done,
        {f"{order['target']}": f"{number} wanted" for order, (_, number) in zip(done, wanted, strict=True)},
    )


def restart(terminal: Terminal, target: str) -> None:
    """Stop and start every task of a stack or service, within the service's budget."""
    with terminal.session() as session:
        done = [_order(terminal, session, OrderVerb.RESTART, target)]
    _print(terminal, done, {target: "restarts"})


def pull(terminal: Terminal, target: str) -> None:
    """Look the images' tags up again, and roll out what moved."""
    with terminal.session() as session:
        done = [_order(terminal, session, OrderVerb.PULL, target)]
    _print(terminal, done, {target: "looks its tags up"})


def _wish(text: str) -> tuple[str, int]:
    service, _, number = text.partition("=")
    if not (service and number.isascii() and number.isdigit() and len(number) <= REPLICAS_DIGITS):
        raise typer.BadParameter(f"{text!r} is not SERVICE=NUMBER, like web=3")
    return service, int(number)


def _order(
    terminal: Terminal, session: Session, verb: OrderVerb, target: str, **arguments: JsonValue
) -> dict[str, JsonValue]:
    answer = terminal.accepted(session, session.ask(OperatorOrder(verb, target, arguments), terminal.patience_s))
    return {"target": target, "order": str(verb), "message": answer.message, "result": answer.result}


def _print(terminal: Terminal, done: list[dict[str, JsonValue]], otherwise: dict[str, str]) -> None:
    """Print what the controller said of each, or what was ordered where it said nothing."""
    if terminal.is_json:
        print_json(done)
        return
    for order in done:
        print(order["message"] or f"{order['target']}: {otherwise[order['target']]}")
