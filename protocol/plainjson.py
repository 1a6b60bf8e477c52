"""Plain JSON → content and places, some twenty times faster than a YAML reader gets there: manifests that programs wrote are JSON.

Reads only what YAML and JSON surely mean alike: a mapping of ASCII texts without escapes, short numbers, true, false and null, on
lines without tabs. Of everything else, and of everything that is wrong, it says nothing (None): the YAML reader has the word, and
finds the fault. So it can make nothing readable that was not, and no sentence of a refusal is its own.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from protocol.shapes import JsonValue

Path = tuple[str | int, ...]
Marks = dict[Path, tuple[int, int]]

DEPTH_MOST = 32
"""Deeper ones are rare enough to be read slowly."""

_TOKEN = re.compile(
    r"[ \n]*(?:"
    r"(?P<mark>[{}\[\],])"
    r'|"(?P<key>[ !#-\[\]-~]{0,200})" ?:(?=[ \n\[{"])'
    r'|"(?P<text>[ !#-\[\]-~]*)"'
    r"|(?P<word>(?:true|false|null|-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?)(?=[ \n,\]}]))"
    r")"
)
"""The next token. A key has its colon with it, on its own line, as YAML wants it."""

_WORDS: dict[str, JsonValue] = {"true": True, "false": False, "null": None}


class _UnsureError(Exception):
    """It is for the YAML reader to say."""


def read(payload: bytes) -> tuple[JsonValue, Marks] | None:
    """The content of a document and, for each path, the line and column of its key or item; None if YAML has to be asked."""
    if not payload.startswith(b"{") or not payload.isascii():
        return None
    reader = _Reader(payload.decode("ascii"))
    try:
        return reader.document(), reader.marks
    except _UnsureError:
        return None


class _Reader:
    """Walks the tokens once; `marks` grow on the way."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self.marks: Marks = {}

    def document(self) -> JsonValue:
        content = self.value(self.token(), ())
        if self.text[self.at :].strip(" \n"):
            raise _UnsureError
        return content

    def token(self) -> re.Match[str]:
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            raise _UnsureError
        self.at = found.end()
        return found

    def value(self, token: re.Match[str], path: Path) -> JsonValue:
        kind = token.lastgroup
        self.marks.setdefault(path, self.place(token))
        if kind == "text":
            return token["text"]
        if kind == "word":
            word = token["word"]
            return _WORDS[word] if word in _WORDS else float(word) if "." in word else int(word)
        if len(path) > DEPTH_MOST or token["mark"] not in ("{", "["):
            raise _UnsureError
        return self.mapping(path) if token["mark"] == "{" else self.sequence(path)

    def mapping(self, path: Path) -> JsonValue:
        found: dict[str, JsonValue] = {}
        token = self.token()
        while token["mark"] != "}":
            key = token["key"]
            if key is None or key in found or key == "<<":
                raise _UnsureError
            self.marks[(*path, key)] = self.place(token)
            found[key] = self.value(self.token(), (*path, key))
            token = self.separated("}")
        return found

    def sequence(self, path: Path) -> JsonValue:
        found: list[JsonValue] = []
        token = self.token()
        while token["mark"] != "]":
            found.append(self.value(token, (*path, len(found))))
            token = self.separated("]")
        return found

    def separated(self, end: str) -> re.Match[str]:
        """The end, or what follows the comma, which is no end."""
        token = self.token()
        if token["mark"] == ",":
            token = self.token()
            if token["mark"] == end:
                raise _UnsureError
        elif token["mark"] != end:
            raise _UnsureError
        return token

    def place(self, token: re.Match[str]) -> tuple[int, int]:
        kind = token.lastgroup or ""
        start = token.start(kind) - (kind in ("key", "text"))
        line = bisect_right(self.lines, start)
        return line, start - self.lines[line - 1] + 1
