"""How finely a fleet's idleness is simulated: as it is, or, where weeks of hundreds of nodes are rehearsed, only where it matters.

A coarse fleet lives through the same updates: every hint of an engine is heard and every link that falls is noticed by its will, so
looks at engines, samples of health and the leases that they renew would find nothing new. A node whose network is away knocks once
more when it is back instead of each minute. What that leaves out stands in docs/simulator.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.decide.node import LOOK_EVERY_S
from controller.decide.terms import Terms

HEALTH_S = 30.0
"""What the real agent has, unless somebody says otherwise."""

SWEEP_S = 10.0
"""How often what costs much is checked."""

DAY_S = 86_400.0
LEASE_S = Terms().lease_s


@dataclass(frozen=True, slots=True)
class Pace:
    """How often what is idle does something all the same.

    `hint_lost` is the share of an engine's hints that nobody hears: its event stream ends whenever the daemon does.
    """

    look_s: float = LOOK_EVERY_S
    health_s: float = HEALTH_S
    lease_s: float = LEASE_S
    hint_lost: float = 0.1
    redials: bool = True
    sweep_s: float = SWEEP_S


FINE = Pace()
COARSE = Pace(look_s=DAY_S, health_s=float("inf"), lease_s=1000 * DAY_S, hint_lost=0.0, redials=False, sweep_s=3600.0)
