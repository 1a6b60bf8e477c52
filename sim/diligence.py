"""How a process goes about its work, checked where it touches the world: the laws of the design that no report could show.

Law 3: nothing is said or done while something is not yet committed. Law 7: one step at a time for one key, each on a look from
after the last one. Law 2: a run is asked for once in the life of a process. Whoever breaks one raises in the middle of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sim.violation import ViolationError

UNWRITTEN_WORDS = ("commits", "takes in", "has committed", "dials")
"""What may be done before a commit: the commit itself, and a connection, which says nothing that is not durable."""


@dataclass(slots=True)
class Diligence:
    """What one process has under way. Its times are the world's."""

    who: str
    under_way: set[str] = field(default_factory=set)
    done_s: dict[str, float] = field(default_factory=dict)
    looked_s: float = float("-inf")

    def gives(self, kind: str, key: str) -> None:
        """A step is asked for."""
        if key in self.under_way:
            raise ViolationError("law 7", f"{self.who} begins to {kind} {key} while a step for it is under way")
        if self.done_s.get(key, self.looked_s) > self.looked_s:
            raise ViolationError(
                "law 7", f"{self.who} begins to {kind} {key} without a look since the last step for it"
            )
        self.under_way.add(key)

    def did(self, key: str, now_s: float) -> None:
        """A step has been carried out."""
        self.done_s[key] = now_s

    def ended(self, key: str, *, is_seen: bool = False) -> None:
        """The process learns of the end of a step, perhaps with a look at what it has changed."""
        self.under_way.discard(key)
        if is_seen:
            self.done_s.pop(key, None)

    def saw(self, looked_s: float) -> None:
        """The process learns what a look at this moment has shown."""
        self.looked_s = max(self.looked_s, looked_s)


def hold_back(who: str, what: str, owes: Callable[[], bool]) -> None:
    """Law 3: whoever owes his store something says and does nothing."""
    if not what.startswith(UNWRITTEN_WORDS) and owes():
        raise ViolationError("law 3", f"{who} {what} before it has committed what that follows from")
