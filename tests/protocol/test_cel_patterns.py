"""Patterns of conditions in CEL: found where Python finds them, refused with their place, and never dear."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.cel import program as cel
from protocol.cel.functions import INSTRUCTIONS_FOR_ONE, followed_cost
from protocol.cel.matching import Instruction, Pattern, is_found, pattern_of
from protocol.cel.pattern import GROUPS_DEEP_MOST, INSTRUCTIONS_MOST, PATTERN_CHARS, NoPatternError
from protocol.cel.values import COST_MOST, Allowance, TooDearError
from protocol.refusal import Refusal
from protocol.triggers.results import VALUE_CHARS


@dataclass
class Counted:
    """What a search has followed, and the most of it for one character."""

    all: int = 0
    most: int = 0
    allowance: Allowance | None = None

    def __call__(self, followed: int) -> None:
        self.all += followed
        self.most = max(self.most, followed)
        if self.allowance:
            self.allowance.spend(followed_cost(followed))


class Watched(tuple[Instruction, ...]):  # noqa: SLOT001 - it has what it counts
    """Instructions that count how often one of them is looked at, whatever is said of it."""

    seen = 0

    def __getitem__(self, number: Any) -> Any:
        self.seen += 1
        return super().__getitem__(number)


def watched(pattern: str) -> tuple[Pattern, Watched]:
    ready = pattern_of(pattern)
    instructions = Watched(ready.instructions)
    return replace(ready, instructions=instructions), instructions


def found(pattern: str, text: str) -> bool:
    return is_found(pattern_of(pattern), text, Counted())


@pytest.mark.parametrize(
    ("pattern", "among", "not_among"),
    [
        ("", ["", "a"], []),
        ("b", ["abc"], ["", "ac"]),
        ("^b", ["bc"], ["abc", "a\nb"]),
        ("b$", ["ab"], ["ba", "ab\n"]),
        ("(?m)^b$", ["a\nb\nc", "b\n", "a\nb", "b"], ["ab", "bc"]),
        (r"\Aa.*z\z", ["abcz"], ["abcz\n", "a\nz"]),
        ("(?s)a.b", ["a\nb"], ["ab"]),
        ("(?s:a.)b.c", ["a\nbxc"], ["a\nb\nc"]),
        ("(?i)Straße", ["STRAßE", "strasse straße"], ["strasse"]),
        ("a(?i)b(?-i)c", ["aBc", "abc"], ["ABc", "abC"]),
        ("(?i:a)b", ["Ab"], ["AB"]),
        ("(?i)[^a-c]", ["d", "D"], ["aBC"]),
        ("(?i)k", ["K"], []),
        ("(?i)ı", ["ı"], ["i", "I"]),
        (r"\d\D\w\W\s\S", ["1a_ \t-"], ["1aä \t ", "11_ \t-"]),
        (r"^\w+$", ["aZ_9"], ["grün", "a b"]),
        (r"\s", ["\t", "\f"], ["\v", "\u00a0"]),
        (r"\bpi\b", ["a pi b", "pi", "-pi-"], ["api", "pi_", "pi1"]),
        (r"\Bpi", ["api"], ["pi", " pi"]),
        ("a|b||c", ["a", "b", "x"], []),
        ("^(a|bc)d$", ["ad", "bcd"], ["abcd", "bd"]),
        ("^(?:ab)+c?$", ["ab", "ababc"], ["aab", "abcc"]),
        ("^(?P<one>a)(?<two>b)$", ["ab"], ["a"]),
        ("^a{2}b{1,}c{0,2}d{0}$", ["aab", "aabbbcc"], ["ab", "aabccc", "aabd"]),
        ("^a{,2}$", ["a{,2}"], ["aa"]),
        ("^{x}$", ["{x}"], []),
        ("^(a*?b+?c??)+?$", ["abc", "bb", "aabcb"], ["", "ac"]),
        ("^()*$", [""], ["a"]),
        ("^" + "(a)" * 40 + "$", ["a" * 40], ["a" * 39]),
        ("^(a*)*$", ["", "aaa"], ["b"]),
        (r"^[]a\]-]+$", ["]a-"], ["b"]),
        (r"^[^]a]$", ["b"], ["]", "a"]),
        (r"^[\d.a-c_\-]+$", ["1.b_-"], ["d"]),
        (r"^[^\W\d]$", ["a", "_"], ["1", "-"]),
        ("^[a-]$", ["a", "-"], ["b"]),
        (r"^\x41\x{1F600}\101\0\n\.$", ["A\U0001f600A\0\n."], []),
        (r"^[\x41-\x{43}\t]$", ["B", "\t"], ["D"]),
        ("^.$", ["é", "\U0001f600"], ["\n", "ab"]),
    ],
)
def test_it_finds_what_re2_finds(pattern: str, among: list[str], not_among: list[str]) -> None:
    """A match anywhere is one; `$` is the very end, and classes with a name are of ASCII."""
    assert [found(pattern, text) for text in among] == [True] * len(among)
    assert [found(pattern, text) for text in not_among] == [False] * len(not_among)


@pytest.mark.parametrize(
    ("pattern", "at", "words"),
    [
        ("(a", 1, "the group has no `)`; write \\("),
        ("a)", 2, "`)` closes nothing; write \\)"),
        ("a[b", 2, "the class has no `]`; write \\["),
        ("[]", 1, "the class has no `]`"),
        ("[z-a]", 2, "'z-a' is no range; write the lower character first"),
        (r"[a-\d]", 4, "a backslash before 'd' means nothing"),
        ("*a", 1, "there is nothing before '*' to repeat; write \\*"),
        ("a|{2}", 3, "there is nothing before '{' to repeat"),
        ("(?i)+", 5, "there is nothing before '+' to repeat"),
        ("a**", 3, "what is repeated already is repeated again; put it into (?:...)"),
        ("a{2}{3}", 5, "repeated again"),
        ("a*+", 3, "repeated again"),
        ("a{2,1}", 2, "nothing is repeated {2,1} times"),
        ("a{1001}", 2, "nothing is repeated {1001} times"),
        ("a{" + "9" * 500 + "}", 2, "nothing is repeated {9999999999999999999 times"),
        ("ab\\", 3, "a backslash before '' means nothing"),
        (r"\1", 1, "RE2 has no back references"),
        (r"\Z", 1, "write \\z for the end of the text"),
        (r"\pL", 1, "write a range"),
        (r"\Q*\E", 1, "write \\ before each mark"),
        (r"\C", 1, "write . for a character"),
        (r"\é", 1, "write the character alone"),
        (r"\x{110000}", 1, "is beyond Unicode"),
        (r"\x4", 1, "a backslash before 'x' means nothing"),
        (r"[\b]", 2, "a backslash before 'b' means nothing"),
        ("[[:alpha:]]", 2, "classes of POSIX are not known here; write \\d"),
        ("a(?=b)", 2, "a group begins with `(`, `(?:`"),
        ("(?<!b)", 1, "a group begins with"),
        ("(?x)a", 1, "flags of i, m and s"),
        ("(?P=a)", 1, "a group begins with"),
        ("(?#a)", 1, "a group begins with"),
        ("(?i", 1, "a group begins with"),
        ("(" * 33 + ")" * 33, 33, f"more than {GROUPS_DEEP_MOST} groups"),
        ("a" * 1001, 1001, f"it has 1001 characters, and may have {PATTERN_CHARS}"),
        ("(a{100}){11}", 9, f"may have {INSTRUCTIONS_MOST} parts with its repetitions written out, and this has 1100"),
        ("((((){1000}){1000}){1000}){1000}", 13, "and this has 1000000"),
    ],
)
def test_what_is_no_pattern_is_refused_with_its_place(pattern: str, at: int, words: str) -> None:
    """And with what to write instead; so is what RE2 has and this has not."""
    with pytest.raises(NoPatternError, match=re.escape(f"wrong at its character {at}: ")) as wrong:
        pattern_of(pattern)
    assert words in str(wrong.value)


CATASTROPHIC = [
    "(a+)+$",
    "(a|aa)+$",
    "(a|a?)+$",
    "(.*a){20}$",
    "(x+x+)+y",
    "(a*)*b",
    "^(a?){30}a{30}$",
    "((a{0,9}){0,9}){0,5}c",
]


@pytest.mark.parametrize("pattern", CATASTROPHIC)
@pytest.mark.parametrize("char", ["a", "x"])
def test_no_pattern_costs_more_than_all_of_it_for_each_character(pattern: str, char: str) -> None:
    """What holds a backtracking matcher up for years is done after one pass."""
    (ready, instructions), text, counted = watched(pattern), char * 2_000 + "!", Counted()
    is_found(ready, text, counted)
    assert len(ready.instructions) <= INSTRUCTIONS_MOST + 1
    assert 0 < counted.most <= len(ready.instructions)
    assert instructions.seen == counted.all
    assert counted.all <= len(ready.instructions) * (len(text) + 1)


TOO_DEAR = "it costs too much; ask for less of a long list or text"

LARGEST = [
    "(a|b)*a(a|b){300}",
    "(?i)([a-z]?){499}é",
    ".{999}",
    "(.?){250}x",
    "(a|b|c|d|e|f){120}",
    "(?m)(^|$|\\b|a){180}z",
]


@pytest.mark.parametrize("pattern", LARGEST)
def test_the_largest_pattern_over_the_longest_text_stays_within_the_allowance(pattern: str) -> None:
    """It ends with the operations of an evaluation, as many instructions as these pay for, and those of one character more."""
    (ready, instructions), counted = watched(pattern), Counted(allowance=Allowance())
    assert INSTRUCTIONS_MOST / 2 < len(ready.instructions) <= INSTRUCTIONS_MOST + 1
    chars = "abcdefghij\nAB"
    text = "".join(chars[i * i * 7 % 13] + chars[i % 11] for i in range(VALUE_CHARS // 2))
    with suppress(TooDearError):
        is_found(ready, text, counted)
    assert 0 < instructions.seen == counted.all <= COST_MOST * INSTRUCTIONS_FOR_ONE + len(ready.instructions)


@pytest.mark.parametrize(
    "pattern", ["error|warn", "(a+)+$", "(a|aa)+$", r"^(\d{1,3}\.){3}\d{1,3}$", "(?i)error", "^[^=]+=[0-9]+$"]
)
@pytest.mark.parametrize("text", ["a" * VALUE_CHARS, "lorem 12.5 ipsum\n" * (VALUE_CHARS // 17)])
def test_what_people_write_has_an_answer_for_the_longest_output(pattern: str, text: str) -> None:
    """The allowance is no excuse."""
    asked = cel.program(f"event.data.value.matches(r'{pattern}')")
    assert not isinstance(asked, Refusal)
    assert asked.answer(cel.event_of({}, {"value": text})) is bool(re.search(pattern, text.removesuffix("\n")))


def test_what_costs_more_than_an_evaluation_may_has_no_answer() -> None:
    """A condition over an output ends, too, whatever else decides."""
    asked = cel.program("event.data.value.matches('[a-z]{400}9|9') || true")
    assert not isinstance(asked, Refusal)
    assert asked.answer(cel.event_of({}, {"value": "ab" * 200})) == TOO_DEAR
    assert asked.answer(cel.event_of({}, {"value": "-" * 40_000})) == TOO_DEAR
    assert asked.answer(cel.event_of({}, {"value": "9"})) is True


def test_a_computed_pattern_pays_for_being_read() -> None:
    """An event that names a large one cannot have it made ready again and again."""
    asked = cel.program("event.data.value.w.all(x, 'b'.matches(event.data.value.p) || true)")
    assert not isinstance(asked, Refusal)
    for large in ("a{999}", "(){1000}", "a" * 1000, "a" * 999 + ")"):
        data = {"value": {"w": ["x"] * 10, "p": large}}
        assert asked.answer(cel.event_of({}, data)) == TOO_DEAR
    assert asked.answer(cel.event_of({}, {"value": {"w": ["x"] * 10, "p": "a{9}"}})) is True


_LAST = "\0"
"""Where a pattern has `$`: the very end, which Python calls so only within `(?m:`."""

_ANCHORS = {"^": "^", "$": _LAST, r"\b": r"\b", r"\B": r"(?!\b)", r"\A": r"\A", r"\z": r"\Z"}
"""What Python calls them; its own `\\B` is nowhere in an empty text."""

_ONES = [
    "a",
    "b",
    "A",
    "-",
    ".",
    r"\.",
    r"\d",
    r"\D",
    r"\w",
    r"\W",
    r"\s",
    r"\S",
    "[ab]",
    "[^a]",
    "[a-c1]",
    r"[^\d_]",
    r"[\s-]",
    r"\x62",
]
_TIMES = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "{0}", "{1,}"]
Pair = tuple[str, str]
"""A pattern as RE2 writes it, and the same as Python does."""


def _both(text: str) -> Pair:
    return text, text


def _group(begin: str, part: Pair) -> Pair:
    ours, theirs = part
    return f"{begin}{ours})", f"{begin}{theirs.replace(_LAST, '$') if 'm' in begin else theirs})"


def _grown(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def joined(parts: list[Pair], mark: str = "") -> Pair:
        ours, theirs = zip(*parts, strict=True)
        return mark.join(ours), mark.join(theirs)

    groups = st.sampled_from(["(", "(?:", "(?i:", "(?s:", "(?m:", "(?-i:"])
    grouped = st.builds(_group, groups, inner)
    several = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        grouped,
        st.builds(lambda part, times: (part[0] + times, part[1] + times), grouped, st.sampled_from(_TIMES)),
        several.map(joined),
        several.map(lambda parts: joined([(f"(?:{ours})", f"(?:{theirs})") for ours, theirs in parts], "|")),
    )


_SINGLE = st.sampled_from(_ONES)
PATTERNS = st.recursive(
    st.one_of(
        _SINGLE.map(_both),
        st.builds(lambda one, times: _both(one + times), _SINGLE, st.sampled_from(_TIMES)),
        st.sampled_from(sorted(_ANCHORS.items())),
    ),
    _grown,
    max_leaves=6,
)


@given(pattern=PATTERNS, texts=st.lists(st.text("abcAB1_- \n.", max_size=7), min_size=1, max_size=5))
@settings(max_examples=1_500, deadline=None)
def test_it_finds_what_python_finds(pattern: Pair, texts: list[str]) -> None:
    """Where both mean the same: in ASCII, and with the anchors of one written as the other has them."""
    ours, theirs = pattern
    compiled = re.compile(theirs.replace(_LAST, r"\Z"), re.ASCII)
    for text in texts:
        assert found(ours, text) is bool(compiled.search(text)), (ours, text)


_PIECES = [
    *_ONES,
    *_TIMES,
    *_ANCHORS,
    *"()[]{}|^$.*+?\\-,:",
    "(?i)",
    "(?m)",
    "(?P<a>",
    "[^",
    "{1000}",
    "{3,",
    "é",
    "\ud800",
    "\0",
]


@given(
    pattern=st.lists(st.sampled_from(_PIECES), max_size=14).map("".join) | st.text(max_size=40),
    text=st.text(max_size=12) | st.text("ab1 \n", max_size=12),
)
@settings(max_examples=1_500, deadline=None)
def test_any_text_is_a_pattern_or_is_none(pattern: str, text: str) -> None:
    """Nothing but the one error leaves the reader, and none the search; neither is larger than was promised."""
    try:
        ready = pattern_of(pattern)
    except NoPatternError:
        return
    counted = Counted()
    assert isinstance(is_found(ready, text, counted), bool)
    assert len(ready.instructions) <= INSTRUCTIONS_MOST + 1
    assert counted.all <= len(ready.instructions) * (len(text) + 1)
