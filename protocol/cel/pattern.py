r"""The text of a pattern, as `matches` has it, → a tree. Pure; how a tree is looked for in a text is `protocol.cel.matching`'s.

The syntax is RE2's, which CEL asks for, but for what no condition over an event wants: classes of Unicode (`\pL`) and POSIX
(`[[:alpha:]]`), quotations (`\Q...\E`) and single bytes (`\C`). These are refused by name, as is what RE2 has not, like back
references. `\d`, `\w`, `\s` and `\b` know ASCII alone, and `$` is the very end, as RE2 has it. How large a pattern grows, with its
`{m,n}` written out, is known before anything is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import NoReturn

from protocol.cel.chars import ALL, BUT_NEWLINES, CLASSES, CODE_MOST, Chars, alike, merged

PATTERN_CHARS = 1_000
"""One that is written out cannot be longer than its condition; one that comes from an event is held to the same."""

INSTRUCTIONS_MOST = 1_000
"""Of one pattern: as many characters as a condition has, or as RE2 repeats anything."""

GROUPS_DEEP_MOST = 32
"""Within one another. Each costs four of Python's thousand frames, of which an evaluation may have taken two hundred."""


class NoPatternError(Exception):
    """Why a text is no pattern; `at` is the first character of what is wrong, from 0. `functions` makes it a `FailedError`."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(f"the pattern is wrong at its character {at + 1}: {reason}")


class Anchor(Enum):
    """What a pattern may ask of the place between two characters."""

    BEGIN = "the begin of the text"
    END = "the end of the text"
    LINE_BEGIN = "the begin of a line"
    LINE_END = "the end of a line"
    WORD_EDGE = "between a word and what is none"
    NO_WORD_EDGE = "elsewhere"


@dataclass(frozen=True, slots=True)
class At:
    """An anchor, which takes no character."""

    anchor: Anchor
    size: int = 1


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple[Tree, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Choice:
    parts: tuple[Tree, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part `least` to `most` times, or without end; whether it is lazy says nothing of whether there is a match."""

    part: Tree
    least: int
    most: int | None
    size: int


Tree = Chars | At | Sequence | Choice | Repeat
"""`size` is how many instructions it becomes, but at least one."""


@dataclass(frozen=True, slots=True)
class _Flags:
    """What `(?ims)` says of what follows in its group."""

    i: bool = False
    m: bool = False
    s: bool = False
    U: bool = False
    """Lazy for greedy, which says nothing here."""


_PLAIN = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ANCHORS = {"A": Anchor.BEGIN, "z": Anchor.END, "b": Anchor.WORD_EDGE, "B": Anchor.NO_WORD_EDGE}
_ELSEWHERE = {
    "Z": "write \\z for the end of the text",
    "p": "classes of Unicode are not known here; write a range like [à-ÿ]",
    "P": "classes of Unicode are not known here; write a range like [^à-ÿ]",
    "Q": "quotations are not known here; write \\ before each mark",
    "C": "single bytes are not known here; write . for a character",
    **dict.fromkeys("123456789", "RE2 has no back references"),
}

_REPEATED = re.compile(r"[*+?]|\{([0-9]+)(?:(,)([0-9]*))?\}")
_GROUP = re.compile(r"\(\?(?:P?<\w+>|([imsU]*)(?:-([imsU]+))?([:)]))")
_CODE = re.compile(r"\\(?:x\{([0-9a-fA-F]{1,8})\}|x([0-9a-fA-F]{2})|(0[0-7]{0,2}|[1-7][0-7]{1,2}))")


def tree(pattern: str) -> Tree:
    """What a pattern asks for; raises `NoPatternError`."""
    if len(pattern) > PATTERN_CHARS:
        raise NoPatternError(f"it has {len(pattern)} characters, and may have {PATTERN_CHARS}", PATTERN_CHARS)
    reader = _Reader(pattern)
    found = reader.choice()
    if reader.at < len(pattern):
        reader.wrong("`)` closes nothing; write \\) for the character")
    return found


