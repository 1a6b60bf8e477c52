"""The fast reader of plain JSON says what the YAML reader says, place for place, or nothing."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from protocol import plainjson
from protocol.reading.document import Document, _Reader, read
from protocol.shapes import JsonValue

TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**16), 10**16), st.floats(-1e6, 1e6), TEXTS, st.text(max_size=6),
    st.sampled_from(["<<", "yes", "22:22", "0440", "1_000", "~", "- a", "a: b", "# c", "!reset", "&a", "*a", "{", "%"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=20,
)
MAPPINGS = st.dictionaries(TEXTS, VALUES, max_size=5)


def by_yaml(payload: bytes) -> Document:
    """The document as the YAML reader has it."""
    return _Reader(frozenset()).document(YAML(typ="rt", pure=True).compose(payload.decode()))


@settings(max_examples=400, deadline=None)
@given(content=MAPPINGS, indent=st.sampled_from([None, 0, 1, 4]), compact=st.booleans(), ascii_only=st.booleans())
def test_what_it_reads_is_what_yaml_reads(
    content: JsonValue, indent: int | None, compact: bool, ascii_only: bool
) -> None:
    """Content, lines and columns are the same, however the JSON is laid out."""
    separators = (",", ":") if compact else None
    payload = json.dumps(content, indent=indent, separators=separators, ensure_ascii=ascii_only).encode()
    plain = plainjson.read(payload)
    if plain is not None:
        assert Document(*plain) == by_yaml(payload)


@settings(max_examples=300, deadline=None)
@given(
    content=MAPPINGS,
    at=st.integers(0, 200),
    wrong=st.sampled_from([b"", b",", b"}", b"]", b'"', b":", b"x", b" ", b"\n", b"1"]),
)
def test_what_is_wrong_it_leaves_to_yaml(content: JsonValue, at: int, wrong: bytes) -> None:
    """A document with a misprint is read only if YAML reads the same."""
    payload = json.dumps(content).encode()
    payload = payload[:at] + wrong + payload[at + 1 :]
    plain = plainjson.read(payload)
    if plain is not None:
        assert Document(*plain) == by_yaml(payload)


@pytest.mark.parametrize(
    "text",
    ["", "[1]", "a: 1", '{"a": 1', '{"a": 1,}', '{"a": [1,]}', '{"a": 1, "a": 2}', '{"<<": {"a": 1}}', '{"a": 01}',
     '{"a": "\\u0041"}', '{"a":\t1}', '{"a": NaN}', '{"a": 1e5}', '{"a": 9007199254740993}', '{"a": 1} x', '{"ä": 1}'],
)  # fmt: skip
def test_what_json_and_yaml_may_mean_otherwise_is_not_its_business(text: str) -> None:
    """It says nothing, and the YAML reader has the word."""
    assert plainjson.read(text.encode()) is None


def test_too_deep_is_left_to_yaml() -> None:
    """Thousands of brackets neither raise nor are read."""
    assert plainjson.read(b'{"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}") is None


def test_a_manifest_of_a_program_is_read_ten_times_faster() -> None:
    """What Terraform or a script has written costs the controller little."""
    services = {f"s{n}": {"image": f"good:{n}", "deploy": {"replicas": n, "labels": {"a": "b"}}} for n in range(30)}
    payload = json.dumps({"services": services}).encode()
    began_s = time.process_time()
    by_yaml(payload)
    slow_s, began_s = time.process_time() - began_s, time.process_time()
    read(payload)
    assert time.process_time() - began_s < slow_s / 10
