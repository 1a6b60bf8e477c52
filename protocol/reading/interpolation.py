"""Compose's interpolation: `$VAR` and `${VAR}` in every text value of a document are replaced; keys never are.

`${VAR:-default}` `${VAR-default}` `${VAR:?error}` `${VAR?error}` `${VAR:+other}` `${VAR+other}`; with the colon, an empty VAR
is none; defaults may hold variables again; `$$` is a dollar. What came from a variable is a text; where the models take a
number, or true or false, and no text, `protocol.reading.recast` reads it again as YAML would, as Compose does: `replicas:
${N}` is a number, and in `environment` the same stays a text.

Pure and total: what is wrong is a `Problem` with its path. A variable that is not set and has no default becomes nothing and
is listed: the command line warns, as Compose does; for a manifest that is published as it is, it is among the `refusals`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from protocol.reading.document import Path
from protocol.reading.recast import recast
from protocol.shapes import JsonValue

NESTING_LIMIT = 20
"""Defaults within defaults; nobody writes three."""

SHOWN_CHARS = 60
"""As much of a text as a sentence can carry."""

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(":?[-?+]")

PLAIN_DOLLAR = "for a plain dollar write $$"
MUST_SET = "set it where `bramble up` is called, or in the .env file"


@dataclass(frozen=True, slots=True)
class Problem:
    """One text that could not be interpolated: where, why, and what to do."""

    path: Path
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A document without variables, and what was wrong on the way. `unset` are the paths and names of what became nothing."""

    content: JsonValue
    unset: tuple[tuple[Path, str], ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def refusals(self) -> tuple[Problem, ...]:
        """Everything that keeps a manifest from being published as it is: a controller knows no variables."""
        remedy = f"publish it with `bramble up`, or give a default; {PLAIN_DOLLAR}"
        unset = tuple(Problem(path, f"the variable {name!r} is not set here", remedy) for path, name in self.unset)
        return self.problems + unset


def interpolated(content: JsonValue, variables: Mapping[str, str]) -> Interpolated:
    """Replace the variables of a whole document; the given one is not changed."""
    walk = _Walk(variables)
    done = walk.value(content, ())
    return Interpolated(done, tuple(walk.unset), tuple(walk.problems))


def expanded(text: str, variables: Mapping[str, str]) -> Interpolated:
    """Interpolate one text, which stays a text; the paths of what is unset or wrong are empty."""
    reader = _Reader(text, variables)
    try:
        done = reader.text(0, live=True)
    except _BadTextError as bad:
        return Interpolated(text, problems=(Problem((), bad.reason, bad.remedy),))
    return Interpolated(done, tuple(((), name) for name in reader.unset))


def escaped(content: JsonValue) -> JsonValue:
    """A document that interpolation, wherever it happens next, gives back as it is: each dollar is doubled."""
    if isinstance(content, str):
        return content.replace("$", "$$")
    if isinstance(content, dict):
        return {key: escaped(value) for key, value in content.items()}
    return [escaped(item) for item in content] if isinstance(content, list) else content


@dataclass(slots=True)
class _Walk:
    variables: Mapping[str, str]
    unset: list[tuple[Path, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def value(self, value: JsonValue, path: Path) -> JsonValue:
        if isinstance(value, dict):
            return {key: self.value(part, (*path, key)) for key, part in value.items()}
        if isinstance(value, list):
            return [self.value(part, (*path, place)) for place, part in enumerate(value)]
        return self.text(value, path) if isinstance(value, str) and "$" in value else value

    def text(self, text: str, path: Path) -> JsonValue:
        done = expanded(text, self.variables)
        self.unset += [(path, name) for _, name in done.unset]
        self.problems += [replace(problem, path=path) for problem in done.problems]
        return text if done.problems else recast(done.content, path)


class _BadTextError(Exception):
    """Never leaves this module."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class _Reader:
    """Reads one text from left to right. What is not `live` (a default that is not needed) is read and dropped."""

    def __init__(self, source: str, variables: Mapping[str, str]) -> None:
        self.source, self.variables = source, variables
        self.at = 0
        self.unset: list[str] = []

    def text(self, depth: int, *, live: bool) -> str:
        """Read to the end, or within braces to the brace that closes them; braces of JSON in a default stay in pairs."""
        parts, open_braces = [], 0
        while self.at < len(self.source):
            char = self.source[self.at]
            if char == "$":
                parts.append(self.dollar(depth, live=live))
                continue
            if depth and char == "}" and not open_braces:
                break
            open_braces += (char == "{") - (char == "}")
            parts.append(char)
            self.at += 1
        return "".join(parts)

    def dollar(self, depth: int, *, live: bool) -> str:
        self.at += 1
        if self.source.startswith("$", self.at):
            self.at += 1
            return "$"
        if self.source.startswith("{", self.at):
            self.at += 1
            return self.braces(depth + 1, live=live)
        return self.plain(self.name(), live=live)

    @property
    def shown(self) -> str:
        return repr(self.source if len(self.source) <= SHOWN_CHARS else f"{self.source[:SHOWN_CHARS]}…")

    def name(self) -> str:
        found = _NAME.match(self.source, self.at)
        if found is None:
            raise _BadTextError(f"a $ names no variable in {self.shown}", PLAIN_DOLLAR)
        self.at = found.end()
        return found[0]

    def plain(self, name: str, *, live: bool) -> str:
        if name not in self.variables and live:
            self.unset.append(name)
        return self.variables.get(name, "")

    def braces(self, depth: int, *, live: bool) -> str:
        if depth > NESTING_LIMIT:
            raise _BadTextError(f"more than {NESTING_LIMIT} defaults stand within each other in {self.shown}")
        name = self.name()
        found = _OPERATOR.match(self.source, self.at)
        operator = found[0] if found else ""
        self.at += len(operator)
        is_there = bool(self.variables.get(name)) if ":" in operator else name in self.variables
        rest = self.text(depth, live=live and is_there == operator.endswith("+")) if operator else ""
        if not self.source.startswith("}", self.at):
            reason = f"${{{name} is followed by no brace and no operator of Compose in {self.shown}"
            raise _BadTextError(reason, f"write ${{{name}}} or ${{{name}:-default}}; {PLAIN_DOLLAR}")
        self.at += 1
        return self.chosen(name, operator[-1:], rest, is_there=is_there, live=live)

    def chosen(self, name: str, operator: str, rest: str, *, is_there: bool, live: bool) -> str:
        if not operator:
            return self.plain(name, live=live)
        if operator == "+":
            return rest if is_there else ""
        if operator == "?" and not is_there and live:
            raise _BadTextError(f"the variable {name!r} must be set" + (f": {rest}" if rest else ""), MUST_SET)
        return self.variables[name] if is_there else rest
