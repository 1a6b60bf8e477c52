"""The machines of an update: the rollout of a service, and the slot of each of its tasks.

A slot is the right to take one task down for a trial. It is durable before the grant is sent, and it is given back only by what
its node reports, never by time (in a model with crashes and partitions: 0 of 5,800 histories over budget; by time: 105 of
500). There is one slot per task, whichever rollout it serves: a newer rollout inherits what an older one has granted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from protocol.desired import Sections, Strategy
from protocol.update import FailureAction, Update


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
    RETURNED = "its node gives the grant back"
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
    (SlotState.GRANTED, SlotSeen.RETURNED): SlotState.STAGED,
    (SlotState.GRANTED, SlotSeen.FREED): SlotState.WAITING,
    (SlotState.GRANTED, SlotSeen.SILENT): SlotState.LOST,
    (SlotState.LOST, SlotSeen.HEARD): SlotState.GRANTED,
    (SlotState.LOST, SlotSeen.SETTLED): SlotState.SETTLED,
    (SlotState.LOST, SlotSeen.FAILED): SlotState.FAILED,
    (SlotState.LOST, SlotSeen.RETURNED): SlotState.STAGED,
    (SlotState.LOST, SlotSeen.FREED): SlotState.WAITING,
    (SlotState.FAILED, SlotSeen.STAGED): SlotState.STAGED,
    (SlotState.FAILED, SlotSeen.UNSTAGED): SlotState.WAITING,
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
    ROLLBACK_PAUSED = "rollback_paused"
    ROLLED_BACK = "rolled_back"


class RolloutSeen(StrEnum):
    """What can be seen of a rollout."""

    PAUSE = "it failed, and pauses on failure"
    ROLL_BACK = "it failed, and rolls back on failure"
    AWAITED = "a batch is over, and the next waits for an operator's word"
    CONFIRMED = "an operator confirmed the batch"
    HELD = "an operator paused it"
    RESUMED = "an operator had it go on"
    ABORTED = "an operator had it taken back"
    ALL_SETTLED = "every slot is settled, or has failed and may"
    ALL_BACK = "nothing of the revision is left to take back"
    MORE = "a task joined that has still to be updated"


ROLLOUT_NEXT: Mapping[tuple[RolloutState, RolloutSeen], RolloutState] = {
    (RolloutState.ROLLING, RolloutSeen.PAUSE): RolloutState.PAUSED,
    (RolloutState.ROLLING, RolloutSeen.AWAITED): RolloutState.PAUSED,
    (RolloutState.ROLLING, RolloutSeen.HELD): RolloutState.PAUSED,
    (RolloutState.ROLLING, RolloutSeen.ROLL_BACK): RolloutState.ROLLING_BACK,
    (RolloutState.ROLLING, RolloutSeen.ABORTED): RolloutState.ROLLING_BACK,
    (RolloutState.ROLLING, RolloutSeen.ALL_SETTLED): RolloutState.DONE,
    (RolloutState.PAUSED, RolloutSeen.RESUMED): RolloutState.ROLLING,
    (RolloutState.PAUSED, RolloutSeen.CONFIRMED): RolloutState.ROLLING,
    (RolloutState.PAUSED, RolloutSeen.ABORTED): RolloutState.ROLLING_BACK,
    (RolloutState.PAUSED, RolloutSeen.ALL_SETTLED): RolloutState.DONE,
    (RolloutState.DONE, RolloutSeen.MORE): RolloutState.ROLLING,
    (RolloutState.DONE, RolloutSeen.RESUMED): RolloutState.ROLLING,
    (RolloutState.DONE, RolloutSeen.ABORTED): RolloutState.ROLLING_BACK,
    (RolloutState.ROLLING_BACK, RolloutSeen.PAUSE): RolloutState.ROLLBACK_PAUSED,
    (RolloutState.ROLLING_BACK, RolloutSeen.HELD): RolloutState.ROLLBACK_PAUSED,
    (RolloutState.ROLLING_BACK, RolloutSeen.ALL_BACK): RolloutState.ROLLED_BACK,
    (RolloutState.ROLLBACK_PAUSED, RolloutSeen.RESUMED): RolloutState.ROLLING_BACK,
    (RolloutState.ROLLBACK_PAUSED, RolloutSeen.ALL_BACK): RolloutState.ROLLED_BACK,
    (RolloutState.ROLLED_BACK, RolloutSeen.MORE): RolloutState.ROLLING_BACK,
}

GRANTING = (RolloutState.ROLLING, RolloutState.ROLLING_BACK)
"""The states in which requests are granted."""

HALTED = (RolloutState.PAUSED, RolloutState.ROLLBACK_PAUSED)
"""The states that only an operator's word ends."""

ENDED = (RolloutState.DONE, RolloutState.ROLLED_BACK)
"""The states in which nothing is left to do, until a task joins."""


def advance_rollout(state: RolloutState, seen: RolloutSeen) -> RolloutState:
    """Return the next state of a rollout; a pair missing from ROLLOUT_NEXT changes nothing."""
    return ROLLOUT_NEXT.get((state, seen), state)


