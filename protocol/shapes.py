"""A frozen dataclass is the shape of a message; this reads the shape from its annotations.

`Shape(cls)` turns type hints into a schema of pydantic's core, which then does the checking: unknown keys are refused, no
string becomes a number, no `NaN` passes. Pydantic itself stays out of the way, because building its models costs an agent
12 MB of memory (reference figure: 21 MB for Python with paho, 33 MB with one model).

Supported hints: str, int, float, bool, StrEnum, `T | None`, `tuple[T, ...]`, `dict[str, T]`, `JsonValue`, nested dataclasses, and
`Annotated[str | int | float, Bounds(...)]`. Anything else is our own mistake and raises when the module is imported.
"""

from __future__ import annotations

import dataclasses
import types
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic_core import SchemaValidator, ValidationError, core_schema

T = TypeVar("T")

JsonValue = Any
"""Whatever JSON can say; used where a message carries someone else's data."""

INT_LIMIT = 2**53
"""Largest whole number that every JSON reader keeps exactly (RFC 8259, section 6)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of one field: a pattern for text, least and most for numbers, longest in characters for text."""

    pattern: str | None = None
    least: float | None = None
    most: float | None = None
    longest: int | None = None


class Shape(Generic[T]):
    """Reads values of one dataclass from what a JSON parser gives."""

    __slots__ = ("_validator", "cls")

    def __init__(self, cls: type[T]) -> None:
        """Build the checker of `cls`; raises TypeError for a hint that has no schema."""
        self.cls = cls
        self._validator = SchemaValidator(_dataclass_schema(cls))

    def read(self, document: object) -> T | str:
        """Return the value, or one sentence that says where the document is wrong."""
        try:
            value: T = self._validator.validate_python(document)
        except ValidationError as error:
            return sentence(error)
        return value


def sentence(error: ValidationError) -> str:
    """Say the first error of a document in words: where, what is wrong, how many more."""
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    first = errors[0]
    where = ".".join(str(step) for step in first["loc"]) or "the document"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{where}: {first['msg'].lower()}{more}"


def _dataclass_schema(cls: type[Any]) -> core_schema.CoreSchema:
    hints = get_type_hints(cls, include_extras=True)
    fields = []
    for field in dataclasses.fields(cls):
        schema = _schema(hints[field.name])
        if field.default is not dataclasses.MISSING:
            schema = core_schema.with_default_schema(schema, default=field.default)
        elif field.default_factory is not dataclasses.MISSING:
            schema = core_schema.with_default_schema(schema, default_factory=field.default_factory)
        fields.append(core_schema.dataclass_field(field.name, schema))
    arguments = core_schema.dataclass_args_schema(cls.__name__, fields, extra_behavior="forbid")
    return core_schema.dataclass_schema(cls, arguments, [f.name for f in dataclasses.fields(cls)], slots=True)


def _schema(hint: Any) -> core_schema.CoreSchema:
    origin = get_origin(hint)
    if origin is Annotated:
        base, bounds = get_args(hint)
        return _plain_schema(base, bounds)
    if origin in (Union, types.UnionType):
        return _optional_schema(hint)
    if origin is tuple:
        return core_schema.tuple_schema([_schema(get_args(hint)[0])], variadic_item_index=0)
    if origin is dict:
        return core_schema.dict_schema(core_schema.str_schema(strict=True), _schema(get_args(hint)[1]))
    if hint is Any:
        return core_schema.any_schema()
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass_schema(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return core_schema.enum_schema(hint, list(hint), sub_type="str")
    return _plain_schema(hint, Bounds())


def _optional_schema(hint: Any) -> core_schema.CoreSchema:
    inner = [part for part in get_args(hint) if part is not type(None)]
    if len(inner) != 1 or len(get_args(hint)) != 2:
        raise TypeError(f"a message field is one type or None, not {hint}")
    return core_schema.nullable_schema(_schema(inner[0]))


def _plain_schema(hint: Any, bounds: Bounds) -> core_schema.CoreSchema:
    if hint is str:
        return core_schema.str_schema(strict=True, pattern=bounds.pattern, max_length=bounds.longest)
    if hint is bool:
        return core_schema.bool_schema(strict=True)
    if hint is int:
        least = -INT_LIMIT if bounds.least is None else int(bounds.least)
        most = INT_LIMIT if bounds.most is None else int(bounds.most)
        return core_schema.int_schema(strict=True, ge=least, le=most)
    if hint is float:
        return core_schema.float_schema(strict=True, allow_inf_nan=False, ge=bounds.least, le=bounds.most)
    raise TypeError(f"a message cannot carry {hint!r}")
