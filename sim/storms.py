"""An operator whose fleet has no room, and visitors who are many: whatever is bounded meets its bound (S9).

Buttons bounce, functions are called faster than they run, and under names that are gone by then, for each revision of the stack has
functions of other names; half of them fail, and what they say goes to topics of others. Everything has an end soon (`expires`):
an outbox that is full lets go of results, too, and nobody waits an hour for one. The services of `sim.workload` are there as well.
"""

from __future__ import annotations

from typing import ClassVar

from sim.fleet import SimFleet
from sim.images import FUNCTION, Behaviour
from sim.stacks import Section, button, function, stack
from sim.straits import NARROW, Straits
from sim.workload import Workload

STACK, TAP, TAP_PIN = "yard", "tap", 24
BOUNCES, BOUNCE_EVERY_S = 400, 0.001
"""Half of them are enough for a flight recorder."""

TAPS, TAP_EVERY_S = 25, 0.1
CALLS = 8
FAILING = Behaviour(exits_after_s=0.2, exit_code=1)
EXPIRES = "4s"
WAITING = 3


class StraitFleet(SimFleet):
    """A fleet without room."""

    straits: ClassVar[Straits] = NARROW


class Storms(Workload):
    """The operator of one history about bounds."""

    def __init__(self, fleet: SimFleet, *, is_lean: bool = False) -> None:
        super().__init__(fleet, is_lean=is_lean)
        self._names: tuple[str, ...] = ()
        self._revision = 0

    def begin(self) -> None:
        """Publish the yard, too."""
        super().begin()
        self._fleet.sensors[STACK] = {TAP}
        self._yard()

    # Deeds.

    def _tap(self) -> None:
        """Somebody cannot wait."""
        node = self._chances.choice(sorted(self._fleet.nodes))
        for number in range(TAPS):
            self._fleet.world.after(number * TAP_EVERY_S, lambda: self._touch_tap(node))

    def _bounce(self) -> None:
        """A contact is loose."""
        node = self._chances.choice(sorted(self._fleet.nodes))
        for number in range(BOUNCES):
            self._fleet.world.after(number * BOUNCE_EVERY_S, lambda: self._close(node))

    def _deluge(self) -> None:
        """Call everything at once, and have it go in the same moment, or not."""
        for name in self._names * CALLS:
            self._calls += 1
            self._fleet.call(f"{STACK}.{name}", f"yard-{self._calls}")
        if self._chances.random() < 0.5:
            self._yard()

    def _rename(self) -> None:
        self._yard()

    # What is published.

    def _close(self, node: str) -> None:
        self._fleet.nodes[node].press(TAP, BOUNCE_EVERY_S / 2)

    def _touch_tap(self, node: str) -> None:
        if not self._fleet.is_healed:
            self._fleet.press(node, TAP)

    def _yard(self) -> None:
        self._revision += 1
        self._names = tuple(f"{kind}-{self._revision}" for kind in ("well", "ill"))
        well, ill = (self._section_of(name) for name in self._names)
        functions = dict(zip(self._names, (well, ill), strict=True))
        self._fleet.publish(STACK, stack({}, {TAP: button(TAP_PIN)}, functions))

    def _section_of(self, name: str) -> Section:
        made = function(self._run(FAILING if name.startswith("ill") else FUNCTION), TAP)
        made["queue"] = {"mode": "queued", "max": WAITING}
        return {**made, "retries": 0, "expires": EXPIRES, "then": [{"publish": f"yard/{name}"}]}
