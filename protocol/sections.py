"""Parts and sums of a node's sensors, actuators and functions, the same for whoever assigns them and whoever follows them.

They stand in the order of their stacks and names, so that the same ones are equal wherever they come from.
"""

from __future__ import annotations

from collections.abc import Callable

from protocol.claims import are_apart
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


def _place(one: SensorSpec | ActuatorSpec | FunctionSpec) -> tuple[str, str]:
    return one.stack, one.name