class _Reader:
    """Takes the characters one by one, from the weakest operator, `|`, down to the strongest."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.deep, self.flags = text, 0, 0, _Flags()

    def wrong(self, reason: str, at: int | None = None) -> NoReturn:
        raise NoPatternError(reason, self.at if at is None else at)

    def is_next(self, mark: str) -> bool:
        """Whether a mark follows, which is passed by."""
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    def sized(self, size: int) -> int:
        """How large a part is: at least one, and not too large."""
        if size > INSTRUCTIONS_MOST:
            self.wrong(
                f"a pattern may have {INSTRUCTIONS_MOST} parts with its repetitions written out, and this has {size}"
            )
        return max(1, size)

    def choice(self) -> Tree:
        parts = [self.sequence()]
        while self.is_next("|"):
            parts.append(self.sequence())
        if len(parts) == 1:
            return parts[0]
        return Choice(tuple(parts), self.sized(1 + sum(part.size for part in parts)))

    def sequence(self) -> Tree:
        parts: list[Tree] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            part = self.part()
            if part is not None:
                parts.append(self.repeated(part))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts), self.sized(sum(part.size for part in parts)))

    def repeated(self, part: Tree) -> Tree:
        found = _REPEATED.match(self.text, self.at)
        if found is None:
            return part
        least, most = _times(found)
        if max(least, most or 0) > INSTRUCTIONS_MOST or (most is not None and most < least):
            self.wrong(f"nothing is repeated {found[0][:20]} times; write {{least,most}}, up to {INSTRUCTIONS_MOST}")
        more = part.size + 1 if most is None else (most - least) * (part.size + 1)
        size = self.sized(least * part.size + more)
        self.at = found.end()
        self.is_next("?")
        if _REPEATED.match(self.text, self.at):
            self.wrong("what is repeated already is repeated again; put it into (?:...)")
        return Repeat(part, least, most, size)

    def part(self) -> Tree | None:
        """What may be repeated; none, where only flags are said."""
        char = self.text[self.at]
        if char == "(":
            return self.group()
        if char == "[":
            return self.char_class()
        if char == "\\":
            return self.escaped()
        if _REPEATED.match(self.text, self.at):
            self.wrong(f"there is nothing before {char!r} to repeat; write \\{char} for the character")
        self.at += 1
        if char == ".":
            return Chars(ALL if self.flags.s else BUT_NEWLINES)
        if char == "^":
            return At(Anchor.LINE_BEGIN if self.flags.m else Anchor.BEGIN)
        if char == "$":
            return At(Anchor.LINE_END if self.flags.m else Anchor.END)
        return self.literal(char)

    def literal(self, char: str) -> Chars:
        return Chars(merged(self.ranges(char)), is_folded=self.flags.i)

    def ranges(self, char: str) -> Iterable[tuple[int, int]]:
        """A single character; where that is asked, with what is alike."""
        return [(ord(one), ord(one)) for one in (alike(char) if self.flags.i else char)]

    def group(self) -> Tree | None:
        begin, outer = self.at, self.flags
        if self.is_next("(?"):
            found = _GROUP.match(self.text, begin)
            if found is None:
                self.wrong("a group begins with `(`, `(?:`, `(?P<name>` or flags of i, m and s, like `(?i)`", begin)
            self.at = found.end()
            on, off, end = found.groups()
            flags = {**dict.fromkeys(on or "", True), **dict.fromkeys(off or "", False)}
            self.flags = replace(outer, **flags)
            if end == ")":
                return None
        else:
            self.at += 1
        self.deep += 1
        if self.deep > GROUPS_DEEP_MOST:
            self.wrong(f"more than {GROUPS_DEEP_MOST} groups stand within one another", begin)
        inner = self.choice()
        if not self.is_next(")"):
            self.wrong("the group has no `)`; write \\( for the character", begin)
        self.deep, self.flags = self.deep - 1, outer
        return inner

    def escaped(self) -> Tree:
        char = self.text[self.at + 1 : self.at + 2]
        if char in _ANCHORS:
            self.at += 2
            return At(_ANCHORS[char])
        if char in CLASSES:
            self.at += 2
            return Chars(CLASSES[char], is_folded=self.flags.i)
        return self.literal(self.code())

    def code(self) -> str:
        """The one character that an escape means."""
        found, char = _CODE.match(self.text, self.at), self.text[self.at + 1 : self.at + 2]
        if found is not None:
            code = int(found[3], 8) if found[3] else int(found[1] or found[2], 16)
            if code > CODE_MOST:
                self.wrong(f"{found[0]!r} is beyond Unicode")
            self.at = found.end()
            return chr(code)
        if not char or not char.isascii() or (char.isalnum() and char not in _PLAIN):
            self.wrong(
                f"a backslash before {char!r} means nothing; {_ELSEWHERE.get(char, 'write the character alone')}"
            )
        self.at += 2
        return _PLAIN.get(char, char)

    def char_class(self) -> Tree:
        begin, ranges = self.at, list[tuple[int, int]]()
        self.at += 1
        is_negated, first = self.is_next("^"), self.at
        while not (self.at > first and self.is_next("]")):
            if self.at >= len(self.text):
                self.wrong("the class has no `]`; write \\[ for the character", begin)
            ranges += self.item()
        return Chars(merged(ranges), is_negated, self.flags.i)

    def item(self) -> Iterable[tuple[int, int]]:
        """What stands in a class: a character, a range, or a class that has a name."""
        if self.text.startswith("[:", self.at):
            self.wrong("classes of POSIX are not known here; write \\d, \\w, or ranges like a-z")
        if self.text[self.at] == "\\" and self.text[self.at + 1 : self.at + 2] in CLASSES:
            self.at += 2
            return CLASSES[self.text[self.at - 1]]
        begin, low = self.at, self.char()
        if not self.text.startswith("-", self.at) or self.text[self.at + 1 : self.at + 2] in ("", "]"):
            return self.ranges(low)
        self.at += 1
        high = self.char()
        if high < low:
            self.wrong(f"{self.text[begin : self.at]!r} is no range; write the lower character first", begin)
        return [(ord(low), ord(high))]

    def char(self) -> str:
        if self.text[self.at] == "\\":
            return self.code()
        self.at += 1
        return self.text[self.at - 1]


def _times(found: re.Match[str]) -> tuple[int, int | None]:
    """What a repetition says: how often at least, and at most."""
    if found[0] in "*+?":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[found[0]]
    least = int(found[1])
    return least, int(found[3]) if found[3] else None if found[2] else least
