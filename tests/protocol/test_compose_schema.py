"""What we accept is Compose: held against the specification's published schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
from pydantic import BaseModel

from protocol import compose

SCHEMA: dict[str, Any] = json.loads(
    (Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor" / "compose-spec.json").read_text()
)
DEFINITIONS: dict[str, Any] = SCHEMA.get("definitions") or SCHEMA["$defs"]
DEPLOY: dict[str, Any] = DEFINITIONS["deployment"]["properties"]
SERVICE: dict[str, Any] = {
    key: value
    for name in ("service", "container_spec", "workload_spec")  # newer editions spread a service over three definitions
    for key, value in DEFINITIONS.get(name, {}).get("properties", {}).items()
}

SECTIONS: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (compose.Service, SERVICE),
    (compose.Deploy, DEPLOY),
    (compose.UpdateConfig, DEPLOY["update_config"]["properties"]),
    (compose.RestartPolicy, DEPLOY["restart_policy"]["properties"]),
    (compose.Placement, DEPLOY["placement"]["properties"]),
    (compose.Limits, DEPLOY["resources"]["properties"]["limits"]["properties"]),
    (compose.Healthcheck, DEFINITIONS["healthcheck"]["properties"]),
]


@pytest.mark.parametrize(("section", "published"), SECTIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_key_that_we_accept_is_composes(section: type[BaseModel], published: dict[str, Any]) -> None:
    """No key of ours hides among theirs: what Compose has no word for stands under x-bramble or in our own sections."""
    assert set(section.model_fields) - set(published) == set()


def test_the_update_words_are_swarms() -> None:
    """The choices of order are the specification's own."""
    assert set(DEPLOY["update_config"]["properties"]["order"]["enum"]) == {"start-first", "stop-first"}
