"""YAML or JSON bytes → a plain document that remembers where each part stood.

YAML 1.2 (of which JSON is a part), so `22:22` and `no` are texts. A key that stands twice, an alias that leads back into itself,
a document that unfolds to more than a hundred thousand parts, and what JSON could not carry on (a number beyond 2^53, half a
character) are refused; so is a tag that the reader of the document does not know. Nothing here raises on any input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from protocol import plainjson
from protocol.operator import ManifestFault
from protocol.shapes import INT_LIMIT, JsonValue

PART_LIMIT = 100_000
"""A quarter of a megabyte of YAML has some 20,000 parts; more comes only from aliases of aliases."""

DEPTH_LIMIT = 64
"""Compose nests eight levels."""

_TAG = "tag:yaml.org,2002:"
_TRUE = {"true", "True", "TRUE"}

_OCTAL = re.compile("0[0-7]+")
"""YAML 1.2 takes `mode: 0440` for 440; Compose, whose files these are, for a mode."""

Path = tuple[str | int, ...]


class _TooMuchError(ValueError):
    """The document unfolds to more than we read."""


@dataclass(slots=True)
class Document:
    """What was written, and for each path the line and column (from 1) of its key or item, and its tag, if it has one."""

    content: JsonValue
    marks: dict[Path, tuple[int, int]] = field(default_factory=dict)
    tags: dict[Path, str] = field(default_factory=dict)

    def place(self, path: Path) -> tuple[int | None, int | None]:
        """Line and column of a path, or of its nearest parent that stands in the text."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, (None, None))


def read(payload: bytes, tags: frozenset[str] = frozenset()) -> Document | ManifestFault:
    """Read one document, in which `tags` of its own (like `!reset`) may stand."""
    plain = plainjson.read(payload)
    if plain is not None and len(plain[1]) <= PART_LIMIT:
        return Document(*plain)
    try:
        root = YAML(typ="rt", pure=True).compose(payload.decode("utf-8"))
        return _Reader(tags).document(root)
    except UnicodeDecodeError as error:
        return ManifestFault(f"not UTF-8: byte {error.start} is {payload[error.start]:#04x}", remedy="save it as UTF-8")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        return ManifestFault(f"not readable as YAML: {error.problem or error.context}", "", line, column)
    except (YAMLError, _TooMuchError) as error:
        return ManifestFault(f"not readable as YAML: {error}")
    except RecursionError:
        return ManifestFault("nested too deeply to read")
    except (ValueError, OverflowError, AttributeError, TypeError, KeyError, IndexError) as error:
        # The scanner of ruamel.yaml lets a few odd byte sequences through as plain Python errors (fuzzed).
        return ManifestFault(f"not readable as YAML: {type(error).__name__}: {error}")


class _Reader:
    """Walks the parser's nodes once; `marks` and `tags` grow on the way."""

    def __init__(self, known_tags: frozenset[str]) -> None:
        self.known_tags = known_tags
        self.marks: dict[Path, tuple[int, int]] = {}
        self.tags: dict[Path, str] = {}
        self.parts = 0

    def document(self, root: Node | None) -> Document:
        content = None if root is None else self.value(root, ())
        return Document(content, self.marks, self.tags)

    def value(self, node: Node, path: Path) -> JsonValue:
        self.parts += 1
        if self.parts > PART_LIMIT or len(path) > DEPTH_LIMIT:
            raise _TooMuchError("aliases or nesting unfold to more than anyone would write")
        self.marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        self.tag(node, path)
        if isinstance(node, MappingNode):
            return self.mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        return _scalar(node)

    def tag(self, node: Node, path: Path) -> None:
        tag = str(node.tag)
        if tag.startswith("!") and tag not in self.known_tags:
            raise MarkedYAMLError(problem=f"the tag {tag} has no meaning here", problem_mark=node.start_mark)
        if tag in self.known_tags:
            self.tags[path] = tag

    def mapping(self, node: MappingNode, path: Path) -> dict[str, JsonValue]:
        own: dict[str, JsonValue] = {}
        merged: dict[str, JsonValue] = {}
        for key_node, value_node in node.value:
            key = _text(key_node)
            if key_node.tag == _TAG + "merge":
                merged |= self.merge(value_node, path)
                continue
            if key in own:
                raise MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark)
            self.marks[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            own[key] = self.value(value_node, (*path, key))
        return merged | own

    def merge(self, node: Node, path: Path) -> dict[str, JsonValue]:
        sources = node.value if isinstance(node, SequenceNode) else [node]
        result: dict[str, JsonValue] = {}
        for source in reversed(sources):
            value = self.value(source, path)
            if not isinstance(value, dict):
                raise MarkedYAMLError(problem="<< merges mappings only", problem_mark=source.start_mark)
            result |= value
        return result


def _scalar(node: Node) -> JsonValue:
    text = _text(node)
    match str(node.tag).removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return text in _TRUE
        case "int":
            number = _whole(text)
            if isinstance(number, int) and abs(number) > INT_LIMIT:
                raise MarkedYAMLError(problem=f"{text[:30]} is beyond 2^53", problem_mark=node.start_mark)
            return number
        case "float":
            return float(text.replace("_", ""))
        case _:
            return text


def _text(node: Node) -> str:
    text = str(node.value)
    if getattr(node, "style", None) == ">":
        # The scanner leaves a bell wherever it folds two lines; no other one can stand in such a text.
        text = text.replace("\a", "")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise MarkedYAMLError(problem="an escape in a text is half a character", problem_mark=node.start_mark)
    return text


def _whole(text: str) -> int | str:
    plain = text.replace("_", "")
    if _OCTAL.fullmatch(plain):
        return int(plain, 8)
    if plain.lstrip("+-").isdigit():
        return int(plain, 10)
    try:
        return int(plain, 0)
    except ValueError:
        return text
