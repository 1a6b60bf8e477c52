"""A second controller that somebody starts by mistake: on an empty store, or on a copy of the first one's from some time ago.

Both listen before they speak. While the first one answers, the second ends by itself. While it does not, the second may take the
fleet over, and the first ends when it is back: never do two speak. What the other did no store of the first can know, so it
is forgiven like a restored store (`Invariants.restored`). When all is healed somebody puts it right: the second goes, the
first takes over.
"""

from __future__ import annotations

import random

from protocol.topics import ControllerPresenceTopic
from sim.broker import Weather
from sim.cards import keep
from sim.fleet import SimFleet
from sim.head import CLIENT, Head
from sim.violation import ViolationError

AT_ONCE_S = 10.0
"""So long two may believe that they are in charge, where nobody's network is away: a takeover is told at once."""

WELL_S = 8.0
"""Who has been in charge for so long, in calm weather, and stands on the broker, answers whoever asks: it takes a second to hear,
and five to be asked. Nobody asks one that the broker has forgotten; then the second speaks until the two hear of each other.
"""

OLD_S = (1.0, 60.0)
RIGHT_S = 60.0
"""From the healing of everything until somebody puts right who is the controller: by then all but one have ended or wait."""

LOOKS_EVERY_S = 0.5
"""Half of what it takes to hear that nobody is there."""


class Usurper(Head):
    """The controller by mistake of one fleet."""

    def __init__(self, fleet: SimFleet, name: str) -> None:
        super().__init__(fleet.world, fleet.head.path.parent / name, fleet.head.name)
        self._of, self._both_since_s, self._well_since_s = fleet, float("inf"), float("inf")
        self.process.name, self.listens = name, True
        self.was_in_charge = False

    @property
    def is_in_charge(self) -> bool:
        """Whether it believes so."""
        return self.fleet is not None and self.fleet.is_up

    def _handle(self) -> None:
        """Before anything of a turn goes out."""
        super()._handle()
        if self.is_in_charge:
            if not self.was_in_charge and self.world.now_s - self._well_since_s > WELL_S:
                raise ViolationError("fence", f"{self.process.name} takes over from a controller that was there")
            self.was_in_charge = True
            self._of.invariants.restored()

    def begin(self) -> None:
        """Be started, unless somebody has put everything right by now."""
        if not self._of.is_healed:
            self.process.start()

    def watch(self) -> None:
        """Two that are in charge at once are no controller at all."""
        if self.is_retired:
            return
        first, now_s, broker = self._of.head.fleet, self.world.now_s, self.world.broker
        is_there = first is not None and first.is_up and CLIENT not in broker.partitioned
        is_calm = broker.weather == Weather() and now_s > self._of.head.process.stopped_until_s
        is_shown = str(ControllerPresenceTopic(self._of.head.name)) in broker.retained
        is_well = is_there and is_shown and is_calm
        self._well_since_s = min(self._well_since_s, now_s) if is_well else float("inf")
        are_two = self.is_in_charge and is_there
        self._both_since_s = min(self._both_since_s, now_s) if are_two else float("inf")
        if now_s - self._both_since_s > AT_ONCE_S:
            raise ViolationError("fence", f"two controllers have spoken for {AT_ONCE_S:.0f} s, and neither ends")
        self.world.after(LOOKS_EVERY_S, self.watch)


def usurp(fleet: SimFleet, chances: random.Random) -> str:
    """Somebody starts a second controller, perhaps with the first one's store of now, a while later."""
    if fleet.guests or not fleet.head.listens:
        return "nobody starts a second controller"
    second = Usurper(fleet, f"second-{fleet.faults}")
    is_copy, seconds = chances.random() < 0.5, chances.uniform(*OLD_S)
    if is_copy:
        keep(fleet.head.path, second.path)
    fleet.guests.append(lambda: fleet.world.after(RIGHT_S, lambda: put_right(fleet, second)))
    second.watch()
    fleet.world.after(seconds, second.begin)
    return (
        f"a second controller will be started in {seconds:.0f} s with {'the store of now' if is_copy else 'no store'}"
    )


def put_right(fleet: SimFleet, second: Usurper) -> None:
    """Somebody reads what the controllers said when they ended, and has the right one take over."""
    fleet.world.say("operator", "ends the second controller")
    second.retire()
    fleet.invariants.facts.lost += second.handled
    first = fleet.head
    if second.was_in_charge:
        fleet.invariants.restored()
    if first.is_retired:
        first.is_retired, first.takes_over = False, True
        first.process.start()
