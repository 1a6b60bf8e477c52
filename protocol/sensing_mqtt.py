"""A topic of another device as a sensor, as people write it. Which filters it takes depends on what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from protocol.section import REAL, WHOLE, Duration, Form, Pattern
from protocol.sensor import Sensor

OURS = "bramble/"
"""The first level of all our own topics, whatever their version."""

_NO_TOPIC = "{} is no topic of another device: no wildcards, and nothing below " + OURS
Topic = Annotated[
    str,
    Pattern(r"(?!bramble(/|$))[^+#\0]{1,200}", _NO_TOPIC),
]
JsonPath = Annotated[
    str, Pattern(r"[^.\0]+(\.[^.\0]+)*", "{} is no path into JSON; write it like `sensor.0.temperature`")
]


def payload(value: object) -> object:
    """A payload as text: `true` and `1` are what JSON makes of them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, int | float) else value


Payload = Annotated[str, Form(payload, "text, a number, `true` or `false`", ({"type": ["number", "boolean"]},))]

FILTERS: Mapping[str, frozenset[str]] = {
    "level": frozenset({"on", "off", "settle", "delayed_on", "delayed_off"}),
    "number": frozenset({"unit", "median", "rate_limit", "deadband", "threshold", "hysteresis"}),
    "text": frozenset(),
    "event": frozenset(),
}
"""What a topic shows → the keys that mean something for it."""


class Mqtt(Sensor):
    """A topic of another device, in whole or by a `value` in its JSON, on the node's own broker and while that is in reach."""

    kind: Literal["mqtt"]
    topic: Topic
    value: JsonPath | None = None
    shows: Literal["level", "number", "text", "event"] = "level"
    on: Payload | None = None
    off: Payload | None = None
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
            if shown != self.shows and (odd := sorted(keys & self.model_fields_set)):
                raise ValueError(
                    f"the key {odd[0]!r} means nothing for a {self.shows}; say `shows: {shown}`, or remove it"
                )
        return self


MQTT: Mapping[str, type[Sensor]] = {"mqtt": Mqtt}
