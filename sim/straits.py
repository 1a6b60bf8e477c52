"""How much room everything has in a history: as much as in life, or so little that a few seconds fill it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agent.decide.limits import Limits
from controller.decide.terms import Terms
from link.outbox import OutboxBounds


@dataclass(frozen=True, slots=True)
class Straits:
    """What a node remembers, what its outbox holds, and which terms of the controller are others."""

    limits: Limits = field(default_factory=Limits)
    outbox: OutboxBounds = field(default_factory=OutboxBounds)
    terms: Mapping[str, int] = field(default_factory=dict)

    def terms_for(self, lease_s: float) -> Terms:
        """The controller's."""
        return replace(Terms(lease_s=lease_s), **dict[str, Any](self.terms))


AMPLE = Straits()

NARROW = Straits(
    Limits(ended=30, publications=2, forgotten=1, missing=1),
    OutboxBounds(rows=12, bytes=5_000),
    {
        "ledger_rows": 12,
        "ledger_bytes": 3_000,
        "letters_kept": 3,
        "letters_bytes": 900,
        "answers_kept": 4,
        "answers_bytes": 60,
    },
)
"""A button that somebody leans on fills them within seconds."""
