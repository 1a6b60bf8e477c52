"""The text of a condition in CEL → its words, and what numbers and quoted texts mean. Pure.

What is wrong is told with its character; so is what no event has (unsigned numbers).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from protocol.refusal import Refusal

EXPRESSION_CHARS = 1000
"""A page of conditions; a longer one wants to be a function."""

RESERVED = frozenset({
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "in", "let", "loop", "package", "namespace",
    "return", "var", "void", "while",
})  # fmt: skip
CONSTANTS = {"true": True, "false": False, "null": None}

_TOKEN = re.compile(
    r"(?P<space>(?:[ \t\n\f\r]|//[^\n]*)+)"
    r"|(?P<number>(?:0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[uU]?)"
    r"|(?P<text>[a-zA-Z]{0,2}(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''"
    r"|\"(?:[^\\\"\r\n]|\\.)*\"|'(?:[^\\'\r\n]|\\.)*'))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<mark>\|\||&&|[=!<>]=|[-+*/%<>!?:.,()\[\]{}])",
    re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.?))", re.DOTALL
)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class NoCelError(Exception):
    """Why a text is no condition; `at` is the first character of what is wrong, from 0. Leaves `protocol.cel` as a `Refusal`."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason, self.at = reason, at

    def refusal(self, text: str) -> Refusal:
        """The sentence with its place; the line is told where there are several."""
        lines = text[: self.at].split("\n")
        return Refusal(self.reason, line=len(lines) if "\n" in text else None, column=len(lines[-1]) + 1)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    at: int


def tokens(text: str) -> list[Token]:
    """The words of a text; raises `NoCelError`. The last one is of the kind `end`."""
    if len(text) > EXPRESSION_CHARS:
        raise NoCelError(f"has {len(text)} characters, and may have {EXPRESSION_CHARS}", EXPRESSION_CHARS)
    words: list[Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            open_text = text[at] in "\"'"
            raise NoCelError("the text has no end" if open_text else f"{text[at]!r} means nothing in CEL", at)
        if found.lastgroup != "space":
            words.append(Token(str(found.lastgroup), found[0], at))
        at = found.end()
    return [*words, Token("end", "", len(text))]


def literal(token: Token) -> Any:
    """What a number, a quoted text or a constant means; raises `NoCelError`."""
    if token.kind == "text":
        return _text(token)
    return CONSTANTS[token.text] if token.text in CONSTANTS else _number(token)


def _number(token: Token) -> float:
    text = token.text.lower()
    if text.endswith("u"):
        raise NoCelError("no event has an unsigned number; write it without u", token.at)
    if "x" in text:
        whole = int(text, 16)
    elif "." in text or "e" in text:
        return float(text)
    else:
        whole = int(text)
    if not -(2**63) <= whole < 2**63:
        raise NoCelError(f"{token.text} is beyond 64 bits", token.at)
    return whole


def _text(token: Token) -> str | bytes:
    prefix = re.match("[a-zA-Z]*", token.text)[0].lower()  # type: ignore[index]
    if prefix not in ("", "r", "b", "br"):
        raise NoCelError(
            f"a text has no {token.text[: len(prefix)]!r} before it; write r, b or br, or the quotes alone", token.at
        )
    quoted = token.text[len(prefix) :]
    quotes = 3 if quoted[:3] in ('"""', "'''") else 1
    inner = quoted[quotes:-quotes]
    if prefix.startswith("b"):
        return inner.encode(errors="surrogatepass") if "r" in prefix else _octets(inner, token.at)
    return inner if prefix else _ESCAPE.sub(lambda found: _escaped(found, token.at), inner)


def _octets(inner: str, at: int) -> bytes:
    """A text as bytes: in UTF-8, but for what its escapes say of single ones."""
    made, end = bytearray(), 0
    for found in _ESCAPE.finditer(inner):
        made += inner[end : found.start()].encode(errors="surrogatepass")
        plain, octet, *unicode, octal, _ = found.groups()
        if any(unicode):
            raise NoCelError(f"{found[0]!r} is no single byte; write the character, or its bytes like \\xc3", at)
        if plain is None and (octet or octal):
            made.append(int(octet, 16) if octet else int(octal, 8))
        else:
            made += _escaped(found, at).encode()
        end = found.end()
    return bytes(made) + inner[end:].encode(errors="surrogatepass")


def _escaped(found: re.Match[str], at: int) -> str:
    plain, *codes, octal, wrong = found.groups()
    if plain is not None:
        return _PLAIN.get(plain, plain)
    number = next((int(code, 16) for code in codes if code), int(octal, 8) if octal else None)
    if wrong is not None or number is None or not (number < 0xD800 or 0xE000 <= number < 0x110000):
        raise NoCelError(f"the text has an escape {found[0]!r} that CEL does not know", at)
    return chr(number)
