"""The operators and functions of CEL: one table says what there is, for which types, and does it. Pure.

A pattern, a timestamp, a duration or a zone that is written out is read once, when the condition is made ready, and refused there
if it is wrong. What comes from an event is read each time, and has no value if it is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product
from operator import ge, gt, le, lt

from protocol.cel import times, values
from protocol.cel.matching import Pattern, is_found, pattern_of
from protocol.cel.pattern import NoPatternError
from protocol.cel.times import Duration, Timestamp
from protocol.cel.values import Allowance, Does, FailedError, Value

Types = tuple[type, ...]
Overloads = Mapping[Types, tuple[Does, frozenset[type]]]
"""For the types of the arguments: what is done (an allowance comes first), and of which type the outcome is."""

WORDS: Mapping[type, str] = {
    bool: "bool", int: "int", float: "double", str: "string", bytes: "bytes", list: "list", dict: "map", type(None): "null",
    Timestamp: "timestamp", Duration: "duration",
}  # fmt: skip
"""The types, as CEL calls them."""

ANY: frozenset[type] = frozenset(WORDS)

INSTRUCTIONS_FOR_ONE = 4
"""Instructions of a pattern that are followed while one operation is done."""

READ_FOR_ONE = 2
"""Characters of a pattern that are read, and instructions that are made of them, where an event says it."""

MATCHED_FOR_ONE = 16
"""Characters of a text that are passed by, where it is known what comes after them."""

ZONE_COST = 100
"""Of a zone that an event names: a file is read."""


def followed_cost(instructions: int) -> int:
    """What it costs to follow some instructions of a pattern for one character, in operations."""
    return 1 + instructions // INSTRUCTIONS_FOR_ONE


def _matched(allowance: Allowance, text: str, pattern: Pattern) -> bool:
    allowance.spend(len(text) // MATCHED_FOR_ONE)
    return is_found(pattern, text, lambda followed: allowance.spend(followed_cost(followed)))


def _pattern(text: str) -> Pattern:
    try:
        return pattern_of(text)
    except NoPatternError as wrong:
        raise FailedError(str(wrong)) from None


def _matches(allowance: Allowance, text: str, pattern: str) -> bool:
    allowance.spend(len(pattern) // READ_FOR_ONE)
    ready = _pattern(pattern)
    allowance.spend(ready.size // READ_FOR_ONE)
    return _matched(allowance, text, ready)


def _free(does: Callable[..., Value]) -> Does:
    """What costs one operation, which its place in the tree has paid."""
    return lambda _, *values: does(*values)


def _of(does: Does, outcome: type, *types: Types) -> dict[Types, tuple[Does, frozenset[type]]]:
    return dict.fromkeys(types, (does, frozenset({outcome})))


_INTS, _DOUBLES, _TEXTS, _OCTETS, _LISTS = (int, int), (float, float), (str, str), (bytes, bytes), (list, list)
_ORDERED: tuple[Types, ...] = (
    *product((int, float), repeat=2), _TEXTS, _OCTETS, (bool, bool), (Timestamp, Timestamp), (Duration, Duration),
)  # fmt: skip
_PAIRS: tuple[Types, ...] = tuple(product(ANY, repeat=2))
_SIZED = _of(_free(len), int, (str,), (bytes,), (list,), (dict,))
_MATCHES = _of(_matches, bool, _TEXTS)

OPERATORS: Mapping[str, Overloads] = {
    "+": {
        **_of(_free(lambda a, b: values.whole(a + b)), int, _INTS),
        **_of(_free(lambda a, b: a + b), float, _DOUBLES),
        **_of(values.joined, str, _TEXTS),
        **_of(values.joined, bytes, _OCTETS),
        **_of(values.joined, list, _LISTS),
        **_of(
            _free(lambda a, b: times.timestamp(a.ns + b.ns)), Timestamp, (Timestamp, Duration), (Duration, Timestamp)
        ),
        **_of(_free(lambda a, b: times.duration(a.ns + b.ns)), Duration, (Duration, Duration)),
    },
    "-": {
        **_of(_free(lambda a, b: values.whole(a - b)), int, _INTS),
        **_of(_free(lambda a, b: a - b), float, _DOUBLES),
        **_of(_free(lambda a, b: times.timestamp(a.ns - b.ns)), Timestamp, (Timestamp, Duration)),
        **_of(_free(lambda a, b: times.duration(a.ns - b.ns)), Duration, (Timestamp, Timestamp), (Duration, Duration)),
    },
    "*": {
        **_of(_free(lambda a, b: values.whole(a * b)), int, _INTS),
        **_of(_free(lambda a, b: a * b), float, _DOUBLES),
    },
    "/": {**_of(_free(values.divided), int, _INTS), **_of(_free(values.quotient), float, _DOUBLES)},
    "%": _of(_free(values.rest), int, _INTS),
    "-_": {**_of(_free(lambda a: values.whole(-a)), int, (int,)), **_of(_free(lambda a: -a), float, (float,))},
    "!_": _of(_free(lambda a: not a), bool, (bool,)),
    "<": _of(_free(lt), bool, *_ORDERED),
    "<=": _of(_free(le), bool, *_ORDERED),
    ">": _of(_free(gt), bool, *_ORDERED),
    ">=": _of(_free(ge), bool, *_ORDERED),
    "==": _of(values.equal, bool, *_PAIRS),
    "!=": _of(lambda allowance, a, b: not values.equal(allowance, a, b), bool, *_PAIRS),
    "in": {
        **_of(values.contained, bool, *product(ANY, (list,))),
        **_of(_free(lambda a, b: isinstance(a, str) and a in b), bool, *product(ANY, (dict,))),
    },
    "[]": {
        (list, int): (values.item, ANY),
        (list, float): (values.item, ANY),
        (dict, str): (values.keyed, ANY),
    },
}

FUNCTIONS: Mapping[str, Overloads] = {
    "size": _SIZED,
    "int": {**_of(_free(values.int_of), int, (int,), (float,), (str,)), **_of(_free(times.seconds), int, (Timestamp,))},
    "double": _of(_free(values.double_of), float, (int,), (float,), (str,)),
    "string": {
        **_of(_free(values.string_of), str, (int,), (float,), (str,), (bool,)),
        **_of(values.text_of, str, (bytes,)),
        **_of(_free(str), str, (Timestamp,), (Duration,)),
    },
    "bytes": {**_of(values.bytes_of, bytes, (str,)), **_of(_free(bytes), bytes, (bytes,))},
    "timestamp": {
        **_of(_free(times.read_timestamp), Timestamp, (str,)),
        **_of(_free(lambda a: a), Timestamp, (Timestamp,)),
    },
    "duration": {
        **_of(_free(times.read_duration), Duration, (str,)),
        **_of(_free(lambda a: a), Duration, (Duration,)),
    },
    "matches": _MATCHES,
}


def _asked_of_time(name: str) -> Overloads:
    """A field of a timestamp, in UTC or a zone; some are asked of durations, too."""

    def zoned(allowance: Allowance, moment: Timestamp, zone: str) -> int:
        allowance.spend(ZONE_COST)
        return times.field(name, moment, times.read_zone(zone))

    return {
        **_of(_free(lambda moment: times.field(name, moment)), int, (Timestamp,)),
        **_of(zoned, int, (Timestamp, str)),
        **(_of(_free(lambda of: times.length(name, of)), int, (Duration,)) if name in times.OF_DURATIONS else {}),
    }


MEMBERS: Mapping[str, Overloads] = {
    "size": _SIZED,
    "contains": _of(values.searched(lambda text, part: part in text), bool, _TEXTS),
    "startsWith": _of(values.searched(str.startswith), bool, _TEXTS),
    "endsWith": _of(values.searched(str.endswith), bool, _TEXTS),
    "matches": _MATCHES,
    **{name: _asked_of_time(name) for name in times.OF_TIMESTAMPS},
}


def _zone_known(name: str, zone: str) -> Overloads:
    known = times.read_zone(zone)
    return _of(lambda _, moment, __: times.field(name, moment, known), int, (Timestamp, str))


def _known(value: Value) -> Overloads:
    return _of(lambda _, __: value, type(value), (str,))


def _pattern_known(pattern: str) -> Overloads:
    ready = _pattern(pattern)
    return _of(lambda allowance, text, _: _matched(allowance, text, ready), bool, _TEXTS)


WRITTEN_OUT: Mapping[str, tuple[int, Callable[[str], Overloads]]] = {
    "timestamp": (0, lambda text: _known(times.read_timestamp(text))),
    "duration": (0, lambda text: _known(times.read_duration(text))),
    "matches": (1, _pattern_known),
    **{name: (1, partial(_zone_known, name)) for name in times.OF_TIMESTAMPS},
}
"""Which argument says something by itself, and what is done where it is written out; raises `FailedError`."""


def applied(name: str, overloads: Overloads, allowance: Allowance, given: Iterable[Value]) -> Value:
    """Do it, if there is such a thing for values of these types."""
    arguments = tuple(given)
    found = overloads.get(tuple(type(value) for value in arguments))
    if found is None:
        raise FailedError(lacking(name, [WORDS.get(type(value), "?") for value in arguments]))
    return found[0](allowance, *arguments)


def lacking(name: str, words: Iterable[str]) -> str:
    """The sentence for types that an operator or a function does not take."""
    return f"there is no `{name.rstrip('_')}` for {' and '.join(words)}"
