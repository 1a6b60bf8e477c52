"""A function's trigger → what a node is told of it: its sensor is one of the stack, and makes such an event."""

from __future__ import annotations

from protocol import devices, sensing
from protocol.document import Path
from protocol.draft import Draft
from protocol.function import TriggerSpec
from protocol.triggering import Trigger


def trigger(draft: Draft, path: Path, source: Trigger) -> TriggerSpec:
    """Translate one trigger."""
    if source.sensor:
        _check_event(draft, path, source)
    return TriggerSpec(source.sensor, source.on, source.every or 0.0)


def _check_event(draft: Draft, path: Path, source: Trigger) -> None:
    sensor = draft.manifest.sensors.get(source.sensor)
    if sensor is None:
        known = ", ".join(draft.manifest.sensors) or "none"
        draft.misfit((*path, "sensor"), f"there is no sensor {source.sensor!r}; this stack has {known}")
    elif source.on not in (events := devices.SENSORS[sensor.kind].events):
        draft.misfit((*path, "on"), f"a {sensor.kind} makes no {source.on!r}; it makes {', '.join(events)}")
    elif isinstance(sensor, sensing.Button):
        key, example = ("clicks", "300ms") if source.on in devices.CLICKED else ("hold", "1s")
        if source.on in (devices.HELD, *devices.CLICKED) and not getattr(sensor, key):
            reason = f"{source.sensor!r} says no {source.on!r}, because its {key} is 0"
            draft.misfit((*path, "on"), reason, f"add `{key}: {example}` to the sensor")
