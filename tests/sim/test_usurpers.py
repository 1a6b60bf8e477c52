"""A second controller, and the broker's memory, by which alone it knows of the first."""

from __future__ import annotations

import pytest

from protocol.topics import ControllerPresenceTopic
from sim.fleet import SimFleet
from sim.usurpers import Usurper
from tests.sim.resting import resting

WELL_S, AFTER_S = 20.0, 60.0
"""The first one has been there for long; by the end one of the two has ended."""


@pytest.mark.parametrize("is_forgotten", [True, False])
def test_who_starts_beside_a_controller_ends_again(is_forgotten: bool) -> None:
    """It asks the first one; if the broker has forgotten that one it begins to speak, and ends when it hears of it."""
    with resting(SimFleet) as fleet:
        fleet.head.listens = True
        second = Usurper(fleet, "second")
        second.watch()
        fleet.run_for(WELL_S)
        if is_forgotten:
            del fleet.world.broker.retained[str(ControllerPresenceTopic(fleet.head.name))]
        second.begin()
        fleet.run_for(AFTER_S)
        assert (second.was_in_charge, second.is_retired, fleet.head.is_retired) == (is_forgotten, True, False)
