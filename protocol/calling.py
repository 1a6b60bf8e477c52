"""How a function's invocations wait, are tried again and are followed up, as a node is told of it.

The words are Home Assistant's where it has one (`single`, `restart`, `queued`, `parallel`); `agent.decide.admission` says what they
do. What the end of a function calls is reckoned alike on node and controller (`protocol.triggers.results`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from protocol.container import Seconds
from protocol.ids import canonical
from protocol.shapes import Bounds, JsonValue, sparse

WAITING_MOST = 1000
"""At one run a second, more than a quarter of an hour of work; each waits with at most some 256 KiB."""

AT_ONCE_MOST = 64
"""More runs side by side than a Pi has memory for."""

FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 60.0
"""What a function needs that comes back at all is mostly back within a minute."""


class QueueMode(StrEnum):
    """What becomes of a call while another one of the same function runs or waits."""

    SINGLE = "single"
    RESTART = "restart"
    QUEUED = "queued"
    PARALLEL = "parallel"


@sparse
@dataclass(frozen=True, slots=True)
class Queue:
    """How calls wait, and how many of them: `max` counts those that run, too."""

    mode: QueueMode = QueueMode.QUEUED
    max: Annotated[int, Bounds(least=1, most=WAITING_MOST)] = WAITING_MOST


@sparse
@dataclass(frozen=True, slots=True)
class Backoff:
    """The bounds of the pause before another attempt: it doubles from `delay_s` to `max_delay_s`."""

    delay_s: Seconds = FIRST_DELAY_S
    max_delay_s: Seconds = LONGEST_DELAY_S


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` begins within `per_s`, on each node."""

    count: Annotated[int, Bounds(least=1, most=9999)]
    per_s: Seconds


@sparse
@dataclass(frozen=True, slots=True)
class Action:
    """What is done after a success: exactly one of `set` (an actuator), `publish` (a topic) and `call` (a function) is named.

    `value` is what is set or published, or the body of the call; None stands for what the function said.
    """

    set: str = ""
    publish: str = ""
    call: str = ""
    value: JsonValue = None
    retain: bool = False


def payload_of(value: JsonValue) -> str:
    """A value as the text that travels: a text as it is, everything else as JSON."""
    return value if isinstance(value, str) else canonical(value).decode()
