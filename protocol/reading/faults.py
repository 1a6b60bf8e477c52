"""What the models say of a manifest → faults as people read them: path, line, one sentence, and what to do."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, get_args, get_origin

from pydantic_core import ErrorDetails

from protocol.manifest.by_kind import kind_at
from protocol.manifest.manifest import Manifest
from protocol.manifest.section import OWN_EXTENSION, Section
from protocol.operator import ManifestFault
from protocol.reading.document import Document, Path

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


def fault(document: Document, detail: ErrorDetails) -> ManifestFault:
    """One fault of the models, where it stands in the document."""
    path = path_of(detail)
    reason, remedy = _reason(detail["loc"], detail)
    return placed(document, path, reason, remedy)


def path_of(detail: ErrorDetails) -> Path:
    """Where the models found a fault."""
    return tuple(step for step in detail["loc"] if not _is_mark(step))


def _is_mark(step: str | int) -> bool:
    """Whether a step is the models' own, and nothing that anybody wrote: `[key]`, or the kind of a section."""
    return isinstance(step, str) and step.startswith("[")


def placed(document: Document, path: Path, reason: str, remedy: str) -> ManifestFault:
    """A fault with its line and column."""
    line, column = document.place(path)
    return ManifestFault(reason, dotted(path), line, column, remedy)


def dotted(path: Path) -> str:
    """`services.web.ports[0]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _reason(path: Path, detail: ErrorDetails) -> tuple[str, str]:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "missing":
        return f"the key {path[-1]!r} is missing", f"add `{path[-1]}:`"
    if kind in _WANTED:
        return f"this must be {_WANTED[kind]}, not {_shown(detail['input'])}", ""
    if kind == "literal_error":
        return f"this must be {detail['ctx']['expected']}, not {_shown(detail['input'])}", ""
    message = detail["msg"].removeprefix("Value error, ")
    reason, _, remedy = message.partition("; ")
    return reason[:1].lower() + reason[1:], remedy


def _unknown_key(path: Path) -> tuple[str, str]:
    key, section = str(path[-1]), section_at(path[:-1])
    if section is not None and key in section.refused:
        reason, _, remedy = section.refused[key].partition("; ")
        return f"the key {key!r} is not supported: {reason}", remedy
    if key == OWN_EXTENSION:
        return f"{OWN_EXTENSION!r} belongs to a service, or to the top of the file", "move it there"
    known = [field.alias or name for name, field in section.model_fields.items()] if section is not None else []
    near = get_close_matches(key, known, 1)
    return f"the key {key!r} is not supported here", f"did you mean {near[0]!r}?" if near else "remove it"


def section_at(path: Path) -> type[Section] | None:
    """The section that is read at a place of the models, by their own fields."""
    hint: Any = Manifest
    for step in path:
        hint = kind_at(hint, str(step)) if _is_mark(step) else _inner(hint, step)
    hint = _bare(hint)
    return hint if isinstance(hint, type) and issubclass(hint, Section) else None


def _inner(hint: Any, step: str | int) -> Any:
    """What stands under a key, or as an item, of a section, mapping or list."""
    hint = _bare(hint)
    if isinstance(hint, type) and issubclass(hint, Section):
        fields = {field.alias or name: field for name, field in hint.model_fields.items()}
        return fields[step].annotation if step in fields else None
    arguments = get_args(hint)
    return arguments[-1] if get_origin(hint) in (dict, list) else None


def _bare(hint: Any) -> Any:
    """A hint without its annotations, and without None."""
    if get_origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    if get_origin(hint) in (dict, list) or isinstance(hint, type):
        return hint
    parts = [part for part in get_args(hint) if part is not type(None)]
    return _bare(parts[0]) if parts else None


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "nothing" if value is None else repr(value)[:60]
