"""Parts and sums of a node's sensors, actuators and functions, the same for whoever assigns them and whoever follows them.

They stand in the order of their stacks and names, so that the same ones are equal wherever they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from protocol.claims import are_apart
from protocol.container import Container
from protocol.desired import ActuatorSpec, Sections, SensorSpec
from protocol.function import FunctionSpec


def of_stacks(whole: Sections, is_one: Callable[[str], bool]) -> Sections:
    """What certain stacks have of it."""
    return Sections(
        tuple(one for one in whole.sensors if is_one(one.stack)),
        tuple(one for one in whole.actuators if is_one(one.stack)),
        tuple(one for one in whole.functions if is_one(one.stack)),
    )


def joined(*parts: Sections) -> Sections:
    """All of them together, whatever tasks they come with."""
    return Sections(
        tuple(sorted((one for part in parts for one in part.sensors), key=_place)),
        tuple(sorted((one for part in parts for one in part.actuators), key=_place)),
        tuple(sorted((one for part in parts for one in part.functions), key=_place)),
    )


def yielding(older: Sections, newer: Sections) -> Sections:
    """The older, without the devices that the newer are in the way of, or that share a name with one of them.

    A stack that is still old there has given those up.
    """
    devices: tuple[SensorSpec | ActuatorSpec, ...] = (*newer.sensors, *newer.actuators)
    names = {one.name for one in devices}
    return Sections(
        tuple(one for one in older.sensors if one.name not in names and are_apart(one, devices)),
        tuple(one for one in older.actuators if one.name not in names and are_apart(one, devices)),
        older.functions,
    )


def with_remembered(part: Sections, functions: Iterable[FunctionSpec]) -> Sections:
    """The same, and beside it those of all the functions that are elsewhere and whose triggers its sensors must remember."""
    here = {(one.stack, one.name) for one in part.functions}
    away = [_away(one) for one in functions if (one.stack, one.name) not in here and _is_remembered(one, part)]
    return replace(part, functions=tuple(sorted((*part.functions, *away), key=_place))) if away else part


def _is_remembered(function: FunctionSpec, part: Sections) -> bool:
    sensors = [one.name for one in part.sensors if one.stack == function.stack]
    kept = [trigger for trigger in function.triggers if trigger.has_memory]
    return any(trigger.concerns(sensor) for trigger in kept for sensor in sensors)


def _away(function: FunctionSpec) -> FunctionSpec:
    """What a node needs to remember for a function: neither its image nor its secrets."""
    named = (function.name, function.stack, function.revision)
    return FunctionSpec(*named, Container(""), triggers=function.triggers, is_away=True)


def _place(one: SensorSpec | ActuatorSpec | FunctionSpec) -> tuple[str, str]:
    return one.stack, one.name
