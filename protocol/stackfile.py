"""The bytes of a manifest → a `Stack`, or every fault with its path, line, column and remedy.

Pure, and used by both sides of the broker: `bramble apply` says the same sentence before publishing that the controller would say
after.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from pydantic import ValidationError

from protocol.document import Document, Path
from protocol.document import read as read_document
from protocol.draft import Draft
from protocol.faults import fault, placed
from protocol.ids import RESERVED_PREFIX, is_name
from protocol.interpolation import interpolated
from protocol.manifest import Manifest
from protocol.operator import ManifestFault
from protocol.shapes import JsonValue
from protocol.stack import Stack
from protocol.translate import stack

FAULTS_SHOWN = 20
"""Nobody mends more at once, and the status must fit into a packet."""

_STEP = re.compile(r"([^.\[\]]+(?=[.\[]|$))|\[(\d+)\]")


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
    plain = interpolated(document.content, {})
    if plain.refusals:
        return _in_order(placed(document, one.path, one.reason, one.remedy) for one in plain.refusals)
    return _meant(name, plain.content, document)


def located(payload: bytes, faults: tuple[ManifestFault, ...]) -> tuple[ManifestFault, ...]:
    """Add line and column to faults that were found after reading and name only a path of a well-formed manifest."""
    document = read_document(payload)
    if isinstance(document, ManifestFault):
        return faults
    places = [document.place(_undotted(fault.path)) for fault in faults]
    return tuple(replace(fault, line=line, column=column) for fault, (line, column) in zip(faults, places, strict=True))


def _meant(name: str, content: JsonValue, document: Document) -> Stack | tuple[ManifestFault, ...]:
    try:
        draft = Draft(name, Manifest.model_validate(content))
    except ValidationError as error:
        return _in_order(fault(document, detail) for detail in error.errors(include_url=False))
    made = stack(draft)
    return _in_order(placed(document, one.path, one.reason, one.remedy) for one in draft.misfits) or made


def _in_order(faults: Iterable[ManifestFault]) -> tuple[ManifestFault, ...]:
    """As they stand in the text, each once, and no more than anybody reads."""
    return tuple(sorted(dict.fromkeys(faults), key=lambda one: (one.line or 0, one.column or 0))[:FAULTS_SHOWN])


def _undotted(text: str) -> Path:
    """Read `services.web.ports[0]` back as a path; the inverse of `faults.dotted`."""
    return tuple(int(index) if index else key for key, index in _STEP.findall(text))
