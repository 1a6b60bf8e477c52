"""What kinds of sensors have in common as words: what sort of value they show, the events they make of it, its unit.

A kind may be several: what one says can depend on an option (the `channel` of a chip), so there are variants. Ask
`protocol.devices.words_of` for those of one sensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

CHANGED = "changed"
MEASURED = (CHANGED, "above", "below")


class Nature(StrEnum):
    """What a value is: on or off, a number, a list of conditions that hold, any other state as a whole, or each time an event.

    And two that several pins make together: which part of a board is on or off, and the steps that a knob was turned.
    """

    LEVEL = "level"
    NUMBER = "number"
    CONDITIONS = "conditions"
    WHOLE = "whole"
    EACH = "each"
    PARTS = "parts"
    TURNS = "turns"


@dataclass(frozen=True, slots=True)
class SensorWords:
    """What one kind of sensor says: its events, and for one that is measured the unit of its values.

    `variants` holds the words for the values of the option `by`, where they differ.
    """

    events: tuple[str, ...]
    unit: str | None = None
    nature: Nature = Nature.LEVEL
    by: str = ""
    variants: Mapping[str, SensorWords] = field(default_factory=lambda: MappingProxyType({}))


def measured(unit: str) -> SensorWords:
    """The words of a number."""
    return SensorWords(MEASURED, unit, Nature.NUMBER)
