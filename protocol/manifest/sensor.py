"""What the sections of sensors have in common: the keys of every sensor, and of those that are asked for their value.

The kinds stand in `protocol.manifest.sensing` (pins and the machine itself) and the `protocol.sensing_…` modules beside it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from protocol.manifest.conditions import Constraints
from protocol.manifest.section import REAL, WHOLE, Duration, Section

PinNumber = Annotated[int, Field(ge=0, le=27), WHOLE]
"""BCM number of a pin on the 40-pin header of every Raspberry Pi since 2014."""


class Sensor(Section):
    """An input of the nodes that the constraints let through."""

    kind: str
    nodes: Constraints = []


class Measured(Sensor):
    """Something that is asked for its value, again and again."""

    every: Duration = Field(default=30.0, ge=0.1)
    median: Annotated[int, Field(ge=1, le=99), WHOLE] = 1
    rate_limit: Duration = 0.0
    deadband: Annotated[float, Field(ge=0), REAL] = 0.0
    threshold: Annotated[float, REAL] | None = None
    hysteresis: Annotated[float, Field(ge=0), REAL] = 0.0
