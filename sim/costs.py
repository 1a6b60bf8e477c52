"""How long an engine in virtual time takes for a step. A pull is its image's affair. Pure."""

from __future__ import annotations

from agent.decide.effects import Clean, Create, Probe, Remove, Start, Stop, Warm
from sim.boxes import Box

CREATE_S, START_S, REMOVE_S = 0.005, 0.15, 0.005
# Measured on Docker 20.10 (medians, no network).
STOP_S = 0.1
WARM_S = 0.25
# A container's start and an interpreter's.


def cost_s(step: Create | Start | Stop | Probe | Remove | Clean | Warm, box: Box | None) -> float:
    """The seconds of a step; a stop depends on the box that is stopped."""
    match step:
        case Stop():
            return STOP_S if box is None or not box.runs or box.behaviour.heeds_stop else step.grace_s
        case Create():
            return CREATE_S
        case Start():
            return START_S
        case Warm():
            return WARM_S
        case Remove() | Clean() | Probe():
            return REMOVE_S
