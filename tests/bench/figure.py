"""One figure of a bench: ours, a peer's of the same run, and what their ratio should be.

Pure. A figure without an aim is shown because it explains one that has an aim, or warns before it grows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Say = Callable[[str], None]
"""Takes one line about how far a bench has come."""


@dataclass(frozen=True, slots=True)
class Figure:
    """`aim` bounds `ratio`, from above where lower is better, from below where higher is; None asks for nothing."""

    name: str
    peer_name: str
    ours: float
    peer: float
    unit: str
    aim: float | None = None
    better: Literal["lower", "higher"] = "lower"

    @property
    def ratio(self) -> float:
        """Ours by theirs."""
        return self.ours / self.peer

    @property
    def is_reached(self) -> bool | None:
        """Whether the ratio is what it should be; None where nothing was asked."""
        if self.aim is None:
            return None
        return self.ratio <= self.aim if self.better == "lower" else self.ratio >= self.aim
