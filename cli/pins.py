"""`bramble pins`: look at a node's sensors and actuators, press a mock pin, switch an actuator. The controller passes it on."""

from __future__ import annotations

import typer

from cli.output import print_json, print_table
from cli.terminal import Terminal, read
from protocol.desired import Verb
from protocol.observed import Answer, DeviceStatus
from protocol.operator import OperatorOrder, OrderVerb
from protocol.shapes import JsonValue

LEVELS = ("high", "low", "press")
SETTINGS = ("on", "off")


def pins(terminal: Terminal, node: str, drive: str, switch: str) -> None:
    """List a node's sensors and actuators, drive one of its mock pins, or switch an actuator."""
    if drive and switch:
        raise typer.BadParameter("--drive and --set do one thing each; choose one")
    if drive:
        pin, level = _pair(drive, "--drive", LEVELS)
        if not (pin.isascii() and pin.isdigit()):
            raise typer.BadParameter(f"{pin!r} is no pin; use its BCM number", param_hint="--drive")
        _do(terminal, node, Verb.DRIVE, pin, level)
    elif switch:
        _do(terminal, node, Verb.SET, *_pair(switch, "--set", SETTINGS))
    else:
        _list(terminal, node)


def _list(terminal: Terminal, node: str) -> None:
    answer = _passed_on(terminal, node, {"verb": Verb.PINS, "target": "", "value": ""})
    rows = [read(DeviceStatus, row) for row in answer.result or []]
    if terminal.is_json:
        print_json(rows)
        return
    print_table(("pin", "name", "kind", "value", "fault"), ((r.pin, r.name, r.kind, r.value, r.fault) for r in rows))


def _do(terminal: Terminal, node: str, verb: Verb, target: str, value: str) -> None:
    arguments: dict[str, JsonValue] = {"verb": str(verb), "target": target, "value": value}
    answer = _passed_on(terminal, node, arguments)
    if terminal.is_json:
        print_json({"node": node, **arguments, "message": answer.message})
    else:
        print(answer.message or f"{node}: {target} is {value}")


def _passed_on(terminal: Terminal, node: str, arguments: dict[str, JsonValue]) -> Answer:
    with terminal.session() as session:
        answer = session.ask(OperatorOrder(OrderVerb.COMMAND, node, arguments), terminal.patience_s)
        return terminal.accepted(session, answer)


def _pair(text: str, option: str, values: tuple[str, ...]) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or value not in values:
        raise typer.BadParameter(f"{text!r} is not NAME={'|'.join(values)}", param_hint=option)
    return name, value
