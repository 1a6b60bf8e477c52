"""Messages in good form that mean nothing: any dataclass of the wire, made by lot out of words that mean something here."""

from __future__ import annotations

import random
import re
from dataclasses import MISSING, fields, is_dataclass, replace
from enum import StrEnum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from protocol.delivery import TABLE, Class, Delivery
from protocol.envelope import FactMark
from protocol.shapes import INT_LIMIT, Bounds
from protocol.topics import Topic

TEXTS = (
    "", "pi-1", "pi-2", "shop", "shop.web", "shop.web.pi-1", "porch", "greet", "porch.greet", "doorbell", "pressed", "base", "r",
    "0.2.0", "aaaaaaaa", "s-pi-1", "s-pi-2", "svc-bramble.agent", "svc-bramble.agent.pi-1", "call", "on", "my own build", "\u202e",
    "x" * 300,
)  # fmt: skip
NAMES = (
    "pi-1",
    "pi-2",
    "pi-9",
    "shop",
    "porch",
    "greet",
    "doorbell",
    "i1",
    "o1",
    "node",
    "service",
    "stack",
    "function",
    "own",
)
NUMBERS = (0, 1, 2, 3, -1, 1_000, INT_LIMIT, -INT_LIMIT)
REALS = (0.0, 1.0, -1.0, 0.5, 1e308)
ANYTHING = (None, True, 1.5, "x", "pressed", [], [1, {"a": [None]}], {"state": "on"}, {"": -1e300})
BYTES = (b"", b"call", b"ON", b"3", b"\xff", b'{"state": "ON"}', b"services: {web: {image: web:2}}", b"x: 1")


class Babble:
    """One who talks, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._lot = random.Random(seed)
        self._rows = [row for row in TABLE if row.writer != "controller"]
        self._said = 0

    def message(self) -> tuple[Topic, Any, FactMark | None]:
        """A topic, what is said on it, and where it stands in its stream."""
        row = self._lot.choice(self._rows)
        topic = row.topic(**{field.name: self._name(field.name) for field in fields(row.topic)})  # type: ignore[arg-type]
        if row.message is None:
            return topic, self._lot.choice(BYTES), None
        message = self._value(row.message)
        same = {field.name for field in fields(message)} & {field.name for field in fields(topic)}  # type: ignore[arg-type]
        message = replace(message, **{name: getattr(topic, name) for name in same if self._lot.random() < 0.9})
        return topic, message, self._mark(row, topic)

    def _mark(self, row: Delivery, topic: Topic) -> FactMark | None:
        if row.delivery_class is not Class.FACT or not hasattr(topic, "node"):
            return None
        self._said += 1
        return FactMark(f"s-{topic.node}", self._said, self._lot.choice((1, self._said)))

    def _name(self, field: str) -> str:
        return "default" if field == "fleet" else self._lot.choice(NAMES[:2] if field == "node" else NAMES)

    def _value(self, hint: Any) -> Any:
        bounds = Bounds()
        if hasattr(hint, "__metadata__"):
            hint, bounds = get_args(hint)
        if is_dataclass(hint) and isinstance(hint, type):
            return self._made(hint)
        if get_origin(hint) in (Union, UnionType):
            return self._value(get_args(hint)[0]) if self._lot.random() < 0.5 else None
        if get_origin(hint) is tuple:
            return tuple(self._value(get_args(hint)[0]) for _ in range(self._lot.randrange(3)))
        if get_origin(hint) is dict:
            return {self._lot.choice(TEXTS): self._value(get_args(hint)[1]) for _ in range(self._lot.randrange(3))}
        return self._plain(hint, bounds)

    def _made(self, cls: type[Any]) -> Any:
        hints = get_type_hints(cls, include_extras=True)
        asked = [
            field.name
            for field in fields(cls)
            if field.default is field.default_factory is MISSING or self._lot.random() < 0.6
        ]
        return cls(**{name: self._value(hints[name]) for name in asked})

    def _plain(self, hint: Any, bounds: Bounds) -> Any:
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return self._lot.choice(list(hint))
        if hint is str:
            return self._lot.choice([text for text in TEXTS if re.search(bounds.pattern or "", text)] or TEXTS)
        if hint is bool:
            return self._lot.random() < 0.5
        if hint in (int, float):
            least, most = bounds.least, bounds.most
            known = [n for n in (NUMBERS if hint is int else REALS) if least is None or n >= least]
            return hint(self._lot.choice([n for n in known if most is None or n <= most] or [least or 0]))
        return self._lot.choice(ANYTHING)
