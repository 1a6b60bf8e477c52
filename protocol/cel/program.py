"""A condition in CEL, the Common Expression Language, over one event. Pure; the same on a node and on the controller.

`event.data.value > 30.0 && event.type.endsWith("pressed")`: what it has of CEL, means what it means there. What it has not is
refused by name, as is what can never hold: a key that no event has, an operator that is not for what it is given. Numbers of an
event are doubles, as CEL has it of JSON. Written here, because the libraries cost an agent 23 to 32 MB and are not built for every
Pi (ADR 68).

No condition runs for ever: length, depth and cost are bounded. One that has no answer for an event (a key that is missing, a text
where a number is asked for) says why; whoever asks takes that for no.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from protocol.cel.functions import WORDS
from protocol.cel.parts import EVENT, JSON, Part, Scope, part_of, words_of
from protocol.cel.syntax import parse
from protocol.cel.times import OF_TIMESTAMPS
from protocol.cel.tokens import NoCelError, tokens
from protocol.cel.values import Allowance, FailedError, TooDearError
from protocol.refusal import Refusal
from protocol.shapes import JsonValue
from protocol.trigger import Dialect

PROGRAMS_KEPT = 256
"""Of a controller with many stacks; a node has a handful."""

NEWER = frozenset({"matches", "timestamp", "duration", "bytes", *OF_TIMESTAMPS})
"""The functions that the first release with CEL had not."""

_TOO_DEAR = "it costs too much; ask for less of a long list or text"
_EVENT = Part(lambda scope: scope.names[EVENT], frozenset({dict}), JSON)


@dataclass(frozen=True, slots=True)
class Program:
    """A condition that is ready to be asked."""

    text: str
    part: Part

    def answer(self, event: Mapping[str, JsonValue]) -> bool | str:
        """Whether it holds of an event (`event_of`), or why that cannot be told."""
        scope = Scope({EVENT: event}, Allowance())
        try:
            scope.allowance.spend(self.part.cost)
            value = self.part.run(scope)
        except FailedError as failed:
            return str(failed)
        except TooDearError:
            return _TOO_DEAR
        return value if isinstance(value, bool) else f"it gives {WORDS[type(value)]}, which is neither true nor false"


@lru_cache(maxsize=PROGRAMS_KEPT)
def program(text: str) -> Program | Refusal:
    """Make a condition ready; refused with the column where it is wrong."""
    try:
        part = part_of(parse(text), {EVENT: _EVENT})
    except NoCelError as wrong:
        return wrong.refusal(text)
    if bool not in part.may:
        return Refusal(
            f"a condition is true or false, and this is {words_of(part)}; compare it with something", column=1
        )
    return Program(text, part)


def dialects_of(text: str) -> frozenset[Dialect]:
    """What an agent must know to read a condition that is one."""
    words = tokens(text)
    calls = {word.text for word, mark in pairwise(words) if word.kind == "name" and mark.text == "("}
    has_bytes = any(word.kind == "text" and word.text[0] in "bB" for word in words)
    return frozenset({Dialect.CEL, Dialect.CEL_2} if has_bytes or calls & NEWER else {Dialect.CEL})


def event_of(attributes: Mapping[str, str], data: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """An event as conditions see it."""
    return {**attributes, "data": _json(data)}


def _json(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {str(key): _json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_json(part) for part in value]
    return float(value) if type(value) is int else value
