"""How a function's calls wait, are tried again and are followed up, as manifests write it: the sections below a function."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from protocol.calling import AT_ONCE_MOST, FIRST_DELAY_S, LONGEST_DELAY_S, WAITING_MOST
from protocol.manifest.section import WHOLE, Duration, Flag, Form, Pattern, Section
from protocol.manifest.sensing_mqtt import Topic
from protocol.shapes import JsonValue

PARALLEL = 10
"""Home Assistant's figure."""

Rate = Annotated[
    str,
    Pattern(
        r"[1-9][0-9]{0,3}/([1-9][0-9]{0,8})?(ms|s|m|h|d)",
        "{} is no rate; write how many in which time, like `10/s` or `1/30s`",
    ),
]


class Backoff(Section):
    """The pause before another attempt: it doubles from `delay` to `max_delay`, and is drawn anew between nothing and that."""

    delay: Duration = FIRST_DELAY_S
    max_delay: Duration = LONGEST_DELAY_S

    @model_validator(mode="after")
    def _grows(self) -> Backoff:
        if self.delay > self.max_delay:
            raise ValueError(f"delay is {self.delay:g} s, which is more than max_delay, {self.max_delay:g} s")
        return self


class Queue(Section):
    """What becomes of a call while others of the same function run or wait; `max` counts those that run, too."""

    mode: Literal["single", "restart", "queued", "parallel"] = "queued"
    max: Annotated[int, Field(ge=1, le=WAITING_MOST), WHOLE] | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> Queue:
        if self.max is not None and self.mode in ("single", "restart"):
            raise ValueError(f"{self.mode} runs one call at a time, so max says nothing; remove it")
        if self.max is not None and self.mode == "parallel" and self.max > AT_ONCE_MOST:
            raise ValueError(
                f"at most {AT_ONCE_MOST} runs go side by side on a node; write a smaller max, or mode: queued"
            )
        return self

    @property
    def bound(self) -> int:
        """How many calls run and wait at most."""
        return self.max or {"queued": WAITING_MOST, "parallel": PARALLEL}.get(self.mode, 1)


def mode_alone(value: object) -> object:
    """The mode stands for a queue of it."""
    return {"mode": value} if isinstance(value, str) else value


AnyQueue = Annotated[Queue, Form(mode_alone, "a mode, or", ({"enum": ["single", "restart", "queued", "parallel"]},))]


class Action(Section):
    """One of `set` (an actuator of the node), `publish` (a topic of others) and `call` (a function), after each success.

    Without `to` or `payload` it passes on what the function said on standard output.
    """

    set: str | None = None
    to: JsonValue = None
    publish: Topic | None = None
    call: str | None = None
    payload: JsonValue = None
    retain: Flag = False

    @model_validator(mode="after")
    def _does_one_thing(self) -> Action:
        named = [key for key in ("set", "publish", "call") if getattr(self, key) is not None]
        if len(named) != 1:
            raise ValueError("an action is one of set, publish and call; put several into the list")
        for key, owners in (("to", ("set",)), ("payload", ("publish", "call")), ("retain", ("publish",))):
            if key in self.model_fields_set and named[0] not in owners:
                raise ValueError(f"{key} goes with {' or '.join(owners)}, not with {named[0]}; remove it")
        return self
