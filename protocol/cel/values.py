"""What the operators and functions of CEL do with plain values, and what that may cost. Pure.

Values are Python's: bool, int (of 64 bits), float (CEL's double), str, bytes, list, dict with texts as keys (CEL's map) and None
(null), and those of `protocol.cel.times`. As CEL has it, nothing is converted by itself: numbers of either kind are compared with
each other, and never reckoned with. What cannot be done raises `FailedError`, which `&&`, `||` and their macros may pass over; what
costs too much raises `TooDearError`, which ends everything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

Value = Any
Does = Callable[..., Value]
"""An operation: it is given what it may spend, and its values."""

COST_MOST = 2_000
"""A condition over a list of some hundreds. An operation takes 1 to 2 µs on a laptop; all of them 40 ms on ten times less."""

CHARS_FOR_ONE = 256
"""Texts are looked through much faster than one operation is done."""

_INT_LEAST, _INT_MOST = -(2**63), 2**63 - 1
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}\Z")
_REAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")


class FailedError(Exception):
    """Why there is no value. Leaves `protocol.cel` as a text."""


class TooDearError(Exception):
    """The allowance is used up."""


class Allowance:
    """The operations that one evaluation has left."""

    __slots__ = ("left",)

    def __init__(self, cost: int = COST_MOST) -> None:
        self.left = cost

    def spend(self, cost: int) -> None:
        """Pay for some operations."""
        self.left -= cost
        if self.left < 0:
            raise TooDearError


def equal(allowance: Allowance, one: Value, other: Value) -> bool:
    """Whether two values are the same; true is no 1, and what is of different types is different."""
    if type(one) is list and type(other) is list:
        allowance.spend(len(one))
        return len(one) == len(other) and all(equal(allowance, a, b) for a, b in zip(one, other, strict=True))
    if type(one) is dict and type(other) is dict:
        allowance.spend(len(one))
        return one.keys() == other.keys() and all(equal(allowance, part, other[key]) for key, part in one.items())
    if type(one) is not type(other) and not {type(one), type(other)} <= {int, float}:
        return False
    return bool(one == other)


def contained(allowance: Allowance, one: Value, within: list[Value]) -> bool:
    """Whether a list has a value."""
    allowance.spend(len(within))
    return any(equal(allowance, one, other) for other in within)


def whole(value: int) -> int:
    """A whole number of 64 bits; raises `FailedError` for a larger one."""
    if not _INT_LEAST <= value <= _INT_MOST:
        raise FailedError("a whole number comes beyond 64 bits")
    return value


def divided(one: int, other: int) -> int:
    """Two whole numbers, towards zero, as CEL has it."""
    if other == 0:
        raise FailedError("a whole number is divided by 0")
    size = abs(one) // abs(other)
    return whole(size if (one < 0) == (other < 0) else -size)


def rest(one: int, other: int) -> int:
    """Of a division, with the sign of what is divided."""
    if other == 0:
        raise FailedError("a whole number is divided by 0")
    return int(math.copysign(1, one)) * (abs(one) % abs(other))


def quotient(one: float, other: float) -> float:
    """Two doubles; by 0 it is without end, or no number."""
    if other != 0:
        return one / other
    return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1.0, other)


def joined(allowance: Allowance, one: Any, other: Any) -> Any:
    """Two texts, bytes or lists, one after the other."""
    allowance.spend(len(one) + len(other) if isinstance(one, list) else (len(one) + len(other)) // CHARS_FOR_ONE)
    return one + other


def searched(find: Callable[[str, str], bool]) -> Does:
    """Look for a text in another one."""

    def search(allowance: Allowance, text: str, part: str) -> bool:
        allowance.spend(len(text) // CHARS_FOR_ONE)
        return find(text, part)

    return search


def item(_: Allowance, of: list[Value], number: float) -> Value:
    """What a list has at a place, from 0."""
    if number != number // 1 or not 0 <= number < len(of):
        raise FailedError(f"a list of {len(of)} has no item {number:g}")
    return of[int(number)]


def keyed(_: Allowance, of: dict[str, Value], key: str) -> Value:
    """What a map has under a key."""
    if key not in of:
        raise FailedError(f"there is no key {key[:40]!r}")
    return of[key]


def int_of(value: float | str) -> int:
    """A whole number, without what follows its point."""
    if isinstance(value, str):
        if not _WHOLE.match(value):
            raise FailedError(f"{value[:40]!r} is no whole number")
        return whole(int(value))
    if isinstance(value, int):
        return value
    if not _INT_LEAST < value < _INT_MOST:  # neither is NaN
        raise FailedError(f"{value:g} is no whole number of 64 bits")
    return int(value)


def double_of(value: float | str) -> float:
    """A number or a text as a double."""
    if isinstance(value, str) and not _REAL.match(value):
        raise FailedError(f"{value[:40]!r} is no number")
    return float(value)


def string_of(value: float | str) -> str:
    """A number, true or false as a text; a whole one without its point."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else str(value)


def bytes_of(allowance: Allowance, text: str) -> bytes:
    """A text in UTF-8."""
    allowance.spend(len(text) // CHARS_FOR_ONE)
    try:
        return text.encode()
    except UnicodeEncodeError:  # JSON may have half of a pair of surrogates
        raise FailedError(f"{text[:40]!r} is no text of whole characters") from None


def text_of(allowance: Allowance, octets: bytes) -> str:
    """What bytes say in UTF-8."""
    allowance.spend(len(octets) // CHARS_FOR_ONE)
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise FailedError(f"{octets[:40]!r} is no text in UTF-8") from None
