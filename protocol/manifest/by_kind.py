"""A section whose keys depend on its `kind`: each kind is a model of its own, and a fault names a key of the kind that is meant.

The models stand side by side in a tagged union. Its tags are written `[button]`, so that `protocol.reading.faults` tells them
from the steps of a path. A kind that there is not has a model, too: one that says so at the key `kind`, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from protocol.manifest.section import Schema, Section

NO_KIND = "[]"
OWN_KIND = "[.]"


@dataclass(frozen=True, eq=False)
class ByKind:
    """One of several sections, by the key `kind`; `what` is what a kind is one of, for people.

    `own` is the model of kinds that have a dot in their name, which others bring along.
    """

    kinds: Mapping[str, type[Section]]
    what: str
    own: type[Section] | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read by the model of the kind."""
        choices = {f"[{kind}]": handler.generate_schema(model) for kind, model in self.kinds.items()}
        own = {} if self.own is None else {OWN_KIND: handler.generate_schema(self.own)}
        return core_schema.tagged_union_schema({**choices, **own, NO_KIND: self._none()}, self._tag)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        """Any of the models."""
        choices = schema["choices"]
        return {"oneOf": [handler(choice) for tag, choice in choices.items() if tag != NO_KIND]}

    def _tag(self, value: Any) -> str:
        kind = value.get("kind") if isinstance(value, dict) else None
        if self.own is not None and isinstance(kind, str) and "." in kind:
            return OWN_KIND
        return f"[{kind}]" if isinstance(kind, str) and kind in self.kinds else NO_KIND

    def at(self, tag: str) -> type[Section] | None:
        """The model that a tag means."""
        return self.own if tag == OWN_KIND else self.kinds.get(tag[1:-1])

    def _none(self) -> CoreSchema:
        def refuse(value: Any) -> Any:
            raise ValueError(f"{value!r} is no {self.what}; there are {', '.join(sorted(self.kinds))}")

        kind = core_schema.no_info_after_validator_function(refuse, core_schema.str_schema(strict=True))
        return core_schema.typed_dict_schema({"kind": core_schema.typed_dict_field(kind)}, extra_behavior="ignore")


def kind_at(hint: Any, tag: str) -> type[Section] | None:
    """The model that a tag means in a hint."""
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((mark.at(tag) for mark in marks if isinstance(mark, ByKind)), None)
