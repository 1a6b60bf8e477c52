"""Which containers have been unhealthy since their last start, by the engine's own events.

An inspection tells the health of one moment, and an event wakes a look that may come after the next one: a check that flaps would
show its good side only. Docker tells each change, so what happened between two looks is kept here until the container starts anew.
While no events arrive nothing is known, and an inspection has to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any

UNHEALTHY = "unhealthy"


class Illness:
    """Told by the thread that follows the events, asked by the one that looks."""

    def __init__(self) -> None:
        self._told: SimpleQueue[tuple[str, str]] = SimpleQueue()
        self._ill: set[str] = set()

    def tell(self, event: Mapping[str, Any]) -> None:
        """Take in one event of a container."""
        self._told.put((str(event.get("id", "")), str(event.get("Action") or event.get("status", ""))))

    def forget(self) -> None:
        """Know nothing any more: events were missed."""
        self._ill.clear()

    def learn(self) -> None:
        """Take in all that was told so far."""
        for _ in range(self._told.qsize()):
            container, action = self._told.get()
            if action.startswith("health_status") and action.endswith(f" {UNHEALTHY}"):
                self._ill.add(container)
            elif action in ("start", "destroy"):
                self._ill.discard(container)

    def has_had(self, container: str) -> bool:
        """Whether this container has been ill."""
        return container in self._ill
