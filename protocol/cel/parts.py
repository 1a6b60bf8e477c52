"""Each expression of a condition in CEL → what is done for it, and what may come of it. Pure.

What may come of it is a set of types, so that an operator which fits none of them is refused before anything runs. Each part knows
what it costs, in operations, and a macro pays it for each item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from protocol.cel.functions import ANY, FUNCTIONS, MEMBERS, OPERATORS, WORDS, WRITTEN_OUT, Overloads, applied, lacking
from protocol.cel.syntax import Call, Entries, Expression, Field, Fold, Items, Literal, Name
from protocol.cel.times import Duration, Timestamp
from protocol.cel.tokens import NoCelError
from protocol.cel.values import Allowance, FailedError, Value, keyed

EVENT = "event"

ATTRIBUTES = frozenset({
    "specversion", "id", "source", "type", "subject", "time", "node", "bootid", "monotonic", "clock", "depth", "data",
})  # fmt: skip
DATA = frozenset({"event_type", "value", "pin", "exit_code", "reason", "labels"})
"""What an event may have; each has some of it."""

ELSEWHERE = {
    "uint": "no event has an unsigned number; write int(...)",
    "dyn": "every key of an event may be of any type; leave it out",
    "type": "compare with a value, or ask with has(...)",
    "bool": 'write == true, or == "true" for a text',
}

JSON: frozenset[type] = frozenset({bool, float, str, list, dict, type(None)})
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
    """An expression that is ready: what it may be, what may stand within it, and what it costs each time."""

    run: Callable[[Scope], Value]
    may: frozenset[type]
    within: frozenset[type] = NOTHING
    cost: int = 1


Names = Mapping[str, Part]


def part_of(expression: Expression, names: Names) -> Part:
    """Make an expression ready; raises `NoCelError`."""
    match expression:
        case Literal(value=value):
            return Part(lambda _: value, frozenset({type(value)}))
        case Name():
            return _named(expression, names)
        case Field():
            return _field(expression, names)
        case Call():
            return _call(expression, names)
        case Items(parts=parts):
            made = [part_of(part, names) for part in parts]
            return Part(lambda scope: [part.run(scope) for part in made], _LIST, _inside(made), _cost(made))
        case Entries(parts=pairs):
            entries = [(key, part_of(part, names)) for key, part in pairs]
            made = [part for _, part in entries]
            return Part(lambda scope: {key: part.run(scope) for key, part in entries}, _MAP, _inside(made), _cost(made))
        case Fold():
            return _fold(expression, names)
    raise AssertionError(expression)


def _cost(parts: Iterable[Part]) -> int:
    return 1 + sum(part.cost for part in parts)


def _named(expression: Name, names: Names) -> Part:
    if expression.name not in names:
        what = f"`{EVENT}.{expression.name}`" if expression.name in ATTRIBUTES else f"`{EVENT}`, like event.data.value"
        raise NoCelError(f"there is no {expression.name!r}; write {what}", expression.at)
    return names[expression.name]


def _field(expression: Field, names: Names) -> Part:
    of, name = part_of(expression.of, names), expression.name
    if dict not in of.may:
        raise NoCelError(f"{words_of(of)} has no keys", expression.at)
    may, within = _known(expression) or (of.within, of.within)
    if expression.is_asked:
        return Part(lambda scope: name in _map(of.run(scope)), _BOOL, NOTHING, of.cost + 1)
    return Part(lambda scope: keyed(scope.allowance, _map(of.run(scope)), name), may, within, of.cost + 1)


def _known(expression: Field) -> tuple[frozenset[type], frozenset[type]] | None:
    """What is known of an attribute of the event, or of a key of its data; refused is what no event has."""
    of = expression.of
    if isinstance(of, Name) and of.name == EVENT:
        _check(expression, ATTRIBUTES, DATA)
        return (frozenset({dict if expression.name == "data" else str}), JSON)
    if isinstance(of, Field) and of.name == "data" and isinstance(of.of, Name) and of.of.name == EVENT:
        _check(expression, DATA, ATTRIBUTES)
    return None


def _check(expression: Field, known: frozenset[str], others: frozenset[str]) -> None:
    if expression.name in known:
        return
    elsewhere = EVENT if known is DATA else f"{EVENT}.data"
    remedy = f"{elsewhere}.{expression.name}" if expression.name in others else ", ".join(sorted(known))
    raise NoCelError(f"an event has no {expression.name!r} here; write {remedy}", expression.at)


def _map(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise FailedError(f"{WORDS[type(value)]} has no keys")
    return value


def _call(expression: Call, names: Names) -> Part:
    parts = [part_of(argument, names) for argument in expression.arguments]
    if expression.name in ("&&", "||"):
        return _decision(expression, parts)
    if expression.name == "?:":
        return _choice(expression, parts)
    table = MEMBERS if expression.is_member else OPERATORS if expression.name in OPERATORS else FUNCTIONS
    if expression.name not in table:
        known = ", ".join((*FUNCTIONS, "has", *MEMBERS))
        raise NoCelError(
            f"there is no {expression.name}() here; {ELSEWHERE.get(expression.name, f'there are {known}')}",
            expression.at,
        )
    name, overloads = expression.name, _read(expression, table[expression.name])
    outcomes = [outcome for types, (_, outcome) in overloads.items() if _fits(types, parts)]
    if not outcomes:
        raise NoCelError(_lacking(name, overloads, parts), expression.at)
    may = parts[0].within if name == "[]" else NOTHING.union(*outcomes)
    return Part(
        lambda scope: applied(name, overloads, scope.allowance, (part.run(scope) for part in parts)),
        may,
        NOTHING.union(*(part.within for part in parts)),
        _cost(parts),
    )


def _read(expression: Call, overloads: Overloads) -> Overloads:
    """What is done, with the argument that is written out read already; refused is one that is wrong."""
    number, known = WRITTEN_OUT.get(expression.name, (0, None))
    (written,) = expression.arguments[number : number + 1] or (None,)
    if known is None or not isinstance(written, Literal) or not isinstance(written.value, str):
        return overloads
    try:
        return {**overloads, **known(written.value)}
    except FailedError as wrong:
        raise NoCelError(str(wrong), written.at) from None


def _fits(types: tuple[type, ...], parts: list[Part]) -> bool:
    return len(types) == len(parts) and all(kind in part.may for kind, part in zip(types, parts, strict=True))


def _lacking(name: str, overloads: Overloads, parts: list[Part]) -> str:
    numbers = [part.may & {int, float} for part in parts]
    is_mixed = {int} in numbers and any(float in kinds for kinds in numbers) and (float, float) in overloads
    remedy = "; numbers of an event are doubles, so write 1.0 for 1" if is_mixed else ""
    if {str} in (kinds := [part.may for part in parts]) and ({Timestamp} in kinds or {Duration} in kinds):
        remedy = "; a time of an event is a text, so write timestamp(event.time)"
    return lacking(name, map(words_of, parts)) + remedy


def words_of(part: Part) -> str:
    """What may come of it, in the words of CEL."""
    if part.may >= JSON:
        return "a value of any type"
    return " or ".join(sorted(WORDS[kind] for kind in part.may))


def _inside(parts: list[Part]) -> frozenset[type]:
    """What may stand within a list or a map of these; within an empty one, as far as anybody knows, anything."""
    return NOTHING.union(*(part.may | part.within for part in parts)) if parts else ANY


def _decision(expression: Call, parts: list[Part]) -> Part:
    """`&&` and `||`: one part that decides is enough, whatever is wrong with the others."""
    for part in parts:
        _asks(part, expression)
    decisive = expression.name == "||"
    return Part(
        lambda scope: _decided((partial(one.run, scope) for one in parts), decisive=decisive),
        _BOOL,
        NOTHING,
        _cost(parts),
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


def _choice(expression: Call, parts: list[Part]) -> Part:
    asked, then, other = parts
    _asks(asked, expression)
    return Part(
        lambda scope: (then if _true(asked.run(scope)) else other).run(scope),
        then.may | other.may,
        then.within | other.within,
        _cost(parts),
    )


def _asks(part: Part, expression: Expression) -> None:
    """What is asked is true or false."""
    if bool not in part.may:
        raise NoCelError(f"true or false is asked for here, and not {words_of(part)}", expression.at)


def _true(value: Value) -> bool:
    if not isinstance(value, bool):
        raise FailedError(f"{WORDS[type(value)]} is neither true nor false")
    return value


def _fold(expression: Fold, names: Names) -> Part:
    over = part_of(expression.over, names)
    if not over.may & (_LIST | _MAP):
        raise NoCelError(f"{words_of(over)} has no items", expression.at)
    items = (over.within if list in over.may else NOTHING) | ({str} if dict in over.may else NOTHING)
    name = expression.variable
    inner = {**names, name: Part(lambda scope: scope.names[name], items, over.within)}
    body = part_of(expression.body, inner)
    then = part_of(expression.then, inner) if expression.then else inner[name]
    _asks(body, expression)
    cost = _cost((body, then))

    def each(scope: Scope) -> Iterator[Scope]:
        values = over.run(scope)
        if not isinstance(values, list | dict):
            raise FailedError(f"{WORDS[type(values)]} has no items")
        within = Scope(dict(scope.names), scope.allowance)
        for value in values:
            scope.allowance.spend(cost)
            within.names[name] = value
            yield within

    return _folded(expression.name, over, _Folding(each, body, then))


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
            cost=over.cost + 1,
        )
    if name == "exists_one":
        return Part(lambda scope: sum(_true(body.run(one)) for one in each(scope)) == 1, _BOOL, cost=over.cost + 1)
    return Part(
        lambda scope: [then.run(one) for one in each(scope) if _true(body.run(one))],
        _LIST,
        then.may | then.within,
        over.cost + 1,
    )
