"""The words of a condition in CEL → a tree of expressions. Pure; what each expression means is `protocol.cel.parts`'.

The grammar is that of the Common Expression Language (cel-spec, `doc/langdef.md`), without what no event has. Depth is bounded, so
that nothing here or later can go deeper than Python does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from protocol.cel.tokens import CONSTANTS, RESERVED, NoCelError, Token, literal, tokens

DEPTH_MOST = 48
"""Expressions within one another. Each costs an evaluation up to four of Python's thousand frames, and a turn stands on fifty."""

_PRECEDENCE = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "in": 3, "+": 4, "-": 4, "*": 5, "/": 5, "%": 5,
}  # fmt: skip

FOLDS = {"all": (2,), "exists": (2,), "exists_one": (2,), "filter": (2,), "map": (2, 3)}
"""The macros over lists and maps, with how many arguments they have."""


@dataclass(frozen=True, slots=True)
class Expression:
    """What is at a place; `deep` is how many expressions stand within one another up to here."""

    at: int
    deep: int


@dataclass(frozen=True, slots=True)
class Literal(Expression):
    value: Any


@dataclass(frozen=True, slots=True)
class Name(Expression):
    name: str


@dataclass(frozen=True, slots=True)
class Field(Expression):
    """A key that is named; with `is_asked` whether it is there."""

    of: Expression
    name: str
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """An operator, a function, or one of what stands before its point; `!_` and `-_` have one argument, `[]` two, `?:` three."""

    name: str
    arguments: tuple[Expression, ...]
    is_member: bool = False


@dataclass(frozen=True, slots=True)
class Items(Expression):
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Entries(Expression):
    """A map; CEL knows other keys than texts, JSON does not."""

    parts: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Fold(Expression):
    """A macro over a list, or the keys of a map: each is the `variable` in turn. The `then` of a `map` is what comes out."""

    name: str
    over: Expression
    variable: str
    body: Expression
    then: Expression | None = None


def parse(text: str) -> Expression:
    """The tree of an expression; raises `NoCelError`."""
    reader = _Reader(tokens(text))
    expression = reader.expression()
    if reader.token.kind != "end":
        reader.unexpected()
    return expression


def _deep(at: int, *within: Expression) -> int:
    deep = 1 + max((expression.deep for expression in within), default=0)
    if deep > DEPTH_MOST:
        raise NoCelError(f"more than {DEPTH_MOST} expressions stand within one another", at)
    return deep


