"""What some histories end with, once the fleet has come to rest: a year goes by, or an hour in which late mail arrives.

Only long histories do: in an hour of a fleet at rest its processes turn thousands of times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from sim.fleet import SimFleet
from sim.renewals import Renewals
from sim.themes import theme_of
from sim.violation import ViolationError

DAY_S = 86_400.0
ABSENT_S = 400 * DAY_S
HOUR_S = 3600.0
GLANCES, GLANCE_S = 10, 120.0
"""How often the controller of empty houses turns meanwhile, and for how long: what lies between would show nothing new."""


class Operator(Protocol):
    """Who lives with a fleet."""

    def end(self) -> None:
        """Want something good of everything."""


def aftermath(fleet: SimFleet, operator: Operator) -> None:
    """Let what belongs to the theme of a history happen after it."""
    after = AFTERMATHS.get(theme_of(fleet.world.seed).name)
    if after is not None:
        after(fleet, operator)


def _years(fleet: SimFleet, operator: Operator) -> None:
    """Late mail disturbs nothing. Then a node misses an update, nobody is there for 400 days, and it is updated like any other."""
    before = fleet.containers()
    fleet.run_for(HOUR_S)
    if fleet.containers() != before:
        raise ViolationError("late mail disturbs nothing", f"{before} became {fleet.containers()}")
    absent = fleet.nodes[fleet.world.chances.choice(sorted(fleet.nodes))]
    absent.cut_power()
    operator.end()
    fleet.run_for(minutes=5)
    for node in fleet.nodes.values():
        if node.is_powered:
            node.cut_power()
    fleet.run_for(minutes=5)
    fleet.is_deserted = True
    for _ in range(GLANCES):
        fleet.head.process.stop(ABSENT_S / GLANCES)
        fleet.run_for(ABSENT_S / GLANCES + GLANCE_S)
    for node in fleet.nodes.values():
        node.power()
    fleet.is_deserted = False
    operator.end()
    fleet.run_until_converged()


def _releases(_: SimFleet, operator: Operator) -> None:
    """All agents become others, and nothing on the nodes does."""
    assert isinstance(operator, Renewals)
    operator.after()


AFTERMATHS: Mapping[str, Callable[[SimFleet, Operator], None]] = {"years": _years, "releases": _releases}
"""By the name of the theme."""