class Cause(StrEnum):
    """Why a rollout is paused, which decides what makes it go on."""

    NONE = ""
    HAND = "hand"
    FAILURES = "failures"
    PROMOTION = "promotion"


class Standing(StrEnum):
    """How a slot counts: its state, and whether its node is there."""

    OPEN = "open"
    AWAY = "away"
    TRYING = "trying"
    LOST = "lost"
    FORGIVEN = "forgiven"
    SETTLED = "settled"
    FAILED = "failed"


_STANDING = {
    SlotState.WAITING: Standing.OPEN,
    SlotState.STAGED: Standing.OPEN,
    SlotState.GRANTED: Standing.TRYING,
    SlotState.LOST: Standing.LOST,
    SlotState.SETTLED: Standing.SETTLED,
    SlotState.FAILED: Standing.FAILED,
}

NO_BATCH = -1
"""The batch of a slot that no batch has taken in yet."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One task in an update, bound to its node. `revision` is what it tries; `wave` names the offer's rollout to its node.

    `withdrawn_at` is the generation of the node's offers that no longer holds this one, 0 while it is offered. `is_kept` says
    that the node has seen the settled revision in its assignment, and needs the offer no more; until then the offer stands.
    `batch` is the one that has taken it in. `is_away` says that its node is offline; `is_forgiven`, of a lost one, that an operator
    had the rollout go on in spite of it. `nonce` is the newest request that was granted: a node gives it back by its name. A failed
    one that `was_staging` could not get its image; it alone may be staged again, when its node is told of another login. `brought`
    is what came with an offer that was withdrawn while its node may be trying it. One that `has_overridden` did not mind a
    lock, and that stands in the history.
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
    batch: int = NO_BATCH
    is_away: bool = False
    is_forgiven: bool = False
    overrides_lock: bool = False
    nonce: str = ""
    brought: Sections | None = None
    was_staging: bool = False
    has_overridden: bool = False

    @property
    def standing(self) -> Standing:
        """How it counts."""
        standing = _STANDING[self.state]
        if standing is Standing.OPEN and self.is_away:
            return Standing.AWAY
        return Standing.FORGIVEN if standing is Standing.LOST and self.is_forgiven else standing


@dataclass(frozen=True, slots=True)
class Rollout:
    """An update of one service from `previous` to `revision`. A service has at most one; a newer one takes its place.

    `batch` is the one under way, `quotas` how many tasks each that has begun takes in, `confirmed` how many an operator confirmed.
    `attempt` is how often failures were forgiven, `well` how many tasks settled since it began, or since something failed. Once it
    `is_confirmed`, nodes keep nothing of what was before.
    """

    id: str
    service: str
    revision: str
    previous: str
    state: RolloutState = RolloutState.ROLLING
    update: Update = field(default_factory=Update)
    reason: str = ""
    rollback: Update | None = None
    paused_by: Cause = Cause.NONE
    batch: int = 0
    quotas: tuple[int, ...] = ()
    confirmed: int = 0
    attempt: int = 0
    well: int = 0
    is_confirmed: bool = False

    @property
    def is_back(self) -> bool:
        """Whether it takes its revision back."""
        return self.state in (RolloutState.ROLLING_BACK, RolloutState.ROLLBACK_PAUSED, RolloutState.ROLLED_BACK)

    @property
    def policy(self) -> Update:
        """How it goes about it now."""
        return returning(self.update, self.rollback) if self.is_back else self.update

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
        """What its offers are called: a rollback, and another attempt, are other offers than those that failed."""
        return f"{self._way}-{self.attempt}" if self.attempt else self._way

    def owns(self, slot: Slot) -> bool:
        """Whether a slot is for what this rollout does now, in whichever attempt."""
        is_back = slot.wave.startswith(f"{self.id}-back")
        return slot.revision == self.target and slot.wave.startswith(self.id) and is_back == self.is_back

    @property
    def _way(self) -> str:
        return f"{self.id}-back" if self.is_back else self.id


def returning(update: Update, rollback: Update | None) -> Update:
    """How an update is taken back: by `rollback_config` where there is one, else at its own pace.

    At once everywhere and at any hour: no batches, no ramp, no window. The budget of each group and the locks hold as ever. A
    rollback that fails is not taken back: it pauses, as in Swarm.
    """
    pace = rollback or update
    agrees = pace.order is update.order
    strategy = update.conduct.strategy if agrees else Strategy.DOWNLOAD_THEN_KILL
    is_circular = pace.failure_action is FailureAction.ROLLBACK
    return replace(
        update,
        parallelism=pace.parallelism,
        delay_s=pace.delay_s,
        monitor_s=pace.monitor_s,
        max_failure_ratio=pace.max_failure_ratio,
        failure_action=FailureAction.PAUSE if is_circular else pace.failure_action,
        order=pace.order,
        batches=(),
        ramp=1.0,
        conduct=replace(update.conduct, strategy=strategy, window=None, keeps_previous=False),
    )
