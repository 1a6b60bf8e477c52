"""A topic of another device as a sensor, as people write it. Which filters it takes depends on what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from protocol.manifest.section import Form, Pattern
from protocol.manifest.sensing_shown import Showing
from protocol.manifest.sensor import Sensor

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


class Mqtt(Showing):
    """A topic of another device, in whole or by a `value` in its JSON, on the node's own broker and while that is in reach."""

    kind: Literal["mqtt"]
    topic: Topic
    value: JsonPath | None = None
    shows: Literal["level", "number", "text", "event"] = "level"
    on: Payload | None = None
    off: Payload | None = None


MQTT: Mapping[str, type[Sensor]] = {"mqtt": Mqtt}
