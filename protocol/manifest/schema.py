"""The JSON schema of a manifest, with every short form: drawn from the models that read it, so an editor knows what they know."""

from __future__ import annotations

import json
from typing import Any

from protocol.manifest.manifest import Manifest
from protocol.manifest.section import Schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> str:
    """The schema as a document."""
    made = {"$schema": DIALECT, **_plain(Manifest.model_json_schema())}
    return json.dumps({**made, "title": "A stack of Bramble"}, indent=1) + "\n"


def _plain(schema: Any) -> Any:
    """Without what only programs read; names that do not match a pattern are wrong."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made: Schema = {
        key: _plain(part)
        for key, part in schema.items()
        if not (key in {"title", "default"} and "properties" not in schema)
    }
    if "patternProperties" in made:
        made.setdefault("additionalProperties", False)
    return made
