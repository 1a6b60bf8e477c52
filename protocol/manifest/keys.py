"""What the keys of a section hold, in words: drawn from the models that read them, for pages and for catalogues."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from protocol.manifest.section import Form

BOUNDS = (("ge", "at least"), ("gt", "more than"), ("le", "at most"))
PLAIN: dict[Any, str] = {str: "text", int: "a whole number", float: "a number", bool: "`true` or `false`"}


def key_of(name: str, field: FieldInfo) -> str:
    """The name of a key as it is written."""
    return field.alias or name


def holds(field: FieldInfo) -> str:
    """Name what a key holds the way people write it."""
    text = _named(field.metadata) or _form(field.annotation)
    found = [m for part in field.metadata for m in (part, *getattr(part, "metadata", ()))]
    bounds = [f"{word} {getattr(m, key)}" for m in found for key, word in BOUNDS if hasattr(m, key)]
    return f"{text}, {', '.join(bounds)}" if bounds else text


def _named(metadata: Iterable[object]) -> str:
    return next((form.says for form in metadata if isinstance(form, Form) and form.says), "")


def _form(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _named(parts[1:]) or _form(parts[0])
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in parts if choice)
    if origin in (list, dict):
        return f"a {'list' if origin is list else 'mapping'} of {_form(parts[-1])}"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return ", ".join(f"`{choice}`" for choice in hint)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return "keys as below"
    return " or ".join(_form(part) for part in parts if part is not type(None)) or PLAIN.get(hint, str(hint))


def left_out(field: FieldInfo) -> str:
    """What a key is that nobody wrote: its default, `required`, or empty."""
    if field.is_required():
        return "required"
    if not field.default or isinstance(field.default, BaseModel):
        return ""
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
