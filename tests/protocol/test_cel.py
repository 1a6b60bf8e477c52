"""Conditions in CEL: what they mean, what is refused and where, and that none of them ever costs much."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.cel import program as cel
from protocol.cel.functions import FUNCTIONS, MEMBERS
from protocol.cel.parts import ATTRIBUTES as CEL_ATTRIBUTES
from protocol.cel.parts import DATA as CEL_DATA
from protocol.cel.parts import ELSEWHERE
from protocol.cel.pattern import GROUPS_DEEP_MOST
from protocol.cel.syntax import DEPTH_MOST
from protocol.cel.tokens import EXPRESSION_CHARS
from protocol.manifest.triggering import ATTRIBUTES, WITHIN
from protocol.refusal import Refusal
from protocol.shapes import JsonValue

AGREED = json.loads(Path(__file__).with_name("cel.json").read_text("utf-8"))
"""What both cel-python 0.5.0 and common-expression-language 0.10.0 (which is Rust's) answer; null is no answer."""

WHAT: dict[str, JsonValue] = {"event_type": "changed", "value": {"t": 21, "of": [1, 2, 3], "on": True}, "pin": 17}
SAID = {
    "type": "dev.bramble.sensor.changed", "node": "pi-attic", "monotonic": "12000000000", "time": "2026-11-22T22:30:05.125Z",
    "clock": "synced",
}  # fmt: skip


def answer(text: str, data: dict[str, JsonValue] = WHAT) -> bool | str:
    """What a condition says of an event; what is wrong with it begins with !."""
    asked = cel.program(text)
    return f"!{asked}" if isinstance(asked, Refusal) else asked.answer(cel.event_of(SAID, data))


def test_it_means_what_it_means_elsewhere() -> None:
    """Where two whole implementations agree, this one does."""
    event = dict(AGREED["event"])
    data = event.pop("data")
    for text, agreed in AGREED["answers"]:
        asked = cel.program(text)
        here = "" if isinstance(asked, Refusal) else asked.answer(cel.event_of(event, data))
        assert (None if isinstance(here, str) else here) is agreed, text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("event.data.value.t > 20", True),
        ("event.data.value.t / 2.0 == 10.5", True),
        ("event.data.pin == 17 && event.node.startsWith('pi-')", True),
        ("int(event.monotonic) / 1000000000 == 12", True),
        ("event.data.value.of.exists(one, one > 2)", True),
        ("event.data.value.of.filter(one, one > 1).size() == 2", True),
        ("event.data.value.of[2] == 3", True),
        ("event.data.value.of[event.data.value.of[0]] == 2", True),
        ("event.data.value.of[0.5] == 1", "a list of 3 has no item 0.5"),
        ("event.data.value.on", True),
        ("int(9223372036854775807) > 0 && int(-9223372036854775807 - 1) < 0", True),
        ("has(event.data.reason) && event.data.reason == ''", False),
        ("true == 1", False),
        ("size('h\\u00e9llo') == 5", True),
        ("event.data.reason == ''", "there is no key 'reason'"),
        ("event.data.value > 1", "there is no `>` for map and int"),
        ("event.data.value", "it gives map, which is neither true nor false"),
        ("event.data.value.t", "it gives double, which is neither true nor false"),
        ("event.data.value.t.all(x, x == 1)", "double has no items"),
        ("event.data.value.t.deep == 1", "double has no keys"),
        ("event.data.value.on ? event.data.value.of : true", "it gives list, which is neither true nor false"),
        ("1 / int(event.data.value.t - 21.0) == 1", "a whole number is divided by 0"),
        ("int(event.node) == 1", "'pi-attic' is no whole number"),
        ("event.data.reason == '' || event.node == 'pi-attic'", True),
        ("!(event.data.reason == '')", "there is no key 'reason'"),
        ("event.data.value.t > 20 // warm\n && event.data.value.on", True),
        (r"event.node.matches('^pi-[a-z]+$') && matches(event.type, r'\bchanged$')", True),
        ("event.node.matches(event.type)", False),
        (
            "event.node.matches(event.node + '(')",
            "the pattern is wrong at its character 9: the group has no `)`; write \\( for the character",
        ),
        ("event.node.matches(event.node + '(') || true", True),
        ("event.data.value.matches('a')", "there is no `matches` for map and string"),
        ("event.clock == 'synced' && timestamp(event.time).getHours('Europe/Berlin') == 23", True),
        ("timestamp(event.time).getHours('-02:00') == 20 && timestamp(event.time).getDayOfWeek() == 0", True),
        ("timestamp(event.time) - timestamp('2026-11-22T22:00:00Z') > duration('30m')", True),
        (
            "timestamp(event.time).getHours(event.node) == 1",
            "there is no time zone 'pi-attic' here; write one like Europe/Berlin, UTC or +02:00",
        ),
        ("timestamp(event.node).getHours() == 1", "'pi-attic' is no timestamp; write one like 2026-11-22T18:30:00Z"),
        (
            "duration(event.node) > duration('1s')",
            "'pi-attic' is no duration; write one like 1h30m or 0.5s, in h, m, s, ms, us, ns",
        ),
        (
            "timestamp(event.time) + duration('87600000h') > timestamp(event.time)",
            "a timestamp comes beyond the years 1 to 9999",
        ),
        ("string(b'pi-' + bytes('attic')) == event.node && size(b'\\xff\\x00') == 2", True),
        ("string(b'\\xff') == ''", "b'\\xff' is no text in UTF-8"),
    ],
)
def test_a_condition_holds_or_does_not_or_says_why_that_cannot_be_told(text: str, meant: bool | str) -> None:
    """A missing key, and a value of another type, are no answer; what decides alone is."""
    assert answer(text) == meant


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("event.data.value >", "column 19: the expression is not complete"),
        ("event.data.value > 30 && && true", "column 26: '&&' is not expected here"),
        ("event.data.value > 30 &&\n  tru", "line 2, column 3: there is no 'tru'"),
        ("'abc", "column 1: the text has no end"),
        ("1 = 1", "column 3: '=' means nothing in CEL"),
        ("'\\q' == ''", "column 1: the text has an escape"),
        ("event.valu == 1", "column 7: an event has no 'valu' here"),
        ("event.value == 1", "write event.data.value"),
        ("event.data.node == ''", "write event.node"),
        ("type == ''", "write `event.type`"),
        ("event.data.value + 1 == 2.0", "numbers of an event are doubles, so write 1.0 for 1"),
        ("event.monotonic > 5", "column 17: there is no `>` for string and int"),
        ("event.type", "a condition is true or false, and this is string"),
        ("1 + 1", "a condition is true or false, and this is int"),
        ("event.node && true", "column 12: true or false is asked for here, and not string"),
        ("event.node ? true : false", "true or false is asked for here"),
        ("event.node.all(x, true)", "column 12: string has no items"),
        ("['a'].exists(x, x > 1)", "there is no `>` for string and int"),
        ("[1].all(x, x + 1)", "column 5: true or false is asked for here, and not int"),
        ("event.data.value.all(x)", "is written like `[1, 2].all(one, one > 1)`"),
        ("has(event)", "has() asks for one key"),
        ("has()", "has() asks for one key"),
        ("size() == 1", "there is no `size` for "),
        ("1.node == 1", "has no keys"),
        ("foo(1)", "there is no foo() here; there are size, int"),
        ("rb'a' == b'a'", "column 1: a text has no 'rb' before it; write r, b or br"),
        ("b'\\u00e9' == b''", "is no single byte; write the character, or its bytes"),
        (
            "event.node.matches('a(b')",
            "column 20: the pattern is wrong at its character 2: the group has no `)`; write \\(",
        ),
        ("matches(event.node, '(?=a)')", "column 21: the pattern is wrong at its character 1: a group begins with `(`"),
        ("event.node.matches(r'\\1')", "RE2 has no back references"),
        ("event.node.matches('(a{100}){100}')", "may have 1000 parts with its repetitions written out"),
        ("timestamp('yesterday') < timestamp(event.time)", "column 11: 'yesterday' is no timestamp; write one like 20"),
        ("timestamp('2026-02-29T00:00:00Z') < timestamp(event.time)", "there is no such day or time"),
        ("duration('5 min') > duration('1s')", "column 10: '5 min' is no duration; write one like 1h30m"),
        (
            "timestamp(event.time).getHours('Europe/Berln') == 1",
            "column 32: there is no time zone 'Europe/Berln' here; write",
        ),
        (
            "event.time > timestamp('2026-11-22T18:30:00Z')",
            "a time of an event is a text, so write timestamp(event.time)",
        ),
        ("1u == 1u", "no event has an unsigned number"),
        ("9223372036854775808 == 1", "is beyond 64 bits"),
        ("{1: 2} == {}", "the keys of a map are texts"),
        ("{'a': 1, 'a': 2} == {}", "each stands once"),
        ("for == 1", "'for' is not expected here"),
        *((f"event.node.{name}('a')", why) for name, why in ELSEWHERE.items()),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place(text: str, words: str) -> None:
    """And so is what CEL has and this has not, and what could never hold: with what to write instead."""
    said = answer(text)
    assert isinstance(said, str)
    assert said.startswith("!")
    assert words in said


