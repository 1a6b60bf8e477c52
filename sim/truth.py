"""What the checks know by themselves: whose a container is and how it fares, without asking the code that they check."""

from __future__ import annotations

from collections.abc import Mapping

from agent.decide.inputs import Phase
from sim.boxes import Box

LABEL = "io.bramble."

WELL = frozenset({"", "none", "healthy"})
"""What a health check says that passes, or that is not there."""

RUN_GONE_S = 20.0
"""An engine is looked at every 15 s at least, and what a look shows to have ended is removed at once."""


def task_of(box: Box) -> str:
    """The task of a container; empty for one of no task."""
    return box.labels.get(f"{LABEL}task", "")


def is_warm(box: Box) -> bool:
    """Whether it is an instance of a warm function: how many there should be follows from calls, not from what is assigned."""
    return f"{LABEL}instance" in box.labels


def is_passing(box: Box, now_s: float) -> bool:
    """Whether it is of a run that goes on, or has ended since the last look: the next one removes it."""
    since_s = box.ended_s if box.phase is Phase.EXITED else box.started_s
    return f"{LABEL}invocation" in box.labels and now_s - since_s < RUN_GONE_S


def revision_of(box: Box) -> str:
    """The revision of a container."""
    return box.labels.get(f"{LABEL}revision", "")


def service_of(task: str) -> str:
    """`stack.service` of a task."""
    return ".".join(task.split(".")[:2])


def owns(fleet: str, node: str, labels: Mapping[str, str]) -> bool:
    """Whether a container with these labels is this node's."""
    return labels.get(f"{LABEL}fleet") == fleet and labels.get(f"{LABEL}node") == node
