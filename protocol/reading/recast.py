"""Text that came from a variable → the number or boolean that it spells, where the manifest's models take no text.

The models say what a place takes. Where they take text, it stays text (`environment`, `image`, `user`). Where they take only whole
numbers, numbers or booleans, a text that YAML's core rules read as such is read so; anything else stays text, and the models
refuse it in their own words. Compose has a table of places for the same; here there is nothing to keep in step.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from protocol.manifest.by_kind import ByKind
from protocol.manifest.manifest import Manifest
from protocol.reading.document import Path
from protocol.shapes import JsonValue

_WHOLE = re.compile(r"[-+]?[0-9]{1,15}")
"""Fifteen digits are exact in every JSON reader."""

_OCTAL = re.compile("0[0-7]{1,15}")
"""A file's mode, as `protocol.reading.document` reads it."""

_REAL = re.compile(r"[-+]?(?:\.[0-9]{1,15}|[0-9]{1,15}(?:\.[0-9]{0,15})?)(?:[eE][-+]?[0-9]{1,2})?")
_BOOLEANS = {text: text.lower() == "true" for text in ("true", "True", "TRUE", "false", "False", "FALSE")}


_ULIMIT = ("services", "*", "ulimits", "*")
"""A number or a section: the only short form of a section that is a number."""


def recast(text: str, path: Path) -> JsonValue:
    """Read a text again as what its place in a manifest takes."""
    wanted = _wanted(tuple("*" if isinstance(step, int) else step for step in path))
    if not wanted or str in wanted:
        return text
    if bool in wanted and text in _BOOLEANS:
        return _BOOLEANS[text]
    if int in wanted and _WHOLE.fullmatch(text):
        return int(text, 8 if _OCTAL.fullmatch(text) else 10)
    if float in wanted and _REAL.fullmatch(text):
        return float(text)
    return text


@cache
def _wanted(path: tuple[str, ...]) -> frozenset[type]:
    """The plain types that the models take at a path; empty where they know no such place."""
    if path[:1] + path[2:3] == ("services", "ulimits") and len(path) == len(_ULIMIT):
        return frozenset({int})
    hints: list[Any] = [Manifest]
    for step in path:
        hints = [inner for hint in hints for inner in _inner(hint, step)]
    return frozenset(hint for hint in hints if hint in (str, int, float, bool))


def _inner(hint: Any, step: str) -> list[Any]:
    """The alternatives of what stands under a key, or of an item, of a section, mapping or list."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        fields = {field.alias or name: field for name, field in hint.model_fields.items()}
        return _alternatives(fields[step].annotation) if step in fields else []
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is dict and step != "*":
        return _alternatives(arguments[1])
    return _alternatives(arguments[0]) if origin in (list, tuple) and step == "*" else []


def _alternatives(hint: Any) -> list[Any]:
    """Take `Annotated` and unions apart."""
    if get_origin(hint) is Annotated:
        models = [model for mark in get_args(hint)[1:] if isinstance(mark, ByKind) for model in mark.kinds.values()]
        return models or _alternatives(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return [type(value) for value in get_args(hint)]
    if isinstance(hint, type) or get_origin(hint) in (dict, list, tuple):
        return [hint]
    return [part for inner in get_args(hint) for part in _alternatives(inner)]
