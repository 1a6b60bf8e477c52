"""What every section of a manifest has in common, and the short forms in which people write values.

A `Section` is a mapping that refuses what it does not know: a key that Compose has and we do not is in `refused`, with the reason
and the remedy; a key that changes nothing on a node is in `passed_over`, with the reason; `x-…` passes, as Compose asks, but for
`x-bramble`, which is ours. A `Form` reads a short form into the long one, and puts it into the JSON schema.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from protocol.measures import seconds, size_bytes

OWN_EXTENSION = "x-bramble"

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NOTHING: Schema = {"type": "null"}
SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}


class Section(BaseModel):
    """A mapping of the manifest: unknown keys are refused, types are not guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    refused: ClassVar[Mapping[str, str]] = {}
    passed_over: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _without_what_is_passed_over(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            k: v for k, v in value.items() if k == OWN_EXTENSION or not (k.startswith("x-") or k in cls.passed_over)
        }

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        """Let the editor pass over what we pass over."""
        made = handler.resolve_ref_schema(handler(schema))
        passed = {key: {"description": f"Passed over: {why}."} for key, why in cls.passed_over.items()}
        made["properties"] = {**made.get("properties", {}), **passed}
        made["patternProperties"] = {f"^x-(?!{OWN_EXTENSION.removeprefix('x-')}$)": {}}
        return made


@dataclass(frozen=True, eq=False)
class Form:
    """How a value may be written besides its long form, or, if that `is_all`, instead of it."""

    read: Callable[[Any], Any]
    says: str = ""
    short: tuple[Schema, ...] = ()
    is_all: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read, then check the long form."""
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        """Any of the forms."""
        long = handler(schema)  # always asked, so that a section is defined
        forms = [*self.short, *([] if self.is_all else [long])]
        return forms[0] if len(forms) == 1 else {"anyOf": forms}


@dataclass(frozen=True, eq=False)
class Pattern:
    """A text of one form, with the sentence for what is not; `{}` in it is the text."""

    pattern: str
    sentence: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after the text is known to be one."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        """The same pattern for the editor."""
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def check(self, text: str) -> str:
        """The text, or a fault."""
        if not re.fullmatch(self.pattern, text):
            raise ValueError(self.sentence.format(repr(text[:80])))
        return text


_FLAGS = {"true": True, "yes": True, "y": True, "on": True, "false": False, "no": False, "n": False, "off": False}


def flag(value: object) -> object:
    """True or false, in Compose's words for them."""
    return _FLAGS.get(value.lower(), value) if isinstance(value, str) else value


def whole(value: object) -> object:
    """A whole number, quoted or not."""
    return int(value) if isinstance(value, str) and re.fullmatch("[-+]?[0-9]{1,15}", value) else value


def real(value: object) -> object:
    """A number, quoted or not."""
    if isinstance(value, str):
        return float(value) if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{0,15})?|\.[0-9]{1,15}", value) else value
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def octal(value: object) -> object:
    """The mode of a file: a number (`0440` and `0o440` are octal in YAML), or its octal digits as a text."""
    return int(value, 8) if isinstance(value, str) and re.fullmatch("(0o)?[0-7]{1,5}", value) else value


def microseconds(value: object) -> object:
    """A number of microseconds, or a duration."""
    text = isinstance(value, str) and not value.isdecimal()
    return round(seconds(value) * 1_000_000) if text else whole(value)


def as_text(value: object) -> object:
    """A text, or a whole number as one."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def words(value: object) -> object:
    """A command as a list, or as one line the way a shell splits it."""
    return shlex.split(value) if isinstance(value, str) else value


def pairs(value: object) -> object:
    """A mapping, or a list of `KEY=value`; numbers and booleans become text as Compose has it."""
    if isinstance(value, list):
        if any(isinstance(item, dict | list) for item in value):
            raise ValueError("an item of a list must be a text; write `- KEY=value`, or a mapping without dashes")
        value = dict(str(item).partition("=")[::2] for item in value)
    if isinstance(value, dict):
        return {key: _text(item) for key, item in value.items()}
    return value


def environment(value: object) -> object:
    """Pairs; one that is given no value keeps none."""
    if isinstance(value, dict):
        return {key: None if item is None else _text(item) for key, item in value.items()}
    given = pairs(value)
    if not isinstance(given, dict) or not isinstance(value, list):
        return given
    return {**given, **{item: None for item in value if isinstance(item, str) and "=" not in item}}


def one_or_many(value: object) -> object:
    """A text stands for a list of one."""
    return [value] if isinstance(value, str) else value


def or_nothing(value: object) -> object:
    """A section that is left empty is one with everything left out."""
    return {} if value is None else value


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) else value


_PAIRS: tuple[Schema, ...] = (
    {"type": "object", "additionalProperties": SCALAR},
    {"type": "array", "items": {"type": ["string", "number"]}},
)
_DURATION: Schema = {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(us|ms|s|m|h|d|w))+$"}
SIZE: Schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*[bkmgtBKMGT]?[bB]?$"}

FLAG = Form(flag, "`true` or `false`", ({"enum": list(_FLAGS)},))
WHOLE = Form(whole, "a whole number", ({"type": "string", "pattern": "^[-+]?[0-9]{1,15}$"},))
REAL = Form(real, "a number", ({"type": "string", "pattern": r"^[0-9]*\.?[0-9]*$"},))

Flag = Annotated[bool, FLAG]
Whole = Annotated[int, WHOLE]
Count = Annotated[int, Field(ge=0), WHOLE]
Cpus = Annotated[float, Field(ge=0, le=1024), REAL]
Duration = Annotated[float, Form(seconds, "a duration: `30ms`, `10s`, `1m30s`", (_DURATION,), is_all=True)]
Micros = Annotated[int, Field(ge=0), Form(microseconds, "microseconds, or a duration", (_DURATION,))]
Size = Annotated[int, Field(ge=0), Form(size_bytes, "a size: `64M`", (SIZE,))]
FileMode = Annotated[
    int, Field(ge=0, le=0o7777), Form(octal, "a mode: `0440`", ({"type": "string", "pattern": "^(0o)?[0-7]{1,5}$"},))
]
Number = Annotated[str, Form(as_text, "text or a whole number", ({"type": "integer"},))]
Words = Annotated[list[str], Form(words, "a list of text, or one line as a shell reads it", (TEXT,))]
Pairs = Annotated[dict[str, str], Form(pairs, "a mapping, or a list of `KEY=value`", _PAIRS, is_all=True)]
Environment = Annotated[
    dict[str, str | None], Form(environment, "a mapping, or a list of `KEY=value`", _PAIRS, is_all=True)
]
Texts = Annotated[list[str], Form(one_or_many, "text, or a list of text", (TEXT,))]
