"""A project's documents as trees whose every part knows the file, line and column that it came from.

Parts move when files are merged and services extended, and take their places along, so that a fault in the finished document
still names the line that somebody wrote. Values only; nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import TypeAlias

from protocol.operator import ManifestFault
from protocol.reading.document import Document, Path
from protocol.reading.recast import recast
from protocol.shapes import JsonValue

RESET, OVERRIDE = "!reset", "!override"
TAGS = frozenset({RESET, OVERRIDE})
"""What Compose may write before a value of a file that is merged over another."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as the operator named it, the directory from which its relative paths start, and the variables that it sees."""

    name: str
    directory: FilePath
    variables: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def file(self) -> FilePath:
        """The same for every name of a file that is taken from its own directory."""
        return (self.directory / FilePath(self.name).name).resolve()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written; a file that is taken in whole has no line."""

    source: Source
    line: int | None = None
    column: int | None = None


Value: TypeAlias = "dict[str, Part] | list[Part] | str | int | float | bool | None"


@dataclass(frozen=True, slots=True)
class Part:
    """A value: a mapping or list of parts, or a scalar; `tag` is `!reset`, `!override` or nothing."""

    value: Value
    place: Place
    tag: str = ""

    @property
    def mapping(self) -> dict[str, Part]:
        """Its parts by key; empty for whatever is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Part]:
        """Its items; empty for whatever is no list."""
        return self.value if isinstance(self.value, list) else []

    @property
    def text(self) -> str:
        """Its text; empty for whatever is no text."""
        return self.value if isinstance(self.value, str) else ""

    def get(self, *steps: str) -> Part:
        """The part below, or an empty one at the same place."""
        found = self
        for step in steps:
            found = found.mapping.get(step, Part(None, found.place))
        return found

    def having(self, key: str, part: Part | None) -> Part:
        """The same mapping with another part, or without one."""
        rest = {name: value for name, value in self.mapping.items() if name != key or part is not None}
        return replace(self, value=rest if part is None else rest | {key: part})

    def each(self, change: Callable[[str, Part], Part]) -> Part:
        """The same mapping with each of its parts changed; what is no mapping stays as it is."""
        changed: Value = {name: change(name, part) for name, part in self.mapping.items()}
        return replace(self, value=changed) if isinstance(self.value, dict) else self


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and the file in which; `fault.path` is the path in that file, or in the finished document."""

    file: str
    fault: ManifestFault


@dataclass(slots=True)
class Findings:
    """What was found wrong or worth a word while a project was loaded."""

    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def fault(self, place: Place, path: Path, reason: str, remedy: str = "") -> None:
        """Note what keeps the project from being published."""
        self.faults.append(_found(place, path, reason, remedy))

    def warn(self, place: Place, path: Path, reason: str, remedy: str = "") -> None:
        """Note what is done otherwise than the file says."""
        self.warnings.append(_found(place, path, reason, remedy))


def _found(place: Place, path: Path, reason: str, remedy: str) -> Fault:
    return Fault(place.source.name, ManifestFault(reason, dotted(path), place.line, place.column, remedy))


def dotted(path: Path) -> str:
    """`services.web.ports[0]`, as faults write paths."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def tree(document: Document, content: JsonValue, source: Source) -> Part:
    """The parts of a document whose texts were interpolated to `content`."""

    def part(value: JsonValue, path: Path) -> Part:
        place, tag = Place(source, *document.place(path)), document.tags.get(path, "")
        if isinstance(value, dict):
            return Part({key: part(inner, (*path, key)) for key, inner in value.items()}, place, tag)
        if isinstance(value, list):
            return Part([part(inner, (*path, i)) for i, inner in enumerate(value)], place, tag)
        return Part(recast(value, path) if tag == OVERRIDE and isinstance(value, str) else value, place, tag)

    return part(content, ())


def plain(part: Part) -> JsonValue:
    """The document of a tree."""
    if isinstance(part.value, dict):
        return {key: plain(inner) for key, inner in part.value.items()}
    return [plain(inner) for inner in part.value] if isinstance(part.value, list) else part.value


def settled(part: Part) -> Part:
    """A tree in which what was reset is gone; nothing is merged over it any more."""
    if isinstance(part.value, dict):
        kept = {key: settled(inner) for key, inner in part.value.items() if inner.tag != RESET}
        return replace(part, value=kept, tag="")
    if isinstance(part.value, list):
        return replace(part, value=[settled(inner) for inner in part.value if inner.tag != RESET], tag="")
    return replace(part, tag="")


def walk(part: Part, path: Path = ()) -> Iterator[tuple[Path, Part]]:
    """Each part of a tree with its path, the outer first."""
    yield path, part
    inner = part.value.items() if isinstance(part.value, dict) else enumerate(part.items)
    for step, value in inner:
        yield from walk(value, (*path, step))


def pairs(part: Part) -> Part:
    """`KEY=value` items as a mapping; a key alone has no value."""
    if not part.items:
        return part
    split = [(str(item.value).partition("="), item) for item in part.items]
    return replace(part, value={key: replace(item, value=text if sign else None) for (key, sign, text), item in split})


def places(part: Part) -> Mapping[str, Place]:
    """Where each dotted path of a tree was written."""
    return {dotted(path): inner.place for path, inner in walk(part)}


def place_of(path: str, known: Mapping[str, Place]) -> Place | None:
    """Where a dotted path, or the nearest part around it, was written."""
    while path and path not in known:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return known.get(path)
