"""`configs` and `secrets`: texts that become files in containers.

Their content stands in the manifest, because no node has the publisher's files: `bramble up` reads `file:` and `environment:` and
publishes `content:`. A secret is a config that nobody is shown; on the way and on the broker it is as plain as the manifest, until
sealed ones exist.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from protocol.manifest.section import FileMode, Form, Pattern, Schema, Section, whole

_READ_BY_UP = "is read on your machine; publish it with `bramble up`, which sends the content"


class Text(Section):
    """A config or secret of the stack."""

    refused: ClassVar = {
        "file": f"a file {_READ_BY_UP}",
        "environment": f"a variable {_READ_BY_UP}",
        "external": "there is no store of configs and secrets beside the stacks; write its `content`",
        "driver": "there is no store of secrets that a driver could ask; write its `content`",
        "driver_opts": "there is no store of secrets that a driver could ask; write its `content`",
        "template_driver": "placeholders like {{.Node.Hostname}} are always filled in; remove it",
        "labels": "it becomes a file in a container, which has no labels; remove them",
    }
    passed_over: ClassVar = {"name": "a name in a store of configs and secrets, which there is none of"}

    content: str | None = None

    @model_validator(mode="after")
    def _has_content(self) -> Text:
        if self.content is None:
            raise ValueError("the key 'content' is missing; add `content:`, or publish it with `bramble up`")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        """For the editor, too, there is no file without its content."""
        made = super().__get_pydantic_json_schema__(schema, handler)
        made["required"] = ["content"]
        made["properties"]["content"] = {"type": "string"}
        return made


def _use(value: object) -> Any:
    return {"source": value} if isinstance(value, str) else value


_Owner = Annotated[
    int, Field(ge=0, le=2**32 - 2), Form(whole, "a number", ({"type": "string", "pattern": "^[0-9]{1,10}$"},))
]


class Use(Section):
    """A config or secret as a file in a service's containers. Left out, `target` is `/NAME`, of a secret `/run/secrets/NAME`."""

    source: str
    target: str = ""
    uid: _Owner = 0
    gid: _Owner = 0
    mode: FileMode = 0o444


Uses = list[Annotated[Use, Form(_use, "text, or keys as below", ({"type": "string"},))]]
TextName = Annotated[
    str, Pattern(r"[A-Za-z0-9._-]+", "{} is no name; use letters, digits, dots, dashes and underscores")
]
Content = dict[TextName, Text]
