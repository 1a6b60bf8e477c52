"""Kinds of sensors that packages on the node bring along, by entry points of the group `bramble.sensors`.

The entry point has the kind's name and is a function: given the sensor's spec (its `options` are the keys of the manifest) it
returns a function without arguments that reads the value. Both are called in the thread of the slow sensors, so they may block, and
delay each other. Whatever they raise is the sensor's fault, in words; it is tried again at the next reading.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from protocol.desired import SensorSpec
from protocol.devices import words_of
from protocol.envelope import read_json
from protocol.refusal import Refusal
from protocol.sensor_words import Nature
from protocol.shapes import JsonValue
from sensors.sampler import Probe

GROUP = "bramble.sensors"
MOST_BYTES = 16 * 1024
# Little enough for an outbox on a card; a picture is no reading.


@dataclass(slots=True)
class OwnProbe:
    """Opens with its first reading, because a package may take long to import."""

    spec: SensorSpec
    opened: Probe | None = None

    def __call__(self) -> JsonValue:
        """Read; raises ValueError with a sentence."""
        kind = self.spec.kind
        try:
            self.opened = self.opened or _loaded(kind)(self.spec)
            value = self.opened()
        except Exception as error:  # others' code may raise anything, and must not end the thread of all slow sensors
            raise ValueError(f"{kind}: {str(error) or type(error).__name__}") from error
        return _checked(self.spec, value)


def _loaded(kind: str) -> Callable[[SensorSpec], Probe]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - 1 MB that a node without kinds of its own does without

    found = tuple(entry_points(group=GROUP, name=kind))
    if len(found) != 1:
        there = ", ".join(sorted(entry_points(group=GROUP).names)) or "none"
        said = f"{len(found)} packages of this node bring it" if found else "no package of this node brings it"
        raise ValueError(f"{said} (entry points of the group {GROUP}); there are {there}")
    loaded: Callable[[SensorSpec], Probe] = found[0].load()
    return loaded


def _checked(spec: SensorSpec, value: object) -> JsonValue:
    """The value as what the manifest says that it is."""
    match words_of(spec.kind, spec.options).nature:
        case Nature.LEVEL if isinstance(value, bool | int):
            return bool(value)
        case Nature.NUMBER if isinstance(value, int | float) and abs(value) < float("inf"):
            return float(value)
        case Nature.WHOLE:
            return _plain(spec.kind, value)
    raise ValueError(f"{spec.kind} says {str(value)[:40]!r}, which is no {spec.options.get('shows', 'number')}")


def _plain(kind: str, value: object) -> JsonValue:
    try:
        said = json.dumps(value).encode()
    except (TypeError, ValueError) as error:
        raise ValueError(f"{kind} says what is no JSON: {error}") from None
    if len(said) > MOST_BYTES:
        raise ValueError(f"{kind} says {len(said)} bytes at once, and at most {MOST_BYTES} are read")
    plain = read_json(said)
    if isinstance(plain, Refusal):
        raise ValueError(f"{kind} says what not everybody can read: {plain.reason}")  # noqa: TRY004 - what a probe raises
    return plain
