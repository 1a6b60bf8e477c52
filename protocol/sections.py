"""Parts and sums of a node's sensors, actuators and functions, the same for whoever assigns them and whoever follows them.

They stand in the order of their stacks and names, so that the same ones are equal wherever they come from.
"""

from __future__ import annotations

from collections.abc import Callable

from protocol.desired import ActuatorSpec, Sections, SensorSpec
from protocol.function import FunctionSpec
from protocol.options import pins_of


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
    """The older, without the devices whose pin or name the newer have too: a stack that is still old there has given them up."""
    devices: tuple[SensorSpec | ActuatorSpec, ...] = (*newer.sensors, *newer.actuators)
    pins, names = {pin for one in devices for pin in pins_of(one)}, {one.name for one in devices}
    return Sections(
        tuple(one for one in older.sensors if pins.isdisjoint(pins_of(one)) and one.name not in names),
        tuple(one for one in older.actuators if pins.isdisjoint(pins_of(one)) and one.name not in names),
        older.functions,
    )


def _place(one: SensorSpec | ActuatorSpec | FunctionSpec) -> tuple[str, str]:
    return one.stack, one.name
