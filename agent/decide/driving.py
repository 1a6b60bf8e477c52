"""A finger on mock pins: what an operator's word asks of one sensor, as the effects that do it, or why it asks nothing.

A target is a pin's number, a sensor's name, or one button of a board (`pad.up`); a value is a level, an event of the sensor's kind,
or the number that a gauge shall show. Whether the pins are mock is for the board to judge.
"""

from __future__ import annotations

from agent.decide.effects import DriveGauge, DrivePin
from agent.decide.node import Node
from protocol.claims import own_pins_of
from protocol.desired import Command, SensorSpec
from protocol.devices import SENSORS
from protocol.ids import service_key
from protocol.options import pin_of, place_of
from protocol.values import number_of
from protocol.wired import WIRED
from sensors.kinds import SENSORS as ON_PINS
from sensors.kinds import high_for, turn_for

LEVELS = {"high": True, "on": True, "1": True, "true": True, "low": False, "off": False, "0": False, "false": False}

Driven = tuple[DrivePin | DriveGauge, ...]


def drive(node: Node, command: Command) -> Driven | str:
    """What is to be done; the last of it answers the command."""
    sensors = node.sections().sensors
    spec = next((s for s in sensors if command.target in (s.name, service_key(s.stack, s.name))), None)
    if spec is not None:
        return _sensor(spec, command)
    for board in sensors:
        for part, pin in _buttons(board):
            if command.target in (f"{board.name}.{part}", f"{board.stack}.{board.name}.{part}"):
                return _pin(command, pin, board)
    if command.target.isascii() and command.target.isdigit() and len(command.target) <= 2:
        return _pin(command, int(command.target), None)
    return f"{command.target[:63]!r} is no pin and no sensor of this node"


def _sensor(spec: SensorSpec, command: Command) -> Driven | str:
    turn = turn_for(spec, command.value)
    if turn:
        *most, last = turn
        return (*(DrivePin("", pin, high) for pin, high in most), DrivePin(command.id, *last))
    if spec.kind in WIRED and SENSORS[spec.kind].unit is not None and spec.kind != "rotary-encoder":
        value = number_of(command.value)
        if value is None:
            return f"{command.value[:63]!r} is no number, which {spec.name} shall show"
        return (DriveGauge(command.id, spec.name, value),)
    pin = pin_of(spec)
    if pin is not None:
        return _pin(command, pin, spec)
    buttons = ", ".join(f"{spec.name}.{part}" for part, _ in _buttons(spec))
    if buttons:
        return f"{spec.name} has several buttons; drive one of {buttons}"
    return f"{spec.name} sits on {place_of(spec)}{_events(spec)}" if own_pins_of(spec) else f"{spec.name} has no pin"


def _pin(command: Command, pin: int, spec: SensorSpec | None) -> Driven | str:
    level = LEVELS.get(command.value)
    level = high_for(spec, command.value) if level is None and spec is not None else level
    if level is None:
        return f"{command.value[:63]!r} is no level; say high or low{_events(spec)}"
    return (DrivePin(command.id, pin, level),)


def _buttons(spec: SensorSpec) -> tuple[tuple[str, int], ...]:
    named = spec.options.get("buttons")
    return tuple((part, pin) for part, pin in named.items() if isinstance(pin, int)) if isinstance(named, dict) else ()


def _events(spec: SensorSpec | None) -> str:
    if spec is None or not (spec.kind in ON_PINS or spec.kind in WIRED):
        return ""
    return f", or {' or '.join(SENSORS[spec.kind].events[:2])}"
