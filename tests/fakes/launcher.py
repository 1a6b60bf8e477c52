"""What a launcher comes to, without starting it."""

from __future__ import annotations

from agent.launcher.choice import Start, TryOut
from agent.launcher.disk import Disk
from agent.launcher.way import Way


def outcome(disk: Disk) -> str:
    """In the end, with what stands on this disk."""
    match Way(disk, lambda _: None).next():
        case TryOut(what):
            return f"try {what.name}"
        case Start(name):
            return f"start {name}"
        case other:
            return str(other)