def test_it_asks_for_what_filters_ask_for() -> None:
    """An event is the same for both, but for `data.labels` and what is a mapping, which filters ask for by their keys."""
    plain = {name for name in ATTRIBUTES if "." not in name}
    assert plain | {"data"} == CEL_ATTRIBUTES
    within = {prefix.split(".")[1] for prefix in WITHIN}
    assert {name.split(".")[1] for name in ATTRIBUTES if "." in name} | within == CEL_DATA


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100 + "true" + ")" * 100,
        "!" * 200 + "true",
        "[" * 100 + "]" * 100 + " == []",
        "1 == " + "+".join(["1"] * 200),
        "event" + ".data" * 100 + " == 1",
        "true " * 300,
        "1||1&&1==1+1*(" * 47,
        "true ? " * 100 + "true" + " : false" * 100,
    ],
)
def test_nothing_is_too_deep_for_python(text: str) -> None:
    """What stands within one another too often is refused, before anything of it runs."""
    assert str(answer(text)).startswith("!")


def test_a_long_chain_is_not_deep() -> None:
    """As many conditions as fit into an expression."""
    text = " && ".join(["event.data.pin == 17"] * (EXPRESSION_CHARS // 24))
    assert len(text) > EXPRESSION_CHARS * 0.9
    assert answer(text) is True
    assert "may have 1000" in str(answer(f"{text} && {text}"))


def test_what_is_as_deep_as_it_may_be_is_answered() -> None:
    """An evaluation goes no deeper than parsing has let through."""
    text = "!" * (DEPTH_MOST - 1) + "event.data.value.on"
    assert str(answer(text)).startswith("!")
    assert answer("!" * (DEPTH_MOST - 4) + "event.data.value.on") is True


@pytest.mark.parametrize(
    "text",
    [
        "event.data.value.all(x, true)",
        "event.data.value.exists(x, event.data.value.exists(y, x + y < 0.0))",
        "event.data.value.all(x, x in event.data.value)",
        "event.data.value.all(x, event.data.value == event.data.value)",
        "event.data.value.all(x, size(event.data.value + event.data.value) > 0)",
        "event.data.value.map(x, [x, x]).map(x, [x, x]) == []",
        "event.data.value.all(x, !(event.data.reason + event.data.reason).contains('b'))",
        "event.data.value.all(x, !event.data.reason.matches('b'))",
        "event.data.value.all(x, !event.node.matches(event.node + '(a?){20}b'))",
        "event.data.value.all(x, event.data.reason != '' && timestamp(event.time).getHours(event.clock + '/a') == 1) || true",
        "event.data.value.all(x, size(bytes(event.data.reason) + b'a') > 1)",
    ],
)
def test_what_costs_too_much_ends(text: str) -> None:
    """Lists and texts of any length cannot hold a turn up: after so many operations there is no answer, whatever else decides."""
    data: dict[str, JsonValue] = {"value": [float(i) for i in range(10_000)], "reason": "a" * 100_000}
    assert answer(text, data) == "it costs too much; ask for less of a long list or text"
    assert answer(f"{text} || true", data) == "it costs too much; ask for less of a long list or text"
    short: dict[str, JsonValue] = {"value": [1.0, 2.0], "reason": "a"}
    assert isinstance(answer(text, short), bool)


def test_half_a_character_is_no_reason_to_fail() -> None:
    """JSON can say one; it is no text in UTF-8, and otherwise a character like any other."""
    data: dict[str, JsonValue] = {"value": "\ud800"}
    assert answer("bytes(event.data.value) == b''", data) == "'\\ud800' is no text of whole characters"
    assert answer("event.data.value.matches('^.$') && !event.data.value.matches('(?i)[a-z]')", data) is True
    assert answer("'a'.matches(event.data.value) || b'\ud800' != br'\ud800'", data) is False
    assert answer("timestamp(event.data.value).getHours(event.data.value) == 1", data) == (
        "'\\ud800' is no timestamp; write one like 2026-11-22T18:30:00Z"
    )


def test_the_deepest_pattern_in_the_deepest_expression_is_read() -> None:
    """Neither takes Python's frames from the other."""
    text = "!(" * (DEPTH_MOST // 2 - 1) + "matches('a', event.data.value)" + ")" * (DEPTH_MOST // 2 - 1)
    deepest: dict[str, JsonValue] = {"value": "(x*|" * GROUPS_DEEP_MOST + "a" + ")?" * GROUPS_DEEP_MOST}
    assert isinstance(answer(text, deepest), bool)
    assert str(answer(text, {"value": "(" * 200})).endswith(
        f"more than {GROUPS_DEEP_MOST} groups stand within one another"
    )


_WORDS = [
    *"()[]{}.,?:!-+*/%<>\"'\\ \n", "&&", "||", "==", "!=", "<=", " in ", "event", ".data", ".value", ".type", "1", "2.5", "true",
    "null", "'a'", "x", ".all(x, ", ".map(x, ", "has(", "size(", "b'a'", "r'", "'^(a|b)+$'", "'1h'", "'2026-11-22T18:30:00Z'",
    "event.time", "timestamp(event.time)", "duration('1h')", "'+02:00'", "'UTC'",
    *(f".{name}(" for name in MEMBERS), *(f"{name}(" for name in FUNCTIONS),
]  # fmt: skip

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3),
    max_leaves=8,
)


@given(text=st.lists(st.sampled_from(_WORDS), max_size=25).map("".join) | st.text(max_size=60), value=_JSON)
@settings(max_examples=600, deadline=None)
def test_any_text_is_refused_or_answers_for_any_event(text: str, value: JsonValue) -> None:
    """Nothing that people write and nothing that devices say makes it raise."""
    assert isinstance(answer(text, {"event_type": "received", "value": value}), bool | str)


@given(value=_JSON, other=_JSON)
@settings(max_examples=200, deadline=None)
def test_operators_answer_for_values_of_any_type(value: JsonValue, other: JsonValue) -> None:
    """Whatever stands on either side."""
    data: dict[str, JsonValue] = {"value": {"a": value, "b": other}}
    for mark in ("==", "!=", "<", "<=", ">", ">=", "in"):
        assert isinstance(answer(f"event.data.value.a {mark} event.data.value.b", data), bool | str)
    for mark in ("+", "-", "*", "/"):
        assert isinstance(answer(f"event.data.value.a {mark} event.data.value.b == 1.0", data), bool | str)
    assert answer("event.data.value.a == event.data.value.a", data) is True
    assert answer("event.data.value.a != event.data.value.b", data) is not answer(
        "event.data.value.a == event.data.value.b", data
    )


def test_a_node_without_such_a_condition_does_not_load_it() -> None:
    """Whoever does not ask in CEL does not pay for it."""
    asks = "import sys, agent.__main__, agent.loop; print(sorted(name for name in sys.modules if name.startswith('protocol.cel')))"
    done = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert "protocol.cel" not in done.stdout
