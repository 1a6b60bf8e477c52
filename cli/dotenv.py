"""Files of variables (`.env`, `env_file`), read as Compose reads them.

`KEY=value` or `KEY: value`, `export` before it, comments after `#`. Values are bare, or in single quotes as they are, or in
double quotes with escapes for line feeds and the like; quoted ones may go over lines; variables are replaced in bare and
double-quoted ones. A key alone takes its value from the environment, and is left out where that has none. Pure: text in;
pairs, or one sentence with its line, out.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field

from protocol.reading.interpolation import expanded

_KEY = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_REST = re.compile(r"[ \t]*(?:#[^\n]*)?\r?(?=\n|\Z)")
_BARE = re.compile(r"[^\n]*")
_BARE_COMMENT = re.compile(r"(?:^|[ \t])#.*")
_QUOTED = {"'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL), '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "$": "$$"}
_QUOTED_ESCAPES = frozenset('"\\')


@dataclass(slots=True)
class Variables:
    """What a file says, in its order; `unset`: lines, and names that nobody set; `wrong`: a line, and why it is not readable."""

    values: dict[str, str] = field(default_factory=dict)
    unset: list[tuple[int, str]] = field(default_factory=list)
    wrong: tuple[int, str] | None = None


def parse(text: str, environment: Mapping[str, str]) -> Variables:
    """Read a file; its variables come from the environment first, then from the lines above."""
    return _Reader(text.removeprefix("\ufeff"), environment).read()


def parse_raw(text: str) -> Variables:
    """Read a file of `format: raw`: each line is KEY=value as it stands."""
    found = Variables()
    for number, line in enumerate(text.splitlines(), 1):
        key, equals, value = line.partition("=")
        if not key.strip() or key.lstrip().startswith("#"):
            continue
        if not equals:
            found.wrong = (number, f"{line[:60]!r} is not KEY=value")
            break
        found.values[key.strip()] = value
    return found


class _WrongError(Exception):
    """Never leaves this module."""


class _Reader:
    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        self.text, self.environment = text, dict(environment)
        self.at = 0
        self.found = Variables()

    @property
    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def read(self) -> Variables:
        try:
            while self.skip(_BLANK) < len(self.text):
                self.entry()
        except _WrongError as wrong:
            self.found.wrong = (self.line, str(wrong))
        return self.found

    def skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def entry(self) -> None:
        key = _KEY.match(self.text, self.at)
        if key is None:
            raise _WrongError(f"{self.shown!r} begins with no name of a variable")
        self.at = key.end()
        if self.text[self.at : self.at + 1] in ("=", ":"):
            self.at += 1
            self.skip(_SPACE)
            self.found.values[key[1]] = self.value()
        elif key[1] in self.environment:
            self.found.values[key[1]] = self.environment[key[1]]
        rest = _REST.match(self.text, self.at)
        if rest is None:
            raise _WrongError(
                f"{self.shown!r} follows what can be read; write KEY=value, in quotes if it has several parts"
            )
        self.at = rest.end()

    @property
    def shown(self) -> str:
        return self.text[self.at :].split("\n", 1)[0][:60]

    def value(self) -> str:
        quote = self.text[self.at : self.at + 1]
        if quote not in _QUOTED:
            bare = _BARE.match(self.text, self.at)
            text = bare[0] if bare else ""
            self.at += len(text)
            return self.expanded(_BARE_COMMENT.sub("", text).rstrip())
        quoted = _QUOTED[quote].match(self.text, self.at)
        if quoted is None:
            raise _WrongError(f"a {quote} is not closed")
        start, self.at = self.at, quoted.end()
        if quote == "'":
            return quoted[1].replace("\\'", "'")
        return self.expanded(_ESCAPE.sub(_unescaped, quoted[1]), start)

    def expanded(self, text: str, start: int | None = None) -> str:
        done = expanded(text, ChainMap(self.environment, self.found.values))
        if done.problems:
            self.at = self.at if start is None else start
            raise _WrongError(f"{done.problems[0].reason}; {done.problems[0].remedy}")
        self.found.unset += [(self.line, name) for _, name in done.unset]
        return str(done.content)


def _unescaped(escape: re.Match[str]) -> str:
    char = escape[1]
    return _ESCAPES.get(char) or (char if char in _QUOTED_ESCAPES else escape[0])
