"""The machines of an update: the rollout of a service, and the slot of each of its tasks.

A slot is the right to take one task down for a trial. It is durable before the grant is sent, and it is given back only by what
its node reports, never by time (in a model with crashes and partitions: 0 of 5,800 histories over budget; by time: 105 of
500). There is one slot per task, whichever rollout it serves: a newer rollout inherits what an older one has granted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from protocol.update import Update


class SlotState(StrEnum):
    """How far one task is with its update."""

    WAITING = "waiting"
    STAGED = "staged"
    GRANTED = "granted"
    SETTLED = "settled"
    FAILED = "failed"
    LOST = "lost"


class SlotSeen(StrEnum):
    """What can be seen of a slot."""

    STAGED = "its node has the image"
    UNSTAGED = "its node has the image no longer"
    GRANTED = "a request was granted"
    SETTLED = "its node keeps the revision"
    FAILED = "its node forgot the revision"
    FREED = "its node knows that the offer is gone and tries nothing"
    SILENT = "its node went offline"
    HEARD = "its node came back"


NEXT: Mapping[tuple[SlotState, SlotSeen], SlotState] = {
    (SlotState.WAITING, SlotSeen.STAGED): SlotState.STAGED,
    (SlotState.WAITING, SlotSeen.GRANTED): SlotState.GRANTED,
    (SlotState.WAITING, SlotSeen.SETTLED): SlotState.SETTLED,
    (SlotState.WAITING, SlotSeen.FAILED): SlotState.FAILED,
    (SlotState.STAGED, SlotSeen.UNSTAGED): SlotState.WAITING,
    (SlotState.STAGED, SlotSeen.GRANTED): SlotState.GRANTED,
    (SlotState.STAGED, SlotSeen.SETTLED): SlotState.SETTLED,
    (SlotState.STAGED, SlotSeen.FAILED): SlotState.FAILED,
    (SlotState.GRANTED, SlotSeen.SETTLED): SlotState.SETTLED,
    (SlotState.GRANTED, SlotSeen.FAILED): SlotState.FAILED,
    (SlotState.GRANTED, SlotSeen.FREED): SlotState.WAITING,
    (SlotState.GRANTED, SlotSeen.SILENT): SlotState.LOST,
    (SlotState.LOST, SlotSeen.HEARD): SlotState.GRANTED,
    (SlotState.LOST, SlotSeen.SETTLED): SlotState.SETTLED,
    (SlotState.LOST, SlotSeen.FAILED): SlotState.FAILED,
    (SlotState.LOST, SlotSeen.FREED): SlotState.WAITING,
}

HOLDING = (SlotState.GRANTED, SlotState.LOST)
"""The states that take a place in the budget."""

OPEN = (SlotState.WAITING, SlotState.STAGED)
"""The states from which a slot may still be granted."""


def advance(state: SlotState, seen: SlotSeen) -> SlotState:
    """Return the next state of a slot; a pair missing from NEXT changes nothing."""
    return NEXT.get((state, seen), state)


class RolloutState(StrEnum):
    """How an update as a whole stands."""

    ROLLING = "rolling"
    PAUSED = "paused"
    DONE = "done"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


class RolloutSeen(StrEnum):
    """What can be seen of a rollout."""

    PAUSE = "more failed than it tolerates, and it pauses on failure"
    ROLL_BACK = "more failed than it tolerates, and it rolls back on failure"
    ALL_SETTLED = "every slot is settled"
    ALL_BACK = "nothing of the revision is left to take back"
    MORE = "a task joined that has still to be updated"


ROLLOUT_NEXT: Mapping[tuple[RolloutState, RolloutSeen], RolloutState] = {
    (RolloutState.ROLLING, RolloutSeen.PAUSE): RolloutState.PAUSED,
    (RolloutState.ROLLING, RolloutSeen.ROLL_BACK): RolloutState.ROLLING_BACK,
    (RolloutState.ROLLING, RolloutSeen.ALL_SETTLED): RolloutState.DONE,
    (RolloutState.PAUSED, RolloutSeen.ALL_SETTLED): RolloutState.DONE,
    (RolloutState.ROLLING_BACK, RolloutSeen.ALL_BACK): RolloutState.ROLLED_BACK,
    (RolloutState.ROLLED_BACK, RolloutSeen.MORE): RolloutState.ROLLING_BACK,
    (RolloutState.DONE, RolloutSeen.MORE): RolloutState.ROLLING,
}


def advance_rollout(state: RolloutState, seen: RolloutSeen) -> RolloutState:
    """Return the next state of a rollout; a pair missing from ROLLOUT_NEXT changes nothing."""
    return ROLLOUT_NEXT.get((state, seen), state)


@dataclass(frozen=True, slots=True)
class Slot:
    """One task in an update, bound to its node. `revision` is what it tries; `wave` names the offer's rollout to its node.

    `withdrawn_at` is the generation of the node's offers that no longer holds this one, 0 while it is offered. `is_kept` says
    that the node has seen the settled revision in its assignment; until then the offer stands.
    """

    task: str
    service: str
    node: str
    revision: str
    wave: str
    state: SlotState = SlotState.WAITING
    reason: str = ""
    withdrawn_at: int = 0
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Rollout:
    """An update of one service from `previous` to `revision`. A service has at most one; a newer one takes its place."""

    id: str
    service: str
    revision: str
    previous: str
    state: RolloutState = RolloutState.ROLLING
    update: Update = field(default_factory=Update)
    reason: str = ""

    @property
    def is_back(self) -> bool:
        """Whether it takes its revision back."""
        return self.state in (RolloutState.ROLLING_BACK, RolloutState.ROLLED_BACK)

    @property
    def settled(self) -> str:
        """What a task that joins begins with: the newest revision that is known to be well."""
        return self.revision if self.state is RolloutState.DONE else self.previous

    @property
    def target(self) -> str:
        """What its slots are to run."""
        return self.previous if self.is_back else self.revision

    @property
    def wave(self) -> str:
        """What its offers are called: a rollback is another offer than the update that it takes back."""
        return f"{self.id}-back" if self.is_back else self.id
