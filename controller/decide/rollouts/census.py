"""How many tasks of a rollout stand how. Read off indexes, so it costs the same in a fleet of ten and of ten thousand (law 10)."""

from __future__ import annotations

from dataclasses import dataclass

from controller.decide.fleet import Fleet
from controller.decide.rollouts.slot import Standing
from protocol.update import LostAction


@dataclass(frozen=True, slots=True)
class Census:
    """Counts by standing: `open` ones wait on nodes that are there, `away` ones on nodes that are not."""

    open: int = 0
    away: int = 0
    trying: int = 0
    lost: int = 0
    forgiven: int = 0
    settled: int = 0
    failed: int = 0

    @property
    def held(self) -> int:
        """Places of the budget that are taken."""
        return self.trying + self.lost + self.forgiven

    @property
    def seen(self) -> int:
        """All but those that wait for nodes which are away: what thresholds are shares of."""
        return self.total - self.away

    @property
    def total(self) -> int:
        """All tasks."""
        return self.open + self.away + self.held + self.settled + self.failed

    def failures(self, lost: LostAction) -> int:
        """What counts as failed."""
        return self.failed + (self.lost if lost is LostAction.FAIL else 0)

    @property
    def awaited(self) -> int:
        """Those that are there and have not come to their end."""
        return self.open + self.trying

    @property
    def silent(self) -> int:
        """Places of the budget that are taken by nodes which went away while they tried."""
        return self.lost + self.forgiven


def census(fleet: Fleet, service: str) -> Census:
    """Count all tasks of a service's rollout."""
    return Census(*(len(fleet.slots.of("standing", (service, standing))) for standing in Standing))


def of_batch(fleet: Fleet, service: str, batch: int) -> Census:
    """Count the tasks that one batch has taken in."""
    return Census(*(len(fleet.slots.of("batch", (service, batch, standing))) for standing in Standing))
