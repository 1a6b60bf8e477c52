"""The bytes of a manifest → a `Stack`, or every fault with its path, line, column and remedy.

One reading tells everything: faults of the structure, texts that could not be read, and what does not fit together in the rest.
Pure, and used by both sides of the broker: `bramble apply` says the same sentence before publishing that the controller would say
after.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from pydantic import ValidationError

from protocol.ids import RESERVED_PREFIX, is_name
from protocol.manifest.manifest import Manifest
from protocol.operator import ManifestFault
from protocol.reading.document import Document, Path
from protocol.reading.document import read as read_document
from protocol.reading.draft import Draft
from protocol.reading.faults import fault, path_of, placed
from protocol.reading.interpolation import Interpolated, interpolated
from protocol.reading.mending import Mended, mended
from protocol.reading.translate import stack
from protocol.stack import Stack

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
    return _meant(name, interpolated(document.content, {}), document)


def located(payload: bytes, faults: tuple[ManifestFault, ...]) -> tuple[ManifestFault, ...]:
    """Add line and column to faults that were found after reading and name only a path of a well-formed manifest."""
    document = read_document(payload)
    if isinstance(document, ManifestFault):
        return faults
    places = [document.place(_undotted(fault.path)) for fault in faults]
    return tuple(replace(fault, line=line, column=column) for fault, (line, column) in zip(faults, places, strict=True))


def _meant(name: str, plain: Interpolated, document: Document) -> Stack | tuple[ManifestFault, ...]:
    unread = [one.path for one in plain.refusals]
    found = [placed(document, one.path, one.reason, one.remedy) for one in plain.refusals]
    try:
        manifest = Manifest.model_validate(plain.content)
    except ValidationError as error:
        details = [one for one in error.errors(include_url=False) if not _follows(path_of(one), unread)]
        found += [fault(document, one) for one in details]
        unread += map(path_of, details)
    else:
        if not unread:
            return _translated(Draft(name, manifest), document)
    rest = mended(plain.content, unread)
    return _in_order((*found, *(_misfits(name, rest, document) if rest is not None else ())))


def _follows(path: Path, unread: Iterable[Path]) -> bool:
    """Whether a fault is one of a text that could not be read, or of what it is part of."""
    return any(path[: len(one)] == one or one[: len(path)] == path for one in unread)


def _translated(draft: Draft, document: Document) -> Stack | tuple[ManifestFault, ...]:
    made = stack(draft)
    return _in_order(placed(document, one.path, one.reason, one.remedy) for one in draft.misfits) or made


def _misfits(name: str, rest: Mended, document: Document) -> list[ManifestFault]:
    """What does not fit together in a manifest that has faults elsewhere."""
    try:
        draft = Draft(name, Manifest.model_validate(rest.content))
    except ValidationError:
        return []
    stack(draft)
    return [placed(document, one.path, one.reason, one.remedy) for one in rest.of_the_rest(draft.misfits)]


def _in_order(faults: Iterable[ManifestFault]) -> tuple[ManifestFault, ...]:
    """As they stand in the text, each once, and no more than anybody reads."""
    return tuple(sorted(dict.fromkeys(faults), key=lambda one: (one.line or 0, one.column or 0))[:FAULTS_SHOWN])


def _undotted(text: str) -> Path:
    """Read `services.web.ports[0]` back as a path; the inverse of `faults.dotted`."""
    return tuple(int(index) if index else key for key, index in _STEP.findall(text))
