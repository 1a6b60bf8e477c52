"""Compose's variables in a document: what each form becomes, what is wrong, and what becomes a number again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.reading.interpolation import NESTING_LIMIT, escaped, expanded, interpolated

SET = {"A": "a", "EMPTY": "", "N": "3", "T": "true", "HALF": "0.5", "V": "1.10", "_x9": "odd"}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$A", "a"),
        ("${A}b", "ab"),
        ("$A-$N.$_x9", "a-3.odd"),
        ("$$A", "$A"),
        ("$$$A", "$a"),
        ("$$$$", "$$"),
        ("$${A}", "${A}"),
        ("${X:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${A:-d}", "a"),
        ("${X-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${X:-}", ""),
        ("${X-}", ""),
        ("${A:+b}", "b"),
        ("${EMPTY:+b}", ""),
        ("${X:+b}", ""),
        ("${EMPTY+b}", "b"),
        ("${X+b}", ""),
        ("${A:?must}", "a"),
        ("${EMPTY?must}", ""),
        ("${X:-${Y:-$A}}", "a"),
        ("${X:-${Y-${EMPTY:-deep}}}/tail", "deep/tail"),
        ("${A:+${N}x$$}", "3x$"),
        ('${X:-{"a": {"b": 1}}}', '{"a": {"b": 1}}'),
        ("${X:-a:b-c?d+e}", "a:b-c?d+e"),
        ("${X:-http://h/?q=1}", "http://h/?q=1"),
        ("a}b{c", "a}b{c"),
        ("${A}}", "a}"),
    ],
)
def test_each_form_becomes_what_compose_makes_of_it(text: str, expected: str) -> None:
    """Set, empty and unset variables; defaults, others, errors; dollars and braces that are only themselves."""
    done = expanded(text, SET)
    assert (done.content, done.unset, done.problems) == (expected, (), ())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$", "a $ names no variable in '$'"),
        ("100$ a", "a $ names no variable"),
        ("$1", "a $ names no variable"),
        ("${}", "a $ names no variable"),
        ("${1A}", "a $ names no variable"),
        ("${A", "${A is followed by no brace"),
        ("${A b}", "${A is followed by no brace"),
        ("${A:}", "${A is followed by no brace"),
        ("${X:-d", "${X is followed by no brace"),
        ("${A:-${}}", "a $ names no variable"),
        ("${X:?}", "the variable 'X' must be set"),
        ("${X?}", "the variable 'X' must be set"),
        ("${EMPTY:?name the $A; now}", "the variable 'EMPTY' must be set: name the a; now"),
        ("${X:-" * (NESTING_LIMIT + 1) + "}" * (NESTING_LIMIT + 1), f"more than {NESTING_LIMIT} defaults"),
        ("${X:-" * 100_000, f"more than {NESTING_LIMIT} defaults"),
    ],
)
def test_what_is_no_variable_is_told_with_its_text(text: str, reason: str) -> None:
    """A slip is named and gets a remedy or its author's own words; the text stays as it was."""
    done = expanded(text, SET)
    assert done.content == text
    assert [problem.reason[: len(reason)] for problem in done.problems] == [reason]


def test_a_variable_that_nobody_set_becomes_nothing_and_is_listed() -> None:
    """Each place is listed; a default that is not needed is not looked into."""
    done = interpolated({"a": ["$X-$Y"], "b": "${A:-$Z}", "c": "${Z:-$X}", "d": "${A+$Y}"}, SET)
    assert done.content == {"a": ["-"], "b": "a", "c": "", "d": ""}
    assert done.unset == ((("a", 0), "X"), (("a", 0), "Y"), (("c",), "X"), (("d",), "Y"))


def test_problems_carry_their_paths_and_keys_are_left_alone() -> None:
    """Values of mappings and lists are replaced at any depth; a key with a dollar is a key."""
    done = interpolated({"$A": {"b": ["$A", "$"]}, "n": 3, "z": None}, SET)
    assert done.content == {"$A": {"b": ["a", "$"]}, "n": 3, "z": None}
    assert [problem.path for problem in done.problems] == [("$A", "b", 1)]


def test_published_as_it_is_every_variable_without_default_is_refused() -> None:
    """A controller has no environment: what is unset is as wrong as what is misspelt, and says the way out."""
    refusals = interpolated({"a": "${IMAGE}", "b": "${TAG:-1}", "c": "$"}, {}).refusals
    assert [problem.path for problem in refusals] == [("c",), ("a",)]
    assert refusals[1].reason == "the variable 'IMAGE' is not set here"
    assert refusals[1].remedy == "publish it with `bramble up`, or give a default; for a plain dollar write $$"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("services.web.deploy.replicas", "$N", 3),
        ("services.web.deploy.replicas", "${X:-+12}", 12),
        ("services.web.deploy.replicas", "$A", "a"),
        ("services.web.deploy.replicas", "${X:-9999999999999999}", "9999999999999999"),
        ("services.web.deploy.update_config.max_failure_ratio", "$HALF", 0.5),
        ("services.web.read_only", "$T", True),
        ("services.web.read_only", "${X:-FALSE}", False),
        ("services.web.read_only", "${X:-yes}", "yes"),
        ("services.web.image", "$N", "3"),
        ("services.web.user", "$N", "3"),
        ("services.web.environment.N", "$V", "1.10"),
        ("services.web.command.0", "$N", "3"),
        ("services.web.ports.0", "$N:80", "3:80"),
        ("services.web.ports.0.target", "$N", 3),
        ("sensors.door.pin", "$N", 3),
        ("functions.greet.retries", "$N", 3),
        ("services.web.ulimits.nofile", "$N", 3),
        ("services.web.ulimits.nofile.soft", "$N", 3),
        ("services.web.x-bramble.needs.pins.0", "$N", 3),
        ("services.web.x-bramble.disconnect.replace", "$T", True),
        ("services.web.deploy.update_config.max_failure_ratio", "${X:-1e-1}", 0.1),
        ("services.web.configs.0.mode", "${X:-0440}", 0o440),
        ("x-mine.replicas", "$N", "3"),
        ("services.web.nosuch.key", "$N", "3"),
    ],
)
def test_what_a_variable_spells_is_read_as_its_place_takes_it(path: str, text: str, expected: object) -> None:
    """Numbers and booleans where the models take nothing else, by YAML's core rules; text everywhere else."""
    content: Any = text
    steps = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in reversed(steps):
        content = [content] if isinstance(step, int) else {step: content}
    found = interpolated(content, SET).content
    for step in steps:
        found = found[step]
    assert (type(found), found) == (type(expected), expected)


def test_only_what_came_from_a_variable_is_read_again() -> None:
    """A number that stands in quotes in the file was meant as text, and is refused as such elsewhere."""
    content = {"services": {"web": {"deploy": {"replicas": "3"}}}}
    assert interpolated(content, SET).content == content


@settings(deadline=None)
@given(JSON)
def test_an_escaped_document_comes_back_as_it_was(content: Any) -> None:
    """Whatever a document says, doubled dollars carry it through another interpolation unchanged."""
    assert interpolated(escaped(content), {}).content == content


@settings(deadline=None)
@given(st.text(alphabet="$${}:-?+AN 0"))
def test_no_text_raises(text: str) -> None:
    """Any text is interpolated or told as wrong."""
    done = expanded(text, SET)
    assert isinstance(done.content, str)
