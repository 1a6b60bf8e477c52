"""Which of the engine's events only echo a step that is under way: whoever does the step looks at its container himself.

Each look costs an engine as much as several steps where a node has many containers, and an update of fifty replicas made a hundred
of them for what its glances had shown already (`agent.decide.glances`). A step expects one event of one kind: a container that dies
while it is started is news, and so is every event of a step that did not work. An event may arrive a little after its step's end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from agent.adapters.creation import Place
from agent.decide.effects import Create, Remove, Start, Stop
from agent.decide.inputs import Done, Outcome

LATE_S = 1.0
# Docker tells an event before it answers; our thread may be slower to read the one than the other. What is never told (the step
# found its work done) hides no more than what comes in this time from another hand, and that until the next look.


class Expected:
    """Filled by the threads that carry out steps, asked by the one that follows the events."""

    def __init__(self, place: Place, clock: Callable[[], float]) -> None:
        """`clock` is monotonic, in seconds."""
        self._place, self._clock = place, clock
        self._until: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def begins(self, step: object) -> None:
        """A step is about to be carried out."""
        if (echo := self._echo(step)) is not None:
            with self._lock:
                self._until[echo] = inf

    def ended(self, step: object, outcome: Outcome | None) -> None:
        """A step is over; None where it broke."""
        if (echo := self._echo(step)) is None:
            return
        with self._lock:
            now = self._clock()
            self._until = {one: until for one, until in self._until.items() if until > now}
            if not isinstance(outcome, Done):
                self._until.pop(echo, None)
            elif echo in self._until:
                self._until[echo] = now + LATE_S

    def is_echo(self, event: Mapping[str, Any]) -> bool:
        """Whether a step has looked, or will look, at what this event tells; each is an echo once."""
        actor = event.get("Actor") or {}
        names = (str(event.get("id", "")), str((actor.get("Attributes") or {}).get("name", "")))
        with self._lock:
            for name in names:
                if self._until.pop((name, str(event.get("Action", ""))), 0.0) > self._clock():
                    return True
        return False

    def _echo(self, step: object) -> tuple[str, str] | None:
        """The container, by the name or id that the step has for it, and Docker's word for what happens to it."""
        match step:
            case Create():
                return (self._place.task_name(step.task), "create")
            case Start():
                return (step.container, "start")
            case Stop():
                return (step.container, "die")
            case Remove():
                return (step.container, "destroy")
            case _:
                return None
