"""`bramble pins`: look at a node's pins, drive a mock pin, switch an actuator. The controller passes each on, the node judges it.

A press is made here of what a node can do: the level is turned over, held for a moment, and turned back. One button of a board
(`pad.up`) is known to its node alone, so that is told the events.
"""

from __future__ import annotations

import typer

from cli.errors import Code, CommandError
from cli.output import print_json, print_rows
from cli.terminal import Terminal, read_all
from link.session import Session
from protocol.desired import Verb
from protocol.observed import Answer
from protocol.operator import OperatorOrder, OrderVerb, PinRow

HEADINGS = ("pin", "used by", "as", "level")
PRESS = "press"
PRESSED, RELEASED = "pressed", "released"

PRESS_S = 0.3
"""As long as a finger stays on a bell; ten times the debounce of a usual button."""


def pins(terminal: Terminal, node: str, drive: str, switch: str) -> None:
    """List a node's pins, drive one of its mock pins, or switch an actuator."""
    if drive and switch:
        raise typer.BadParameter("--drive and --set do one thing each; choose one")
    target, value = _pair(drive, "--drive") if drive else _pair(switch, "--set") if switch else ("", "")
    with terminal.session() as session:
        if not target:
            print_rows(HEADINGS, _pins(terminal, session, node), _cells, as_json=terminal.is_json)
        elif drive and value == PRESS:
            _press(terminal, session, node, target)
        else:
            answer = _passed_on(terminal, session, node, (Verb.DRIVE if drive else Verb.SET, target, value))
            _tell(terminal, node, target, answer.message or f"{target} is {value}")


def _pins(terminal: Terminal, session: Session, node: str) -> list[PinRow]:
    return read_all(PinRow, _passed_on(terminal, session, node, (Verb.PINS, "", "")).result or [])


def _press(terminal: Terminal, session: Session, node: str, target: str) -> None:
    """Turn a pin over and back; a target is a pin's number, the name of the sensor on it, or one button of a board."""
    found = [row for row in _pins(terminal, session, node) if _is_meant(row, target)]
    if len(found) > 1:
        pins = ", ".join(str(row.pin) for row in found)
        reason = f"{target} has several pins ({pins}), and a finger presses one"
        raise CommandError(Code.REFUSED, reason, f"name the pin, or the button of a board: {target}.BUTTON=press")
    if found:
        (row,) = found
        rest, pressed = ("high", "low") if row.high else ("low", "high")
        _hold(terminal, session, node, (str(row.pin), pressed, rest))
        _tell(terminal, node, target, f"pin {row.pin} was {pressed} for {PRESS_S:g} s")
    elif "." in target:
        _hold(terminal, session, node, (target, PRESSED, RELEASED))
        _tell(terminal, node, target, f"{target} was {PRESSED} for {PRESS_S:g} s")
    else:
        what = (
            f"nothing uses pin {target} of {node}"
            if target.isdecimal()
            else f"{node} has no sensor {target!r} on a pin"
        )
        raise CommandError(Code.NOT_FOUND, what, f"`bramble pins {node}` lists its pins")


def _hold(terminal: Terminal, session: Session, node: str, press: tuple[str, str, str]) -> None:
    target, pressed, rest = press
    _passed_on(terminal, session, node, (Verb.DRIVE, target, pressed))
    session.pause(PRESS_S)
    _passed_on(terminal, session, node, (Verb.DRIVE, target, rest))


def _is_meant(row: PinRow, target: str) -> bool:
    """A node says who uses a pin as `sensor doorbell of stack porch`."""
    return target == str(row.pin) or row.user.startswith(f"sensor {target} of ")


def _passed_on(terminal: Terminal, session: Session, node: str, command: tuple[Verb, str, str]) -> Answer:
    verb, target, value = command
    arguments = {"verb": str(verb), "target": target, "value": value}
    answer = session.ask(OperatorOrder(OrderVerb.COMMAND, node, arguments), terminal.patience_s)
    return terminal.accepted(session, answer)


def _cells(row: PinRow) -> tuple[object, ...]:
    return row.pin, row.user, row.function, "high" if row.high else "low"


def _tell(terminal: Terminal, node: str, target: str, message: str) -> None:
    if terminal.is_json:
        print_json({"node": node, "target": target, "message": message})
    else:
        print(f"{node}: {message}")


def _pair(text: str, option: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not (name and value):
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
    return name, value
