"""A function's trigger → what a node is told of it: its sensor is one of the stack, and makes such an event.

A trigger with a memory is the business of the sensor's node alone, so its function must be allowed wherever the sensor is.
"""

from __future__ import annotations

from protocol import devices, sensing
from protocol.document import Path
from protocol.draft import Draft
from protocol.sensor import Sensor
from protocol.trigger import DAY_S, Catchup, TriggerSpec
from protocol.triggering import Trigger


def trigger(draft: Draft, path: Path, source: Trigger) -> TriggerSpec:
    """Translate one trigger; `path` leads to it."""
    made = TriggerSpec(
        source.sensor,
        source.on,
        source.every or 0.0,
        tuple(condition.written() for condition in source.when),
        source.cooldown or 0.0,
        source.schedule,
        Catchup(source.catchup or Catchup.ONCE),
        source.max_age or DAY_S,
    )
    if source.sensor:
        sensor = _sensor(draft, path, source.sensor, source.on)
        if sensor is not None and made.has_memory:
            _check_place(draft, path, source.sensor, sensor)
    return made


def _sensor(draft: Draft, path: Path, name: str, on: str) -> Sensor | None:
    """The sensor that is named, if it makes such an event."""
    sensor = draft.manifest.sensors.get(name)
    if sensor is None:
        known = ", ".join(draft.manifest.sensors) or "none"
        draft.misfit((*path, "sensor"), f"there is no sensor {name!r}; this stack has {known}")
    elif on not in (events := devices.words_of(sensor.kind, sensor.model_dump(exclude_none=True)).events):
        draft.misfit((*path, "on"), f"a {sensor.kind} makes no {on!r}; it makes {', '.join(events)}")
    elif isinstance(sensor, sensing.Button):
        key, example = ("clicks", "300ms") if on in devices.CLICKED else ("hold", "1s")
        if on in (devices.HELD, *devices.CLICKED) and not getattr(sensor, key):
            reason = f"{name!r} says no {on!r}, because its {key} is 0"
            draft.misfit((*path, "on"), reason, f"add `{key}: {example}` to the sensor")
    return sensor


def _check_place(draft: Draft, path: Path, name: str, sensor: Sensor) -> None:
    function = draft.manifest.functions[str(path[1])]
    if more := [text for text in function.nodes if text not in sensor.nodes]:
        reason = f"this trigger is remembered on the node of {name!r}, and the function may be missing there"
        remedy = f"add {more[0]!r} to the `nodes` of the sensor, or remove it from those of the function"
        draft.misfit(path, reason, remedy)
