"""What an operator does after everything has healed: whatever has paused, failed or gone back gets a word, or something new.

A good revision may fail for no fault of its own: its node lost its power three times. Somebody sees that, and tries again.
"""

from __future__ import annotations

from collections.abc import Callable

from controller.decide.rollouts.slot import Cause, RolloutState, SlotState
from protocol.operator import OrderVerb
from sim.fleet import SimFleet

LOOKS_EVERY_S = 45.0
GOES_BY_ITSELF = (RolloutState.ROLLING, RolloutState.DONE)


class Repairs:
    """An operator who looks now and then. `renew` publishes something good of a service."""

    def __init__(self, fleet: SimFleet, renew: Callable[[str], None]) -> None:
        self._fleet, self._renew = fleet, renew
        self._keepers: set[str] = set()
        self._is_there = False

    def begin(self, keepers: set[str]) -> None:
        """Look from now on; `keepers` are the services whose nodes keep the container before until somebody confirms."""
        self._keepers = keepers
        if not self._is_there:
            self._is_there = True
            self._fleet.world.after(LOOKS_EVERY_S, self._look)

    def _look(self) -> None:
        self._is_there = not self._fleet.is_deserted
        if self._is_there:
            self._see_to_all()
            self._fleet.world.after(LOOKS_EVERY_S, self._look)

    def _see_to_all(self) -> None:
        if not self._fleet.is_healed:
            return  # another history has begun: what is wrong now may be meant to be
        knows = self._fleet.head.fleet
        for name in sorted(knows.rollouts) if knows is not None else ():
            assert knows is not None
            rollout = knows.rollouts[name]
            has_failed = bool(knows.slots.of("state", (name, SlotState.FAILED)))
            is_kept = name in self._keepers and rollout.state is RolloutState.DONE and not rollout.is_confirmed
            if is_kept or rollout.paused_by is Cause.PROMOTION:
                self._confirm(name, is_confirmed=rollout.is_confirmed)
            elif rollout.state not in GOES_BY_ITSELF or (has_failed and rollout.state is RolloutState.DONE):
                self._renew(name)

    def _confirm(self, name: str, *, is_confirmed: bool) -> None:
        if not is_confirmed:
            self._fleet.order(OrderVerb.ROLLOUT_CONFIRM, name)
