"""Whether an event meets the conditions of a trigger: the filters of CloudEvents Subscriptions, over texts. Pure.

Beside the event's attributes, its data can be asked for as `data.KEY`, and what is a mapping there as `data.KEY.KEY`: no attribute
has a dot in its name. What an event does not say meets nothing but a `not`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from protocol import events
from protocol.ids import canonical
from protocol.observed import SensorEvent
from protocol.shapes import JsonValue

Said = Mapping[str, str]

DATA = "data."

PLAIN: Mapping[str, Callable[[str, str], bool]] = {
    "exact": lambda said, wanted: said == wanted,
    "prefix": lambda said, wanted: said.startswith(wanted),
    "suffix": lambda said, wanted: said.endswith(wanted),
}
"""The dialects that compare one text with another."""


def said_by(event: SensorEvent, fleet: str) -> dict[str, str]:
    """Everything that filters may ask an event for."""
    return said_of(events.attributes(event, fleet), events.data(event))


def said_of(attributes: dict[str, str], data: Mapping[str, JsonValue]) -> dict[str, str]:
    """Attributes and data of a cause, by the names that filters have for them."""
    said = attributes | {DATA + key: text(value) for key, value in data.items() if value is not None}
    for key, value in data.items():
        if isinstance(value, dict):
            said |= {f"{DATA}{key}.{inner}": text(one) for inner, one in value.items() if one is not None}
    return said


def text(value: JsonValue) -> str:
    """A value as filters compare it: a text as it is, a number without needless zeros, anything else as JSON."""
    if isinstance(value, str):
        return value
    is_whole = isinstance(value, float) and value.is_integer()
    return canonical(int(value) if is_whole else value).decode()


def meets(filters: tuple[JsonValue, ...], said: Said) -> bool:
    """Whether each filter holds."""
    return all(_holds(one, said) for one in filters)


def _holds(one: JsonValue, said: Said) -> bool:
    ((dialect, wanted),) = one.items()
    match dialect:
        case "all":
            return all(_holds(part, said) for part in wanted)
        case "any":
            return any(_holds(part, said) for part in wanted)
        case "not":
            return not _holds(wanted, said)
    compare = PLAIN[dialect]
    return all(name in said and compare(said[name], value) for name, value in wanted.items())
