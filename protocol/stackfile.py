"""The bytes of a manifest → a `Stack`, or every fault with its path, line, column and remedy.

Pure, and used by both sides of the broker: `bramble apply` says the same sentence before publishing that the controller would say
after.
"""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from protocol.compose import OWN_EXTENSION
from protocol.document import Document, Path
from protocol.document import read as read_document
from protocol.ids import RESERVED_PREFIX, is_name
from protocol.manifest import Manifest
from protocol.operator import ManifestFault
from protocol.stack import Stack
from protocol.translate import Translation

FAULTS_SHOWN = 20
"""Nobody mends more at once, and the status must fit into a packet."""

_STEP = re.compile(r"([^.\[\]]+(?=[.\[]|$))|\[(\d+)\]")

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def read(payload: bytes, name: str) -> Stack | tuple[ManifestFault, ...]:
    """Read the stack that is published under `name`."""
    if not is_name(name) or name.startswith(RESERVED_PREFIX):
        remedy = "a-z, 0-9 and inner dashes, at most 63 characters, not beginning with svc-"
        return (ManifestFault(f"{name!r} names no stack", "name", remedy=f"publish under a name of {remedy}"),)
    document = read_document(payload)
    if isinstance(document, ManifestFault):
        return (document,)
    if not isinstance(document.content, dict):
        return (ManifestFault("a manifest is a mapping with services, sensors, actuators or functions", "", 1, 1),)
    try:
        manifest = Manifest.model_validate(document.content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        return tuple(_fault(document, detail) for detail in details[:FAULTS_SHOWN])
    return _translated(name, manifest, document)


def located(payload: bytes, faults: tuple[ManifestFault, ...]) -> tuple[ManifestFault, ...]:
    """Add line and column to faults that were found after reading and name only a path of a well-formed manifest."""
    document = read_document(payload)
    if isinstance(document, ManifestFault):
        return faults
    places = [document.place(_undotted(fault.path)) for fault in faults]
    return tuple(replace(fault, line=line, column=column) for fault, (line, column) in zip(faults, places, strict=True))


def _translated(name: str, manifest: Manifest, document: Document) -> Stack | tuple[ManifestFault, ...]:
    translation = Translation(name, manifest)
    stack = translation.stack()
    if not translation.misfits:
        return stack
    faults = []
    for misfit in translation.misfits[:FAULTS_SHOWN]:
        line, column = document.place(misfit.path)
        faults.append(ManifestFault(misfit.reason, _dotted(misfit.path), line, column, misfit.remedy))
    return tuple(faults)


def _fault(document: Document, detail: ErrorDetails) -> ManifestFault:
    path: Path = tuple(step for step in detail["loc"] if step != "[key]")
    line, column = document.place(path)
    reason, remedy = _reason(path, detail)
    return ManifestFault(reason, _dotted(path), line, column, remedy)


def _reason(path: Path, detail: ErrorDetails) -> tuple[str, str]:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "missing":
        return f"the key {path[-1]!r} is missing", f"add `{path[-1]}:`"
    if kind in _WANTED:
        return f"this must be {_WANTED[kind]}, not {_shown(detail['input'])}", ""
    message = detail["msg"].removeprefix("Value error, ")
    reason, _, remedy = message.partition("; ")
    return reason[:1].lower() + reason[1:], remedy


def _unknown_key(path: Path) -> tuple[str, str]:
    key = str(path[-1])
    if key == OWN_EXTENSION:
        return f"{OWN_EXTENSION!r} is not supported yet", "remove it"
    near = get_close_matches(key, _known_keys(path[:-1]), 1)
    return f"the key {key!r} is not supported here", f"did you mean {near[0]!r}?" if near else "remove it"


def _known_keys(path: Path) -> list[str]:
    """The keys of the section at a path, found by walking the models' fields."""
    section: Any = Manifest
    for step in path:
        if isinstance(section, type) and issubclass(section, BaseModel) and step in section.model_fields:
            section = _section_of(section.model_fields[str(step)].annotation)
    is_section = isinstance(section, type) and issubclass(section, BaseModel)
    return list(section.model_fields) if is_section else []


def _section_of(hint: Any) -> Any:
    """The model inside a hint like `dict[Name, Service]` or `Healthcheck | None`."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    inner = [_section_of(part) for part in getattr(hint, "__args__", ())]
    return next((part for part in reversed(inner) if part is not None), None)


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "nothing" if value is None else repr(value)[:60]


def _undotted(text: str) -> Path:
    """Read `services.web.ports[0]` back as a path; the inverse of `_dotted`."""
    return tuple(int(index) if index else key for key, index in _STEP.findall(text))


def _dotted(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