class _Reader:
    """Takes the tokens one by one, from the weakest operator down to the strongest."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.number, self.level = tokens, 0, 0

    @property
    def token(self) -> Token:
        return self.tokens[self.number]

    def unexpected(self) -> NoReturn:
        token = self.token
        raise NoCelError(
            f"{token.text!r} is not expected here" if token.text else "the expression is not complete", token.at
        )

    def is_next(self, mark: str) -> bool:
        """Whether a mark follows, which is passed by."""
        if self.token.kind in ("mark", "name") and self.token.text == mark:
            self.number += 1
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.is_next(mark):
            self.unexpected()

    def name(self) -> str:
        token = self.token
        if token.kind != "name" or token.text in RESERVED or token.text in CONSTANTS:
            self.unexpected()
        self.number += 1
        return token.text

    def expression(self) -> Expression:
        self.level += 1
        if self.level > DEPTH_MOST:
            raise NoCelError(f"more than {DEPTH_MOST} brackets stand within one another", self.token.at)
        expression, at = self.binary(1), self.token.at
        if self.is_next("?"):
            then = self.binary(1)
            self.expect(":")
            other = self.expression()
            expression = Call(at, _deep(at, expression, then, other), "?:", (expression, then, other))
        self.level -= 1
        return expression

    def binary(self, least: int) -> Expression:
        expression = self.unary()
        while (strength := _PRECEDENCE.get(self.token.text, 0) if self.token.kind in ("mark", "name") else 0) >= least:
            token = self.token
            self.number += 1
            right = self.binary(strength + 1)
            if (
                token.text in ("&&", "||")
                and isinstance(expression, Call)
                and expression.name == token.text
                and not expression.is_member
            ):
                parts = (*expression.arguments, right)  # a long chain is one expression
            else:
                parts = (expression, right)
            expression = Call(token.at, _deep(token.at, *parts), token.text, parts)
        return expression

    def unary(self) -> Expression:
        token = self.token
        if not (self.is_next("!") or self.is_next("-")):
            return self.member()
        if token.text == "-" and self.token.kind == "number":
            self.tokens[self.number] = Token("number", f"-{self.token.text}", token.at)
            return self.member()
        self.level += 1
        if self.level > DEPTH_MOST:
            raise NoCelError(f"more than {DEPTH_MOST} operators stand before one another", token.at)
        inner = self.unary()
        self.level -= 1
        return Call(token.at, _deep(token.at, inner), f"{token.text}_", (inner,))

    def member(self) -> Expression:
        expression = self.primary()
        while True:
            at = self.token.at
            if self.is_next("."):
                at, name = self.token.at, self.name()
                expression = (
                    self.called(at, name, expression)
                    if self.is_next("(")
                    else Field(at, _deep(at, expression), expression, name)
                )
            elif self.is_next("["):
                key = self.expression()
                self.expect("]")
                expression = Call(at, _deep(at, expression, key), "[]", (expression, key))
            else:
                return expression

    def primary(self) -> Expression:
        token = self.token
        if self.is_next("("):
            expression = self.expression()
            self.expect(")")
            return expression
        if self.is_next("["):
            parts = self.parts("]")
            return Items(token.at, _deep(token.at, *parts), parts)
        if self.is_next("{"):
            return self.entries(token.at)
        if token.kind in ("number", "text") or token.text in CONSTANTS:
            self.number += 1
            return Literal(token.at, 1, literal(token))
        name = self.name()
        return self.called(token.at, name, None) if self.is_next("(") else Name(token.at, 1, name)

    def called(self, at: int, name: str, target: Expression | None) -> Expression:
        arguments = self.parts(")")
        if name == "has" and target is None:
            (asked,) = arguments if len(arguments) == 1 else (None,)
            if not isinstance(asked, Field):
                raise NoCelError("has() asks for one key, like has(event.data.value)", at)
            return Field(at, asked.deep, asked.of, asked.name, is_asked=True)
        if name not in FOLDS or target is None:
            given = arguments if target is None else (target, *arguments)
            return Call(at, _deep(at, *given), name, given, is_member=target is not None)
        if len(arguments) not in FOLDS[name] or not isinstance(arguments[0], Name):
            raise NoCelError(f"{name}() is written like `[1, 2].{name}(one, one > 1)`", at)
        body, last = arguments[1], arguments[-1]
        then = None if name != "map" else last
        body = Literal(at, 1, True) if name == "map" and len(arguments) == FOLDS["map"][0] else body
        deep = _deep(at, target, body, last)
        return Fold(at, deep, name, target, arguments[0].name, body, then)

    def parts(self, end: str) -> tuple[Expression, ...]:
        found: list[Expression] = []
        while not self.is_next(end):
            found.append(self.expression())
            if not self.is_next(","):
                self.expect(end)
                break
        return tuple(found)

    def entries(self, at: int) -> Expression:
        found: dict[str, Expression] = {}
        while not self.is_next("}"):
            key = self.token
            name = literal(key) if key.kind == "text" else None
            if not isinstance(name, str) or name in found:
                raise NoCelError("the keys of a map are texts here, and each stands once", key.at)
            self.number += 1
            self.expect(":")
            found[name] = self.expression()
            if not self.is_next(","):
                self.expect("}")
                break
        return Entries(at, _deep(at, *found.values()), tuple(found.items()))
