"""What the sections of sensors that may show anything have in common: `shows` says what it is, and so which filters it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from protocol.manifest.section import REAL, WHOLE, Duration
from protocol.manifest.sensor import Sensor

FILTERS: Mapping[str, frozenset[str]] = {
    "level": frozenset({"on", "off", "settle", "delayed_on", "delayed_off"}),
    "number": frozenset({"unit", "median", "rate_limit", "deadband", "threshold", "hysteresis"}),
    "text": frozenset(),
    "event": frozenset(),
}
"""What a sensor shows → the keys that mean something for it alone."""


class Showing(Sensor):
    """A level, a number, or something else; the filters are those of what it shows."""

    shows: str = "level"
    settle: Duration | None = None
    delayed_on: Duration | None = None
    delayed_off: Duration | None = None
    unit: str | None = None
    median: Annotated[int, Field(ge=1, le=99), WHOLE] | None = None
    rate_limit: Duration | None = None
    deadband: Annotated[float, Field(ge=0), REAL] | None = None
    threshold: Annotated[float, REAL] | None = None
    hysteresis: Annotated[float, Field(ge=0), REAL] | None = None

    @model_validator(mode="after")
    def _has_only_its_own(self) -> Self:
        for shown, keys in FILTERS.items():
            if shown != self.shows and (odd := sorted(keys & self.model_fields_set & set(type(self).model_fields))):
                raise ValueError(
                    f"the key {odd[0]!r} means nothing for a {self.shows}; say `shows: {shown}`, or remove it"
                )
        return self
