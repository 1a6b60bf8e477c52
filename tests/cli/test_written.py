"""What is written as YAML reads back as it was, and looks as a person would have written it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cli.written import written
from protocol.reading import document

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text(
    "ab \n\t#:-'\"{}[]|>&*!%@`,?=~\\$019._", max_size=30
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(
        ["null", "Yes", "NO", "on", "~", "1", "1e3", "0x1f", "22:22", "2020-01-01", "<<", "=", ".inf", "- a", "a: b"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=25,
)


@settings(deadline=None)
@given(JSON)
@example({"a": [[["x"]], {"b": []}, {}]})
@example(["a\n\nb\n", "a\n b", " a\nb", "a\n\n", "\n", "a\n ", "\ta\nb", "a\n\tb\n"])
@example({"a\nb": 1, "": 2, " ": 3})
def test_a_document_reads_back_as_it_was(content: Any) -> None:
    """Whatever JSON can say, with all that YAML might take for something else."""
    found = document.read(written(content).encode())
    assert isinstance(found, document.Document), found
    assert found.content == content
    assert repr(found.content) == repr(content)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"image": "web:1", "ports": ["8080:80"]}, 'image: web:1\nports:\n  - "8080:80"\n'),
        ({"a": {"b": {}, "c": []}}, "a:\n  b: {}\n  c: []\n"),
        ([{"a": 1, "b": True}, ["x"]], "- a: 1\n  b: true\n- - x\n"),
        ({"content": "one\n  two\n"}, "content: |\n  one\n    two\n"),
        ({"content": "one\ntwo"}, "content: |-\n  one\n  two\n"),
        ({"a": "no", "b": "1.10", "c": None, "d": "$$x"}, 'a: "no"\nb: "1.10"\nc: null\nd: "$$x"\n'),
    ],
)
def test_it_looks_as_written_by_a_person(content: Any, text: str) -> None:
    """Blocks, plain words, and quotes only where a reader could be misled."""
    assert written(content) == text
