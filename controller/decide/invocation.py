"""The machine of an invocation: one run of a function, asked for once and ended once.

Its id is derived from its cause, so a repeated event, call or result meets what is already here and dies. The first result wins,
also where a node went away with it and another one took it over. An invocation that its node took up by itself, without us, is on
the ledger like any other. One that failed or expired leaves a dead letter: its input, and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from protocol.desired import Invocation
from protocol.ids import service_key
from protocol.observed import Answer


class InvocationState(StrEnum):
    """How far one run of a function is."""

    PENDING = "pending"
    DISPATCHED = "dispatched"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    SKIPPED = "skipped"


class InvocationSeen(StrEnum):
    """What can be seen of an invocation."""

    TAKEN = "a node has it"
    DONE = "its result says done"
    FAILED = "its result says failed"
    EXPIRED = "its result says expired, or its time is over"
    SKIPPED = "its result says skipped"
    VANISHED = "its node is away, and another one may take it over"


NEXT: Mapping[tuple[InvocationState, InvocationSeen], InvocationState] = {
    (InvocationState.PENDING, InvocationSeen.TAKEN): InvocationState.DISPATCHED,
    (InvocationState.PENDING, InvocationSeen.DONE): InvocationState.DONE,
    (InvocationState.PENDING, InvocationSeen.FAILED): InvocationState.FAILED,
    (InvocationState.PENDING, InvocationSeen.EXPIRED): InvocationState.EXPIRED,
    (InvocationState.PENDING, InvocationSeen.SKIPPED): InvocationState.SKIPPED,
    (InvocationState.DISPATCHED, InvocationSeen.DONE): InvocationState.DONE,
    (InvocationState.DISPATCHED, InvocationSeen.FAILED): InvocationState.FAILED,
    (InvocationState.DISPATCHED, InvocationSeen.EXPIRED): InvocationState.EXPIRED,
    (InvocationState.DISPATCHED, InvocationSeen.SKIPPED): InvocationState.SKIPPED,
    (InvocationState.DISPATCHED, InvocationSeen.VANISHED): InvocationState.PENDING,
}

OPEN = frozenset({InvocationState.PENDING, InvocationState.DISPATCHED})
"""The states in which a result is still waited for."""


def advance(state: InvocationState, seen: InvocationSeen) -> InvocationState:
    """Return the next state; a pair missing from NEXT changes nothing."""
    return NEXT.get((state, seen), state)


@dataclass(frozen=True, slots=True)
class Entry:
    """One invocation on the ledger: `near` is where its cause was, `node` where it is run; `by_node` says that it was not sent.

    `call`, `response_topic` and `correlation` (hexadecimal) are those of a direct call, and `answer` what came of it. `rank` counts
    the ended ones, so that the oldest is forgotten first. An ended one keeps neither attributes nor body, and no way back. `number`
    counts the arrivals, and `asked` are the nodes that went away with it: their results count as well.
    """

    invocation: Invocation
    state: InvocationState = InvocationState.PENDING
    node: str = ""
    near: str = ""
    response_topic: str = ""
    correlation: str = ""
    call: str = ""
    by_node: bool = False
    rank: int = 0
    answer: Answer | None = None
    number: int = 0
    asked: tuple[str, ...] = ()

    @property
    def function(self) -> str:
        """`stack.function`."""
        return service_key(self.invocation.stack, self.invocation.function)

    @property
    def open_at(self) -> str | None:
        """The node whose result is waited for, empty before there is one, None once it ended."""
        return self.node if self.state in OPEN else None

    @property
    def work(self) -> tuple[str, str] | None:
        """The function and that node, None once it ended."""
        return (self.function, self.node) if self.state in OPEN else None

    @property
    def weight(self) -> int:
        """What its input weighs, and the way back, which whoever calls may make long."""
        return weight_of(self.invocation) + len(self.response_topic) + len(self.correlation)

    @property
    def open_bytes(self) -> int | None:
        """What it weighs while it is open."""
        return self.weight if self.state in OPEN else None

    @property
    def answer_bytes(self) -> int | None:
        """What the answer to a call weighs that is kept for its repetition."""
        said = self.answer.result if self.answer is not None else None
        return sum(len(str(value)) for value in said.values()) if isinstance(said, dict) else None


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: an invocation that failed or expired, with its input, where and why; `rank` counts them.

    Without attributes its input is not known here, or not yet: its event is still on its way.
    """

    invocation: Invocation
    state: InvocationState
    node: str = ""
    near: str = ""
    reason: str = ""
    attempt: int = 0
    rank: int = 0
    at: str = ""

    @property
    def function(self) -> str:
        """`stack.function`."""
        return service_key(self.invocation.stack, self.invocation.function)

    @property
    def is_whole(self) -> bool:
        """Whether its input is known here."""
        return bool(self.invocation.attributes)


def weight_of(asked: Invocation) -> int:
    """What the input of an invocation weighs, in characters: a bound needs no more exactness."""
    return len(asked.body) + sum(map(len, asked.attributes)) + sum(map(len, asked.attributes.values()))
