"""How a service is updated: Swarm's names and defaults, and what Swarm has no word for because its nodes are never away.

Values only. *When* a task may begin is the controller's (`controller.decide.rollouts`); how its node goes about it, `Conduct`, is
the node's, because only the node knows its clock, its disk and its locks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil

from protocol.desired import Conduct, Order


class FailureAction(StrEnum):
    """What a rollout does when more failed than it tolerates (`update_config.failure_action`)."""

    PAUSE = "pause"
    CONTINUE = "continue"
    ROLLBACK = "rollback"


class LostAction(StrEnum):
    """What becomes of a task whose node went silent while it was trying: it is waited for, or counts as failed, too.

    Either way it keeps its place in the budget until its node has reported: nobody knows what it does over there.
    """

    HOLD = "hold"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Portion:
    """A number of tasks, or a share of them in 0..1; one of the two is 0. A share is rounded up, so it is never nothing."""

    count: int = 0
    share: float = 0.0

    def of(self, total: int) -> int:
        """How many of so many."""
        return ceil(self.share * total - 1e-9) if self.share else min(self.count, total)


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks that are updated before those of later batches; what no batch names comes last.

    They are on nodes that pass the constraints `nodes`, and no more than `most` of them; without `most`, all. The batch is over
    when every one of them whose node has been seen is settled or failed. The next begins if at least `success` of those settled
    and, with `is_confirmed_by_hand`, an operator has said so. Nodes that were away then are updated when they return, whatever
    batch is under way.
    """

    name: str
    nodes: tuple[str, ...] = ()
    most: Portion | None = None
    success: float = 1.0
    is_confirmed_by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Disruption:
    """Of the tasks on nodes with one value of `label`, no more than `most` may be out of work at once, for whatever reason.

    One that is out of work already, because its node is away or it failed, takes its place in this budget.
    """

    label: str
    most: Portion


@dataclass(frozen=True, slots=True)
class Update:
    """How a service is updated (`update_config`, `x-bramble.update`). `parallelism` of count 0 means all at once.

    `ramp` multiplies the parallelism after each full round that went well: 2 makes 1, 2, 4 … Where nothing settles for
    `progress_s` (0: no limit) although nodes that are online could, the rollout does as for a failure.
    """

    parallelism: Portion = field(default_factory=lambda: Portion(1))
    delay_s: float = 0.0
    monitor_s: float = 5.0
    max_failure_ratio: float = 0.0
    failure_action: FailureAction = FailureAction.PAUSE
    order: Order = Order.STOP_FIRST
    batches: tuple[Batch, ...] = ()
    ramp: float = 1.0
    disruption: Disruption | None = None
    progress_s: float = 0.0
    lost: LostAction = LostAction.HOLD
    conduct: Conduct = field(default_factory=Conduct)

    def at_once(self, tasks: int) -> int:
        """How many of so many tasks may be changing at once."""
        return self.parallelism.of(tasks) or tasks
