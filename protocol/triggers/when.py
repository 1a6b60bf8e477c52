"""Whether an event meets the conditions of a trigger: the filters of CloudEvents Subscriptions, over texts, and CEL. Pure.

Beside the event's attributes, its data can be asked for as `data.KEY`, and what is a mapping there as `data.KEY.KEY`: no attribute
has a dot in its name. What an event does not say meets nothing but a `not`.

CEL (`protocol.cel`) is loaded with the first such condition, and not by a node that has none. Where it has no answer for an event,
whatever depends on that has none, a `not` of it too, and the trigger is not met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from protocol import events
from protocol.ids import canonical
from protocol.observed import SensorEvent
from protocol.shapes import JsonValue

DATA = "data."

PLAIN: Mapping[str, Callable[[str, str], bool]] = {
    "exact": lambda said, wanted: said == wanted,
    "prefix": lambda said, wanted: said.startswith(wanted),
    "suffix": lambda said, wanted: said.endswith(wanted),
}
"""The dialects that compare one text with another."""


@dataclass(frozen=True, slots=True)
class Said:
    """Everything that conditions may ask an event for: as `texts` by the names that filters have for it, and as it is."""

    texts: Mapping[str, str]
    attributes: Mapping[str, str]
    data: Mapping[str, JsonValue]


NOTHING_SAID = Said({}, {}, {})


def said_by(event: SensorEvent, fleet: str) -> Said:
    """What conditions may ask an event for."""
    return said_of(events.attributes(event, fleet), events.data(event))


def said_of(attributes: dict[str, str], data: Mapping[str, JsonValue]) -> Said:
    """What conditions may ask a cause for, by its attributes and its data."""
    texts = attributes | {DATA + key: text(value) for key, value in data.items() if value is not None}
    for key, value in data.items():
        if isinstance(value, dict):
            texts |= {f"{DATA}{key}.{inner}": text(one) for inner, one in value.items() if one is not None}
    return Said(texts, attributes, data)


def text(value: JsonValue) -> str:
    """A value as filters compare it: a text as it is, a number without needless zeros, anything else as JSON."""
    if isinstance(value, str):
        return value
    is_whole = isinstance(value, float) and value.is_integer()
    return canonical(int(value) if is_whole else value).decode()


Verdict = bool | str
"""Whether conditions hold, or why that cannot be told."""


def meets(filters: tuple[JsonValue, ...], said: Said) -> bool:
    """Whether each filter holds."""
    return verdict(filters, said) is True


def verdict(filters: tuple[JsonValue, ...], said: Said) -> Verdict:
    """Whether each filter holds, or why that cannot be told."""
    return _decided((_holds(one, said) for one in filters), decisive=False)


def _holds(one: JsonValue, said: Said) -> Verdict:
    ((dialect, wanted),) = one.items()
    match dialect:
        case "all":
            return _decided((_holds(part, said) for part in wanted), decisive=False)
        case "any":
            return _decided((_holds(part, said) for part in wanted), decisive=True)
        case "not":
            held = _holds(wanted, said)
            return held if isinstance(held, str) else not held
        case "cel":
            return _cel(wanted, said)
    if dialect not in PLAIN:
        return f"this release knows no conditions like {dialect!r}"
    compare, texts = PLAIN[dialect], said.texts
    return all(name in texts and compare(texts[name], value) for name, value in wanted.items())


def _decided(verdicts: Iterator[Verdict], *, decisive: bool) -> Verdict:
    """What decides alone is enough, whatever else cannot be told."""
    unclear = ""
    for one in verdicts:
        if one is decisive:
            return decisive
        if isinstance(one, str):
            unclear = unclear or one
    return unclear or not decisive


def _cel(wanted: str, said: Said) -> Verdict:
    from protocol.cel.program import Program, event_of, program  # noqa: PLC0415 - for the nodes whose stacks ask in CEL

    asked = program(wanted)
    return asked.answer(event_of(said.attributes, said.data)) if isinstance(asked, Program) else str(asked)
