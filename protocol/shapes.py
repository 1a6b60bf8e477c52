"""A frozen dataclass is the shape of a message; this reads values of it from JSON documents, and writes them.

Strict, as JSON is: unknown keys are refused, no string becomes a number, no `NaN` passes. Written in Python, because pydantic's
core alone costs an agent 5 MB (Python with paho has 21) and reads an event, which is flat, no faster. Manifests, which people
write, are pydantic's.

An open shape passes over the keys that it does not know, at any depth: a newer peer may tell more than this side understands. An
unknown word it reads as the one of that list which is among its `others`; a list that has none there stays closed.

Supported hints: str, int, float, bool, StrEnum, `T | None`, `tuple[T, ...]`, `dict[str, T]`, `JsonValue`, nested dataclasses, and
`Annotated[str | int | float, Bounds(...)]`. Anything else is our own mistake and raises at the first `read`: checks are built when
they are first needed, because a node reads six of twenty messages.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
import types
from collections.abc import Callable
from enum import StrEnum
from operator import attrgetter
from typing import Annotated, Any, Generic, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

JsonValue = Any
"""Whatever JSON can say; used where a message carries someone else's data."""

INT_LIMIT = 2**53
"""Largest whole number that every JSON reader keeps exactly (RFC 8259, section 6)."""

_UNEXPECTED = "unexpected keyword argument"
UNKNOWN = f": {_UNEXPECTED}"
"""How a refusal ends that is about a key which nobody here knows; before it stand the steps that lead to the key."""

_LARGEST = sys.float_info.max

Others = tuple[StrEnum, ...]
"""Of each list of words the one that an unknown word is read as."""

Check = Callable[[Any], Any]
"""Returns the value as its hint wants it, or raises `_WrongError`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of one field: a pattern for text, least and most for numbers, longest in characters for text."""

    pattern: str | None = None
    least: float | None = None
    most: float | None = None
    longest: int | None = None


class Shape(Generic[T]):
    """Reads values of one dataclass from what a JSON parser gives."""

    __slots__ = ("_check", "cls", "others")

    def __init__(self, cls: type[T], others: Others | None = None) -> None:
        """Name the dataclass; nothing is built yet. With `others` it is open."""
        self.cls = cls
        self.others = others
        self._check: Check | None = None

    def read(self, document: object) -> T | str:
        """Return the value, or one sentence that says where the document is wrong; TypeError for a hint that has no check."""
        if self._check is None:
            self._check = _dataclass(self.cls, self.others)
        try:
            value: T = self._check(document)
        except _WrongError as wrong:
            return f"{'.'.join(reversed(wrong.steps)) or 'the document'}: {wrong}"
        return value


def write(value: Any) -> bytes:
    """The JSON of a message, or of whatever a message may carry."""
    return _ENCODER.encode(value).encode()


def sparse(cls: type[T]) -> type[T]:
    """Mark a dataclass of many fields, most of them left as they are: only those that differ from their defaults are written."""
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    _DEFAULTS[cls] = tuple(
        f.default if f.default_factory is dataclasses.MISSING else f.default_factory() for f in fields
    )
    return cls


_DEFAULTS: dict[type[Any], tuple[Any, ...]] = {}


Parts = tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]
"""The names of a dataclass' fields, and what takes all of them out of a value at once."""

_PARTS: dict[type[Any], Parts] = {}


def parts_of(value: Any) -> dict[str, Any]:
    """What a dataclass holds, one level deep."""
    names, take = _PARTS.get(type(value)) or _taken_apart(value)
    return dict(zip(names, take(value), strict=True))


def _taken_apart(value: Any) -> Parts:
    names = tuple(value.__dataclass_fields__)
    known = _PARTS[type(value)] = (names, _taking(names))
    return known


