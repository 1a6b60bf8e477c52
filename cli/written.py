"""A document → YAML as a person would write it, which every reader of YAML 1.1 and 1.2 reads back as the same document.

Blocks for mappings and lists, literal blocks for texts of several lines, plain words where nothing can take them for anything
else, double quotes for the rest. Written here because `ruamel.yaml`, which reads, has its one home in `protocol.reading.document`,
and because what is written must read back exactly; tests/cli/test_written.py holds it to that by property.
"""

from __future__ import annotations

import re

from protocol.shapes import JsonValue

_PLAIN = re.compile(r"[A-Za-z/_](?:[A-Za-z0-9_./@-]|:(?=[A-Za-z0-9/_.-])| (?=[A-Za-z0-9/_.]))*")
_WORDS = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"])
"""Plain texts that YAML 1.1 or 1.2 takes for something else."""

_QUOTED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_INDENT = "  "
_LATIN, _BASIC = 0xFF, 0xFFFF


def written(content: JsonValue) -> str:
    """Write a document; it ends in a line feed."""
    return "\n".join(_lines(content)) + "\n"


def _lines(value: JsonValue) -> list[str]:
    """The lines of a value that stands alone, not indented."""
    if isinstance(value, dict) and value:
        return [line for key, inner in value.items() for line in _entry(f"{_text(key)}:", inner, is_item=False)]
    if isinstance(value, list) and value:
        return [line for inner in value for line in _entry("-", inner, is_item=True)]
    return [_scalar(value)]


def _entry(head: str, value: JsonValue, *, is_item: bool) -> list[str]:
    """A key or dash with its value: on the same line, or below and indented; a mapping begins beside its dash."""
    if isinstance(value, str) and _is_block(value):
        lines = value.removesuffix("\n").split("\n")
        return [
            f"{head} |{'' if value.endswith(chr(10)) else '-'}",
            *(f"{_INDENT}{line}" if line else "" for line in lines),
        ]
    if not (isinstance(value, dict | list) and value):
        return [f"{head} {_scalar(value)}"]
    inner = _lines(value)
    if is_item:
        return [f"{head} {inner[0]}", *_indented(inner[1:])]
    return [head, *_indented(inner)]


def _indented(lines: list[str]) -> list[str]:
    return [f"{_INDENT}{line}" if line else "" for line in lines]


def _is_block(text: str) -> bool:
    """Whether a literal block can carry it: printable lines, the first shows the indent, at most one line feed at the end."""
    lines = text.split("\n")
    return (
        len(lines) > 1
        and lines[0][:1] not in ("", " ")
        and bool(lines[-1] or lines[-2])
        and all(line.isprintable() and (not line or line.strip()) for line in lines)
    )


def _scalar(value: JsonValue) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    """Python's shortest form, with the point that YAML 1.1 wants before an exponent."""
    mantissa, exponent, power = repr(value).partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}{exponent}{power}"


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(map(_character, text)) + '"'


def _character(char: str) -> str:
    if char in _QUOTED:
        return _QUOTED[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code <= _LATIN else f"\\u{code:04x}" if code <= _BASIC else f"\\U{code:08x}"
