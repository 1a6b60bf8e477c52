"""What calls a function, as manifests write it: the section of one trigger, and what stands in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from protocol.cel.program import dialects_of, program
from protocol.cel.tokens import EXPRESSION_CHARS
from protocol.manifest.conditions import Schedule
from protocol.manifest.section import REAL, SCALAR, WHOLE, Duration, Form, Section
from protocol.refusal import Refusal
from protocol.trigger import Dialect
from protocol.triggers.memory import SAMPLES_MOST
from protocol.triggers.when import DATA, text

ATTRIBUTES = (
    "specversion", "id", "source", "type", "subject", "time", "node", "bootid", "monotonic", "clock",
    "data.event_type", "data.value", "data.pin", "depth", "data.exit_code", "data.reason",
)  # fmt: skip
"""What conditions may ask an event for."""

WITHIN = ("data.value.", "data.labels.")
"""What begins so asks for a key of a value that is a mapping, or for a label of a node."""


def _texts(value: object) -> object:
    """A mapping of attributes to what they are compared with, as text."""
    if not isinstance(value, dict):
        return value
    if not value:
        raise ValueError("a condition without an attribute says nothing; write one like `clock: synced`")
    for name, wanted in value.items():
        if name not in ATTRIBUTES and not (str(name).startswith(WITHIN) and not str(name).endswith(".")):
            near = f"{DATA}{name}" if f"{DATA}{name}" in ATTRIBUTES else ", ".join(ATTRIBUTES)
            raise ValueError(f"an event has no attribute {str(name)[:40]!r}; write {near}")
        if wanted is None or isinstance(wanted, dict | list):
            raise ValueError(f"{name} is compared with a text, a number, or true or false")
    return {name: text(wanted) for name, wanted in value.items()}


_ATTRIBUTES = {
    "type": "object",
    "properties": dict.fromkeys(ATTRIBUTES, SCALAR),
    "patternProperties": {f"^({'|'.join(map(re.escape, WITHIN))}).*[^.]$": SCALAR},
    "additionalProperties": False,
}

Attributes = Annotated[dict[str, str], Form(_texts, "a mapping of attributes to texts", (_ATTRIBUTES,), is_all=True)]


def _expression(text: str) -> str:
    found = program(text)
    if isinstance(found, Refusal):
        raise ValueError(str(found))  # noqa: TRY004  (pydantic turns it into a fault)
    return text


Expression = Annotated[str, Field(min_length=1, max_length=EXPRESSION_CHARS), AfterValidator(_expression)]


class Condition(Section):
    """One filter of CloudEvents Subscriptions, or an expression of CEL."""

    exact: Attributes | None = None
    prefix: Attributes | None = None
    suffix: Attributes | None = None
    all: Annotated[list[Condition], Field(min_length=1)] | None = None
    any: Annotated[list[Condition], Field(min_length=1)] | None = None
    not_: Condition | None = Field(default=None, alias="not")
    cel: Expression | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Condition:
        if len(self.model_fields_set) != 1:
            raise ValueError("a condition is one of exact, prefix, suffix, all, any, not, cel; put several into a list")
        return self

    def written(self) -> dict[str, Any]:
        """The filter as nodes get it."""
        return self.model_dump(by_alias=True, exclude_unset=True)

    @property
    def dialects(self) -> frozenset[Dialect]:
        """What it is written in, with what stands within it."""
        inner = [*(self.all or ()), *(self.any or ()), *([self.not_] if self.not_ else [])]
        own = frozenset[Dialect]() if self.cel is None else dialects_of(self.cel)
        return own.union(*(one.dialects for one in inner))


class Window(Section):
    """The last `last` events, or those `within` a time; it is met when their figure comes `above` and `below` its limits."""

    of: Literal["count", "average", "min", "max"]
    last: Annotated[int, Field(ge=2, le=SAMPLES_MOST), WHOLE] | None = None
    within: Duration | None = Field(default=None, gt=0)
    above: Annotated[float, REAL] | None = None
    below: Annotated[float, REAL] | None = None

    @model_validator(mode="after")
    def _says_what_is_met(self) -> Window:
        if (self.last is None) == (self.within is None):
            raise ValueError("a window has either `last`, a number of events, or `within`, a time")
        if self.above is None and self.below is None:
            raise ValueError("a window is met when its figure is above or below something; write `above` or `below`")
        if self.of == "count":
            if self.within is None or self.below is not None or self.above is None:
                raise ValueError("events are counted when one comes; write `within` and `above`, and nothing else")
            if not 0 < self.above < SAMPLES_MOST:
                raise ValueError(f"a window holds {SAMPLES_MOST} events; write an `above` from 1 to {SAMPLES_MOST - 1}")
        return self


class Step(Section):
    """One event of a sequence."""

    sensor: str
    on: str


GOES_WITH: Mapping[str, frozenset[str]] = {
    "sensor": frozenset({"on", "when", "for", "window", "cooldown"}),
    "sequence": frozenset({"within", "cooldown"}),
    "function": frozenset({"on", "when"}),
    "node": frozenset({"when"}),
    "every": frozenset({"catchup", "max_age"}),
    "schedule": frozenset({"catchup", "max_age"}),
}
"""The keys that name a cause, and those that say more about it."""


class Trigger(Section):
    """What calls a function: `{sensor, on}`, `{sequence}`, `{function, on}`, `{node}`, `{every}` or `{schedule}`."""

    sensor: str = ""
    on: str = ""
    when: list[Condition] = Field(default=[])
    for_: Duration | None = Field(default=None, gt=0, alias="for")
    window: Window | None = None
    sequence: Annotated[list[Step], Field(min_length=2, max_length=10)] | None = None
    within: Duration | None = Field(default=None, gt=0)
    cooldown: Duration | None = Field(default=None, gt=0)
    function: str = ""
    node: Literal["online", "offline", "quarantined"] | None = None
    every: Duration | None = Field(default=None, gt=0)
    schedule: Schedule = ""
    catchup: Literal["skip", "once", "all"] | None = None
    max_age: Duration | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _exactly_one_cause(self) -> Trigger:
        said = [field.alias or name for name, field in Trigger.model_fields.items() if getattr(self, name)]
        causes = [key for key in said if key in GOES_WITH]
        if len(causes) != 1:
            raise ValueError(f"a trigger has one cause: {' or '.join(f'`{key}`' for key in GOES_WITH)}")
        (cause,) = causes
        for key in said:
            if key != cause and key not in GOES_WITH[cause]:
                raise ValueError(f"`{key}` says nothing about `{cause}`; remove one of them")
        if cause in ("sensor", "function") and not self.on:
            raise ValueError(f"a trigger of a {cause} needs `on`, the event that calls")
        if self.for_ and self.window:
            raise ValueError("a trigger waits `for` a time, or looks at a `window`; keep one")
        if self.sequence and not self.within:
            raise ValueError("a sequence needs `within`, the time from its first event to its last")
        return self

    @model_validator(mode="after")
    def _makes_good_what_it_says(self) -> Trigger:
        if self.catchup == "skip" and self.max_age:
            raise ValueError("`catchup: skip` makes nothing good, at whatever age; remove max_age")
        if self.every and self.max_age and not self.catchup:
            raise ValueError("`every` makes nothing good unless you say so; add `catchup: once` or `catchup: all`")
        return self
