"""Whether a pattern is found in a text, at a cost that is bounded for every pattern and every text. Pure.

A tree (`protocol.cel.pattern`) becomes instructions. All that may come next are followed at once, so no character is read twice:
Thompson's way, which costs at most the length of the text times the number of instructions. What was worked out for a set of them
and a character is remembered until the search ends, so that most characters cost one look. As only that there is a match is asked,
and not where, it matters neither what is lazy nor what a group takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from protocol.cel.chars import WORD, Chars, is_within
from protocol.cel.pattern import Anchor, At, Choice, Repeat, Sequence, Tree, tree

_END = 0
"""The number of the instruction that ends a match."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """What is asked, if anything: for the next character, or for an anchor; and which ones come then."""

    asks: Chars | At | None
    then: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One that is ready to be looked for, from its `first` instruction on; `size` is what it took to make it so."""

    instructions: tuple[Instruction, ...]
    first: int
    size: int


def pattern_of(text: str) -> Pattern:
    """Make a pattern ready; raises `NoPatternError`. It has `INSTRUCTIONS_MOST` instructions, and the one that ends it, at most."""
    made, whole = [Instruction(None, ())], tree(text)
    first = _added(made, whole, _END)
    return Pattern(tuple(made), first, whole.size)


def _added(made: list[Instruction], part: Tree, then: int) -> int:
    """Add the instructions of a part, the last ones first, as each knows what comes then; says where it begins."""
    match part:
        case Sequence(parts=parts):
            for one in reversed(parts):
                then = _added(made, one, then)
            return then
        case Choice(parts=parts):
            return _one(made, None, *(_added(made, one, then) for one in parts))
        case Repeat():
            return _repeated(made, part, then)
    return _one(made, part, then)


def _repeated(made: list[Instruction], repeat: Repeat, then: int) -> int:
    if repeat.most is None:
        again = _one(made, None)
        made[again] = Instruction(None, (_added(made, repeat.part, again), then))
        then = again
    for _ in range((repeat.most or repeat.least) - repeat.least):
        then = _one(made, None, _added(made, repeat.part, then), then)
    for _ in range(repeat.least):
        then = _added(made, repeat.part, then)
    return then


def _one(made: list[Instruction], asks: Chars | At | None, *then: int) -> int:
    made.append(Instruction(asks, then))
    return len(made) - 1


class _State:
    """Which instructions may come next, and the sort of the last character; `after` is what was worked out for each character."""

    __slots__ = ("after", "before", "next")

    def __init__(self, following: frozenset[int], before: str) -> None:
        self.next, self.before = following, before
        self.after: dict[str, _State | None] = {}


def is_found(pattern: Pattern, text: str, spend: Callable[[int], None]) -> bool:
    """Whether a pattern is found anywhere in a text.

    `spend` is told how many instructions were followed, each time that some were: for one character, all of them at most. What it
    raises ends the search.
    """
    state: _State | None = _State(frozenset(), "")
    states: dict[tuple[frozenset[int], str], _State] = {}
    for char in (*text, ""):
        assert state is not None
        if char not in state.after:
            reached, followed = _reached(pattern, state, char)
            spend(followed)
            key = (reached, _sort(char))
            state.after[char] = None if _END in reached else states.setdefault(key, _State(*key))
        state = state.after[char]
        if state is None:
            return True
    return False


def _reached(pattern: Pattern, state: _State, char: str) -> tuple[frozenset[int], int]:
    """What comes after a character, or the end if it comes before; and how many instructions were followed. A match may begin."""
    waiting, followed, reached = [*state.next, pattern.first], set[int](), set[int]()
    while waiting:
        number = waiting.pop()
        if number in followed:
            continue
        followed.add(number)
        one = pattern.instructions[number]
        if isinstance(one.asks, Chars):
            if char and one.asks.has(char):
                reached.update(one.then)
        elif one.asks is None or _HOLDS[one.asks.anchor](state.before, char):
            waiting += one.then
    return frozenset((_END,)) if _END in followed else frozenset(reached), len(followed)


def _sort(char: str) -> str:
    """All that an anchor asks of a character: whether there is one, ends a line, or is of a word."""
    return char if char in ("", "\n") else "w" if is_within(char, WORD) else " "


def _is_edge(before: str, after: str) -> bool:
    return (_sort(before) == "w") is not (_sort(after) == "w")


_HOLDS: Mapping[Anchor, Callable[[str, str], bool]] = {
    Anchor.BEGIN: lambda before, _: before == "",
    Anchor.END: lambda _, after: after == "",
    Anchor.LINE_BEGIN: lambda before, _: before in ("", "\n"),
    Anchor.LINE_END: lambda _, after: after in ("", "\n"),
    Anchor.WORD_EDGE: _is_edge,
    Anchor.NO_WORD_EDGE: lambda before, after: not _is_edge(before, after),
}
