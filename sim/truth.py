"""What the checks know by themselves: whose a container is and how it fares, without asking the code that they check."""

from __future__ import annotations

from collections.abc import Mapping

from sim.boxes import Box

LABEL = "io.bramble."

WELL = frozenset({"", "none", "healthy"})
"""What a health check says that passes, or that is not there."""


def task_of(box: Box) -> str:
    """The task of a container; empty for one of no task."""
    return box.labels.get(f"{LABEL}task", "")


def is_warm(box: Box) -> bool:
    """Whether it is an instance of a warm function: how many there should be follows from calls, not from what is assigned."""
    return f"{LABEL}instance" in box.labels


def revision_of(box: Box) -> str:
    """The revision of a container."""
    return box.labels.get(f"{LABEL}revision", "")


def service_of(task: str) -> str:
    """`stack.service` of a task."""
    return ".".join(task.split(".")[:2])


def owns(fleet: str, node: str, labels: Mapping[str, str]) -> bool:
    """Whether a container with these labels is this node's."""
    return labels.get(f"{LABEL}fleet") == fleet and labels.get(f"{LABEL}node") == node