def _taking(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _fields(value: Any) -> dict[str, Any]:
    defaults = _DEFAULTS.get(type(value))
    if defaults is None:
        return parts_of(value)
    names, take = _PARTS.get(type(value)) or _taken_apart(value)
    parts = zip(names, take(value), defaults, strict=True)
    return {name: part for name, part, default in parts if part is not default and part != default}


_ENCODER = json.JSONEncoder(default=_fields, ensure_ascii=False, separators=(",", ":"))


class _WrongError(Exception):
    """What is wrong, and the steps that lead there, the innermost first. Never leaves this module."""

    def __init__(self, what: str, *steps: str) -> None:
        super().__init__(what)
        self.steps = list(steps)


_READERS: dict[tuple[type[Any], Others | None], Check] = {}
# Each is built once: one message stands within many others, and a store reads each kind of record at each start.


def _dataclass(cls: type[Any], others: Others | None) -> Check:
    if (cls, others) not in _READERS:
        _READERS[cls, others] = _reader(cls, others)
    return _READERS[cls, others]


def _reader(cls: type[Any], others: Others | None) -> Check:
    hints = get_type_hints(cls, include_extras=True)
    fields = dataclasses.fields(cls)
    checks = {field.name: _check(hints[field.name], others) for field in fields}
    required = [f.name for f in fields if f.default is f.default_factory is dataclasses.MISSING]

    def read(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        made, name, document = {}, "", _mapping(value)
        if others is not None:
            document = {name: part for name, part in document.items() if name in checks}
        try:
            for name, part in document.items():
                made[name] = checks.get(name, _unexpected)(part)
        except _WrongError as wrong:
            wrong.steps.append(str(name))
            raise
        for name in required:
            if name not in made:
                raise _WrongError("field required", name)
        return cls(**made)

    return read


def _check(hint: Any, others: Others | None) -> Check:
    origin = get_origin(hint)
    if origin is Annotated:
        base, bounds = get_args(hint)
        return _plain(base, bounds)
    if origin in (Union, types.UnionType):
        return _optional(hint, others)
    if origin is tuple:
        return _tuple(_check(get_args(hint)[0], others))
    if origin is dict:
        return _dict(_check(get_args(hint)[1], others))
    if hint is Any:
        return _anything
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint, others)
    return _enum(hint, others or ()) if isinstance(hint, type) and issubclass(hint, StrEnum) else _plain(hint, Bounds())


def _plain(hint: Any, bounds: Bounds) -> Check:
    if hint is str:
        return _text if bounds == Bounds() else _bounded_text(bounds)
    if hint is bool:
        return _bool
    if hint is int:
        least = -INT_LIMIT if bounds.least is None else int(bounds.least)
        return _whole(least, INT_LIMIT if bounds.most is None else int(bounds.most))
    if hint is float:
        return _real(bounds.least, bounds.most)
    raise TypeError(f"a message cannot carry {hint!r}")


def _optional(hint: Any, others: Others | None) -> Check:
    inner = [part for part in get_args(hint) if part is not type(None)]
    if len(inner) != 1 or len(get_args(hint)) != 2:
        raise TypeError(f"a message field is one type or None, not {hint}")
    check = _check(inner[0], others)
    return lambda value: None if value is None else check(value)


def _tuple(check: Check) -> Check:
    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise _WrongError("input should be an array")
        return tuple([_within(place, check, part) for place, part in enumerate(value)])

    return read


def _dict(check: Check) -> Check:
    return lambda value: {name: _within(name, check, part) for name, part in _mapping(value).items()}


def _enum(kind: type[StrEnum], others: Others) -> Check:
    members = {str(member): member for member in kind}
    other = next((member for member in others if isinstance(member, kind)), None)
    *most, last = map(repr, members)
    words = f"input should be {', '.join(most)}{' or ' if most else ''}{last}"

    def read(value: Any) -> Any:
        found = members.get(value, other) if isinstance(value, str) else None
        if found is None:
            raise _WrongError(f"{words}, not {value[:40]!r}" if isinstance(value, str) else words)
        return found

    return read


def _bounded_text(bounds: Bounds) -> Check:
    pattern = re.compile((bounds.pattern or "").removesuffix("$") + (r"\Z" if bounds.pattern else ""))
    # Python's `$` lets a line feed pass at the end.
    longest = math.inf if bounds.longest is None else bounds.longest

    def read(value: Any) -> Any:
        if not pattern.search(_text(value)):
            raise _WrongError(f"string should match pattern '{bounds.pattern}'")
        if len(value) > longest:
            raise _WrongError(f"string should have at most {longest} characters")
        return value

    return read


def _whole(least: int, most: int) -> Check:
    def read(value: Any) -> Any:
        if type(value) is not int:  # `True` is an int to isinstance
            raise _WrongError("input should be a valid integer")
        return value if least <= value <= most else _beyond(value, least, most)

    return read


def _real(least: float | None, most: float | None) -> Check:
    low, high = -math.inf if least is None else least, math.inf if most is None else most

    def read(value: Any) -> Any:
        if type(value) not in (int, float):
            raise _WrongError("input should be a valid number")
        if not -_LARGEST <= value <= _LARGEST:  # nor is NaN between them
            raise _WrongError("input should be a finite number")
        return float(value) if low <= value <= high else _beyond(value, low, high)

    return read


def _beyond(value: float, least: float, most: float) -> NoReturn:
    raise _WrongError(f"input should be at least {least}" if value < least else f"input should be at most {most}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongError("input should be a valid string")
    return value


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _WrongError("input should be a valid boolean")
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _WrongError("input should be a dictionary")
    return value


def _anything(value: Any) -> Any:
    return value


def _unexpected(_: Any) -> Any:
    raise _WrongError(_UNEXPECTED)


def _within(step: object, check: Check, value: Any) -> Any:
    """Check a part; what is wrong with it carries the step that leads to it."""
    try:
        return check(value)
    except _WrongError as wrong:
        wrong.steps.append(str(step))
        raise
