"""Each term of a condition in CEL → what is done for it, and what may come of it. Pure.

What may come of a term is a set of types, so that an operator which fits none of them is refused before anything runs. Each part
knows how many steps it takes, and a macro pays them for each item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from protocol.cel.syntax import Call, Entries, Field, Fold, Items, Literal, Name, Term
from protocol.cel.tokens import NoCelError
from protocol.cel.values import (
    ANY,
    FUNCTIONS,
    MEMBERS,
    OPERATORS,
    WORDS,
    Allowance,
    FailedError,
    Overloads,
    Value,
    applied,
    keyed,
    lacking,
)  # fmt: skip

EVENT = "event"

ATTRIBUTES = frozenset({
    "specversion", "id", "source", "type", "subject", "time", "node", "bootid", "monotonic", "clock", "depth", "data",
})  # fmt: skip
DATA = frozenset({"event_type", "value", "pin", "exit_code", "reason", "labels"})
"""What an event may have; each has some of it."""

ELSEWHERE = {
    "matches": "a pattern may take for ever; ask with contains, startsWith or endsWith",
    "timestamp": "clocks of nodes may be wrong; use `for`, `within` or a schedule",
    "duration": "clocks of nodes may be wrong; use `for`, `within` or a schedule",
    "uint": "no event has an unsigned number; write int(...)",
    "bytes": "no event has bytes; write a text",
    "dyn": "every key of an event may be of any type; leave it out",
    "type": "compare with a value, or ask with has(...)",
    "bool": 'write == true, or == "true" for a text',
}

JSON = ANY - {int}
"""What a value of an event may be."""

NOTHING: frozenset[type] = frozenset()
_BOOL, _LIST, _MAP = frozenset({bool}), frozenset({list}), frozenset({dict})


@dataclass(slots=True)
class Scope:
    """What names mean now, and what may still be spent."""

    names: dict[str, Value]
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class Part:
    """A term that is ready: what it may be, what may stand within it, and how many steps it takes each time."""

    run: Callable[[Scope], Value]
    may: frozenset[type]
    within: frozenset[type] = NOTHING
    steps: int = 1


Names = Mapping[str, Part]


def part_of(term: Term, names: Names) -> Part:
    """Make a term ready; raises `NoCelError`."""
    match term:
        case Literal(value=value):
            return Part(lambda _: value, frozenset({type(value)}))
        case Name():
            return _named(term, names)
        case Field():
            return _field(term, names)
        case Call():
            return _call(term, names)
        case Items(parts=parts):
            made = [part_of(part, names) for part in parts]
            return Part(lambda scope: [part.run(scope) for part in made], _LIST, _inside(made), _steps(made))
        case Entries(parts=pairs):
            entries = [(key, part_of(part, names)) for key, part in pairs]
            made = [part for _, part in entries]
            return Part(
                lambda scope: {key: part.run(scope) for key, part in entries}, _MAP, _inside(made), _steps(made)
            )
        case Fold():
            return _fold(term, names)
    raise AssertionError(term)


def _steps(parts: Iterable[Part]) -> int:
    return 1 + sum(part.steps for part in parts)


def _named(term: Name, names: Names) -> Part:
    if term.name not in names:
        what = f"`{EVENT}.{term.name}`" if term.name in ATTRIBUTES else f"`{EVENT}`, like event.data.value"
        raise NoCelError(f"there is no {term.name!r}; write {what}", term.at)
    return names[term.name]


def _field(term: Field, names: Names) -> Part:
    of, name = part_of(term.of, names), term.name
    if dict not in of.may:
        raise NoCelError(f"{words_of(of)} has no keys", term.at)
    may, within = _known(term) or (of.within, of.within)
    if term.is_asked:
        return Part(lambda scope: name in _map(of.run(scope)), _BOOL, NOTHING, of.steps + 1)
    return Part(lambda scope: keyed(scope.allowance, _map(of.run(scope)), name), may, within, of.steps + 1)


def _known(term: Field) -> tuple[frozenset[type], frozenset[type]] | None:
    """What is known of an attribute of the event, or of a key of its data; refused is what no event has."""
    of = term.of
    if isinstance(of, Name) and of.name == EVENT:
        _check(term, ATTRIBUTES, DATA)
        return (frozenset({dict if term.name == "data" else str}), JSON)
    if isinstance(of, Field) and of.name == "data" and isinstance(of.of, Name) and of.of.name == EVENT:
        _check(term, DATA, ATTRIBUTES)
    return None


def _check(term: Field, known: frozenset[str], others: frozenset[str]) -> None:
    if term.name in known:
        return
    elsewhere = EVENT if known is DATA else f"{EVENT}.data"
    remedy = f"{elsewhere}.{term.name}" if term.name in others else ", ".join(sorted(known))
    raise NoCelError(f"an event has no {term.name!r} here; write {remedy}", term.at)


def _map(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise FailedError(f"{WORDS[type(value)]} has no keys")
    return value


def _call(term: Call, names: Names) -> Part:
    parts = [part_of(argument, names) for argument in term.arguments]
    if term.name in ("&&", "||"):
        return _decision(term, parts)
    if term.name == "?:":
        return _choice(term, parts)
    table = MEMBERS if term.is_member else OPERATORS if term.name in OPERATORS else FUNCTIONS
    if term.name not in table:
        known = ", ".join((*FUNCTIONS, "has", *MEMBERS))
        raise NoCelError(f"there is no {term.name}() here; {ELSEWHERE.get(term.name, f'there are {known}')}", term.at)
    name, overloads = term.name, table[term.name]
    outcomes = [outcome for types, (_, outcome) in overloads.items() if _fits(types, parts)]
    if not outcomes:
        raise NoCelError(_lacking(name, overloads, parts), term.at)
    may = parts[0].within if name == "[]" else NOTHING.union(*outcomes)
    return Part(
        lambda scope: applied(name, overloads, scope.allowance, (part.run(scope) for part in parts)),
        may,
        NOTHING.union(*(part.within for part in parts)),
        _steps(parts),
    )


def _fits(types: tuple[type, ...], parts: list[Part]) -> bool:
    return len(types) == len(parts) and all(kind in part.may for kind, part in zip(types, parts, strict=True))


def _lacking(name: str, overloads: Overloads, parts: list[Part]) -> str:
    numbers = [part.may & {int, float} for part in parts]
    is_mixed = {int} in numbers and any(float in kinds for kinds in numbers) and (float, float) in overloads
    remedy = "; numbers of an event are doubles, so write 1.0 for 1" if is_mixed else ""
    return lacking(name, map(words_of, parts)) + remedy


def words_of(part: Part) -> str:
    """What may come of it, in the words of CEL."""
    if part.may in (ANY, JSON):
        return "a value of any type"
    return " or ".join(sorted(WORDS[kind] for kind in part.may))


def _inside(parts: list[Part]) -> frozenset[type]:
    """What may stand within a list or a map of these; within an empty one, as far as anybody knows, anything."""
    return NOTHING.union(*(part.may | part.within for part in parts)) if parts else ANY


def _decision(term: Call, parts: list[Part]) -> Part:
    """`&&` and `||`: one part that decides is enough, whatever is wrong with the others."""
    for part in parts:
        _asks(part, term)
    decisive = term.name == "||"
    return Part(
        lambda scope: _decided((partial(one.run, scope) for one in parts), decisive=decisive),
        _BOOL,
        NOTHING,
        _steps(parts),
    )


def _decided(asks: Iterable[Callable[[], Value]], *, decisive: bool) -> bool:
    failed: FailedError | None = None
    for ask in asks:
        try:
            if _true(ask()) is decisive:
                return decisive
        except FailedError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return not decisive


def _choice(term: Call, parts: list[Part]) -> Part:
    asked, then, other = parts
    _asks(asked, term)
    return Part(
        lambda scope: (then if _true(asked.run(scope)) else other).run(scope),
        then.may | other.may,
        then.within | other.within,
        _steps(parts),
    )


def _asks(part: Part, term: Term) -> None:
    """What is asked is true or false."""
    if bool not in part.may:
        raise NoCelError(f"true or false is asked for here, and not {words_of(part)}", term.at)


def _true(value: Value) -> bool:
    if not isinstance(value, bool):
        raise FailedError(f"{WORDS[type(value)]} is neither true nor false")
    return value


def _fold(term: Fold, names: Names) -> Part:
    over = part_of(term.over, names)
    if not over.may & (_LIST | _MAP):
        raise NoCelError(f"{words_of(over)} has no items", term.at)
    items = (over.within if list in over.may else NOTHING) | ({str} if dict in over.may else NOTHING)
    name = term.variable
    inner = {**names, name: Part(lambda scope: scope.names[name], items, over.within)}
    body = part_of(term.body, inner)
    then = part_of(term.then, inner) if term.then else inner[name]
    _asks(body, term)
    steps = _steps((body, then))

    def each(scope: Scope) -> Iterator[Scope]:
        values = over.run(scope)
        if not isinstance(values, list | dict):
            raise FailedError(f"{WORDS[type(values)]} has no items")
        within = Scope(dict(scope.names), scope.allowance)
        for value in values:
            scope.allowance.spend(steps)
            within.names[name] = value
            yield within

    return _folded(term.name, over, _Folding(each, body, then))


@dataclass(frozen=True, slots=True)
class _Folding:
    """What a macro does with `each` item: ask for the `body`, and take what `then` is."""

    each: Callable[[Scope], Iterator[Scope]]
    body: Part
    then: Part


def _folded(name: str, over: Part, of: _Folding) -> Part:
    each, body, then = of.each, of.body, of.then
    if name in ("all", "exists"):
        decisive = name == "exists"
        return Part(
            lambda scope: _decided((partial(body.run, one) for one in each(scope)), decisive=decisive),
            _BOOL,
            steps=over.steps + 1,
        )
    if name == "exists_one":
        return Part(lambda scope: sum(_true(body.run(one)) for one in each(scope)) == 1, _BOOL, steps=over.steps + 1)
    return Part(
        lambda scope: [then.run(one) for one in each(scope) if _true(body.run(one))],
        _LIST,
        then.may | then.within,
        over.steps + 1,
    )
