"""The machine of one invocation on its node: pending → dispatched → done, failed, expired or skipped.

A failed run goes back to `pending` while it has retries left; so does one that could not begin, without using one up. `expired` is
only for what never began: a run that has begun ends by its own timeout. What must give way while it runs is `stopping` until it has
ended, so that its successor does not begin beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """An invocation's life on its node."""

    PENDING = "pending"
    DISPATCHED = "dispatched"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    SKIPPED = "skipped"


class Seen(StrEnum):
    """What can be seen of an invocation."""

    STARTED = "a container was asked for"
    SUCCEEDED = "it ended with exit code 0"
    FAILED = "it failed and has retries left"
    FAILED_AT_LAST = "it failed and has none left"
    CANNOT = "it cannot be run here"
    TOO_LATE = "its time ran out before a start"
    UNBEGUN = "what it needs was away, so nothing of it has run"
    SUPERSEDED = "it gives way to another, as its queue asks"
    STOPPED = "it has ended after it was stopped"


NEXT: Mapping[tuple[State, Seen], State] = {
    (State.PENDING, Seen.STARTED): State.DISPATCHED,
    (State.PENDING, Seen.TOO_LATE): State.EXPIRED,
    (State.PENDING, Seen.CANNOT): State.FAILED,
    (State.DISPATCHED, Seen.SUCCEEDED): State.DONE,
    (State.DISPATCHED, Seen.FAILED): State.PENDING,
    (State.DISPATCHED, Seen.FAILED_AT_LAST): State.FAILED,
    (State.DISPATCHED, Seen.CANNOT): State.FAILED,
    (State.DISPATCHED, Seen.UNBEGUN): State.PENDING,
    (State.PENDING, Seen.SUPERSEDED): State.SKIPPED,
    (State.DISPATCHED, Seen.SUPERSEDED): State.STOPPING,
    (State.STOPPING, Seen.STOPPED): State.SKIPPED,
}


def advance(state: State, seen: Seen) -> State:
    """Return the next state; a pair missing from NEXT changes nothing."""
    return NEXT.get((state, seen), state)


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation that this node has taken; durable until its result is in the outbox.

    `attempt` counts from 1 with the first start. A run that was `dispatched` when the agent died is asked for again with the same
    attempt: the engine takes an existing container over. `is_own` says that this node called it: nobody else knows its body.
    """

    id: str
    stack: str
    function: str
    cause: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    body: str = ""
    state: State = State.PENDING
    attempt: int = 0
    reason: str = ""
    started_at: str = ""
    due_mono_s: float = 0.0
    until_mono_s: float = 0.0
    is_own: bool = False
