"""What the operators and functions of CEL do with values. Pure. One table for both: it says what there is, and does it.

Values are Python's: bool, int (of 64 bits), float (CEL's double), str, list, dict with texts as keys (CEL's map), None (null). As
CEL has it, nothing is converted by itself: numbers of either kind are compared with each other, and never reckoned with. What
cannot be done raises `FailedError`, which `&&`, `||` and their macros may pass over; what costs too much raises `TooDearError`,
which ends everything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from operator import ge, gt, le, lt
from typing import Any

Value = Any
Types = tuple[type, ...]

COST_MOST = 2_000
"""A condition over a list of some hundreds. An operation takes 1 to 2 µs on a laptop; all of them 40 ms on ten times less."""

CHARS_FOR_ONE = 256
"""Texts are looked through much faster than one operation is done."""

WORDS: Mapping[type, str] = {
    bool: "bool", int: "int", float: "double", str: "string", list: "list", dict: "map", type(None): "null",
}  # fmt: skip
"""The types, as CEL calls them."""

ANY: frozenset[type] = frozenset(WORDS)

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


Does = Callable[..., Value]
Overloads = Mapping[Types, tuple[Does, frozenset[type]]]
"""For the types of the arguments: what is done (an allowance comes first), and of which type the outcome is."""


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


def _contained(allowance: Allowance, one: Value, within: list[Value]) -> bool:
    allowance.spend(len(within))
    return any(equal(allowance, one, other) for other in within)


def _whole(value: int) -> int:
    if not _INT_LEAST <= value <= _INT_MOST:
        raise FailedError("a whole number comes beyond 64 bits")
    return value


def _divided(one: int, other: int) -> int:
    """Towards zero, as CEL has it."""
    if other == 0:
        raise FailedError("a whole number is divided by 0")
    quotient = abs(one) // abs(other)
    return _whole(quotient if (one < 0) == (other < 0) else -quotient)


def _rest(one: int, other: int) -> int:
    if other == 0:
        raise FailedError("a whole number is divided by 0")
    return int(math.copysign(1, one)) * (abs(one) % abs(other))


def _quotient(one: float, other: float) -> float:
    if other != 0:
        return one / other
    return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1.0, other)


def _joined(allowance: Allowance, one: Any, other: Any) -> Any:
    allowance.spend(len(one) + len(other) if isinstance(one, list) else (len(one) + len(other)) // CHARS_FOR_ONE)
    return one + other


def _searched(find: Callable[[str, str], bool]) -> Does:
    def search(allowance: Allowance, text: str, part: str) -> bool:
        allowance.spend(len(text) // CHARS_FOR_ONE)
        return find(text, part)

    return search


def _item(_: Allowance, of: list[Value], number: float) -> Value:
    if number != number // 1 or not 0 <= number < len(of):
        raise FailedError(f"a list of {len(of)} has no item {number:g}")
    return of[int(number)]


def keyed(_: Allowance, of: dict[str, Value], key: str) -> Value:
    """What a map has under a key."""
    if key not in of:
        raise FailedError(f"there is no key {key[:40]!r}")
    return of[key]


def _int_of(value: float | str) -> int:
    if isinstance(value, str):
        if not _WHOLE.match(value):
            raise FailedError(f"{value[:40]!r} is no whole number")
        return _whole(int(value))
    if isinstance(value, int):
        return value
    if not _INT_LEAST < value < _INT_MOST:  # neither is NaN
        raise FailedError(f"{value:g} is no whole number of 64 bits")
    return int(value)


def _double_of(value: float | str) -> float:
    if isinstance(value, str) and not _REAL.match(value):
        raise FailedError(f"{value[:40]!r} is no number")
    return float(value)


def _string_of(value: float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else str(value)


def _free(does: Callable[..., Value]) -> Does:
    """What costs one operation, which its place in the tree has paid."""
    return lambda _, *values: does(*values)


def _of(does: Does, outcome: type, *types: Types) -> dict[Types, tuple[Does, frozenset[type]]]:
    return dict.fromkeys(types, (does, frozenset({outcome})))


_INTS, _DOUBLES, _TEXTS, _LISTS = (int, int), (float, float), (str, str), (list, list)
_ORDERED: tuple[Types, ...] = (*product((int, float), repeat=2), _TEXTS, (bool, bool))
_PAIRS: tuple[Types, ...] = tuple(product(ANY, repeat=2))
_SIZED = _of(_free(len), int, (str,), (list,), (dict,))

OPERATORS: Mapping[str, Overloads] = {
    "+": {
        **_of(_free(lambda a, b: _whole(a + b)), int, _INTS),
        **_of(_free(lambda a, b: a + b), float, _DOUBLES),
        **_of(_joined, str, _TEXTS),
        **_of(_joined, list, _LISTS),
    },
    "-": {
        **_of(_free(lambda a, b: _whole(a - b)), int, _INTS),
        **_of(_free(lambda a, b: a - b), float, _DOUBLES),
    },
    "*": {
        **_of(_free(lambda a, b: _whole(a * b)), int, _INTS),
        **_of(_free(lambda a, b: a * b), float, _DOUBLES),
    },
    "/": {**_of(_free(_divided), int, _INTS), **_of(_free(_quotient), float, _DOUBLES)},
    "%": _of(_free(_rest), int, _INTS),
    "-_": {**_of(_free(lambda a: _whole(-a)), int, (int,)), **_of(_free(lambda a: -a), float, (float,))},
    "!_": _of(_free(lambda a: not a), bool, (bool,)),
    "<": _of(_free(lt), bool, *_ORDERED),
    "<=": _of(_free(le), bool, *_ORDERED),
    ">": _of(_free(gt), bool, *_ORDERED),
    ">=": _of(_free(ge), bool, *_ORDERED),
    "==": _of(equal, bool, *_PAIRS),
    "!=": _of(lambda allowance, a, b: not equal(allowance, a, b), bool, *_PAIRS),
    "in": {
        **_of(_contained, bool, *product(ANY, (list,))),
        **_of(_free(lambda a, b: isinstance(a, str) and a in b), bool, *product(ANY, (dict,))),
    },
    "[]": {
        (list, int): (_item, ANY),
        (list, float): (_item, ANY),
        (dict, str): (keyed, ANY),
    },
}

FUNCTIONS: Mapping[str, Overloads] = {
    "size": _SIZED,
    "int": _of(_free(_int_of), int, (int,), (float,), (str,)),
    "double": _of(_free(_double_of), float, (int,), (float,), (str,)),
    "string": _of(_free(_string_of), str, (int,), (float,), (str,), (bool,)),
}

MEMBERS: Mapping[str, Overloads] = {
    "size": _SIZED,
    "contains": _of(_searched(lambda text, part: part in text), bool, _TEXTS),
    "startsWith": _of(_searched(str.startswith), bool, _TEXTS),
    "endsWith": _of(_searched(str.endswith), bool, _TEXTS),
}


def applied(name: str, overloads: Overloads, allowance: Allowance, values: Iterable[Value]) -> Value:
    """Do it, if there is such a thing for values of these types."""
    given = tuple(values)
    found = overloads.get(tuple(type(value) for value in given))
    if found is None:
        raise FailedError(lacking(name, [WORDS.get(type(value), "?") for value in given]))
    return found[0](allowance, *given)


def lacking(name: str, words: Iterable[str]) -> str:
    """The sentence for types that an operator or a function does not take."""
    return f"there is no `{name.rstrip('_')}` for {' and '.join(words)}"
