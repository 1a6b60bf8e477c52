"""Sets of characters, as classes of patterns have them. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Ranges = tuple[tuple[int, int], ...]
"""First and last code points, in order, none of which touches another."""

CODE_MOST = 0x10FFFF


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Ranges in order, with those together that meet."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return tuple(found)


def others(ranges: Ranges) -> Ranges:
    """Every other character."""
    edges = [-1, *(edge for pair in ranges for edge in pair), CODE_MOST + 1]
    return tuple((low + 1, high - 1) for low, high in zip(edges[::2], edges[1::2], strict=True) if low + 1 < high)


def is_within(char: str, ranges: Ranges) -> bool:
    """Whether a character is one of them."""
    at = bisect_right(ranges, (ord(char), CODE_MOST)) - 1
    return at >= 0 and ord(char) <= ranges[at][1]


def alike(char: str) -> set[str]:
    """The character itself, small, and capital; what is written with two characters then is left out, as RE2 does."""
    if char == "ı":  # its capital is I, whose small one is another
        return {char}
    small, capital = char.lower(), char.upper()
    return {one for one in (char, small, capital, small.upper(), capital.lower()) if len(one) == 1}


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of some; with `is_folded`, small or capital."""

    ranges: Ranges
    is_negated: bool = False
    is_folded: bool = False
    size: int = 1

    def has(self, char: str) -> bool:
        """Whether a character is such a one."""
        them = alike(char) if self.is_folded else (char,)
        return any(is_within(one, self.ranges) for one in them) is not self.is_negated


ALL = others(())
BUT_NEWLINES = others(((10, 10),))
WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_DIGIT: Ranges = ((48, 57),)
_SPACE: Ranges = ((9, 10), (12, 13), (32, 32))
CLASSES: Mapping[str, Ranges] = {
    "d": _DIGIT, "w": WORD, "s": _SPACE, "D": others(_DIGIT), "W": others(WORD), "S": others(_SPACE),
}  # fmt: skip
"""Those that have a name, after a backslash: of ASCII alone, as RE2 has them."""
