"""A function's trigger → what a node is told of it: its sensors are some of the stack, and make such events.

A trigger with a memory is the business of the sensors' node alone, so the sensors of one are together.
"""

from __future__ import annotations

from protocol import devices
from protocol.manifest.sensor import Sensor
from protocol.manifest.triggering import Trigger, Window
from protocol.observed import ResultStatus
from protocol.reading.document import Path
from protocol.reading.draft import Draft
from protocol.sensor_words import Nature, SensorWords
from protocol.trigger import DAY_S, Catchup, Dialect, Figure, RollingWindow, Step, TriggerSpec


def trigger(draft: Draft, path: Path, source: Trigger) -> TriggerSpec:
    """Translate one trigger; `path` leads to it."""
    steps = tuple(Step(step.sensor, step.on) for step in source.sequence or ())
    places = [((*path, "sequence", i), step.sensor, step.on) for i, step in enumerate(steps)]
    places += [(path, source.sensor, source.on)] if source.sensor else []
    sensors = [_sensor(draft, *place) for place in places]
    words = _words(sensors[0]) if source.sensor and sensors[0] is not None else None
    made = TriggerSpec(
        source.sensor,
        source.on,
        source.every or 0.0,
        tuple(condition.written() for condition in source.when),
        source.cooldown or 0.0,
        source.schedule,
        Catchup(source.catchup) if source.catchup else None,
        source.max_age or DAY_S,
        source.for_ or 0.0,
        _until(draft, path, source, words),
        _window(draft, path, source.window, words),
        steps,
        source.within or 0.0,
        source.function,
        source.node or "",
        tuple(sorted(frozenset[Dialect]().union(*(condition.dialects for condition in source.when)))),
    )
    if source.function:
        _check_function(draft, path, source)
    if made.has_memory:
        _check_places(draft, path, [sensor for sensor in sensors if sensor is not None])
    return made


def _sensor(draft: Draft, path: Path, name: str, on: str) -> Sensor | None:
    """The sensor that is named, if it makes such an event."""
    sensor = draft.manifest.sensors.get(name)
    if sensor is None:
        known = ", ".join(draft.manifest.sensors) or "none"
        draft.misfit((*path, "sensor"), f"there is no sensor {name!r}; this stack has {known}")
    elif on not in (events := _words(sensor).events):
        draft.misfit((*path, "on"), f"a {sensor.kind} makes no {on!r}; it makes {', '.join(events)}")
    elif on in (devices.HELD, *devices.CLICKED):
        key, example = ("clicks", "300ms") if on in devices.CLICKED else ("hold", "1s")
        if not getattr(sensor, key, True):
            reason = f"{name!r} says no {on!r}, because its {key} is 0"
            draft.misfit((*path, "on"), reason, f"add `{key}: {example}` to the sensor")
    return sensor


def _check_function(draft: Draft, path: Path, source: Trigger) -> None:
    functions = draft.manifest.functions
    if source.function not in functions:
        reason = f"there is no function {source.function!r}; this stack has {', '.join(functions)}"
        draft.misfit((*path, "function"), reason)
    elif source.on not in (ends := [str(status) for status in ResultStatus]):
        draft.misfit((*path, "on"), f"a function ends as {', '.join(ends)}, and never as {source.on!r}")


def _words(sensor: Sensor) -> SensorWords:
    return devices.words_of(sensor.kind, sensor.model_dump(exclude_none=True))


def _until(draft: Draft, path: Path, source: Trigger, words: SensorWords | None) -> str:
    """The event that ends what `on` begins."""
    if source.for_ is None or words is None:
        return ""
    pairs = {Nature.LEVEL: words.events[:2], Nature.NUMBER: words.events[1:3]}.get(words.nature, ())
    if source.on not in pairs:
        reason = f"{source.on!r} is over at once, so it stands `for` no time"
        remedy = f"wait for {' or '.join(pairs)}" if pairs else "remove `for`"
        draft.misfit((*path, "for"), reason, remedy)
        return ""
    return next(event for event in pairs if event != source.on)


def _window(draft: Draft, path: Path, source: Window | None, words: SensorWords | None) -> RollingWindow | None:
    if source is None:
        return None
    if source.of != "count" and words is not None and words.nature is Nature.LEVEL:
        reason = f"what is on or off has no {source.of}"
        draft.misfit((*path, "window", "of"), reason, "write count, or name a sensor that measures")
    return RollingWindow(Figure(source.of), source.last or 0, source.within or 0.0, source.above, source.below)


def _check_places(draft: Draft, path: Path, sensors: list[Sensor]) -> None:
    """The sensors are on the same nodes; the function may be elsewhere."""
    for sensor in sensors:
        if set(sensor.nodes) != set(sensors[0].nodes):
            reason = "the sensors of a sequence are on one node, and these have different `nodes`"
            draft.misfit((*path, "sequence"), reason, "give them the same")
            return
