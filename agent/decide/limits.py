"""How much a node remembers of what comes without end (S9). What is beyond is let go, the oldest first, or refused: always counted.

What a manifest names is bounded by the manifest: tasks, functions and sensors, their memories and tallies go with it. The outbox
has bounds of its own (`link.outbox.OutboxBounds`), each function's queue its `max`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of each."""

    ended: int = 10_000
    """Ids of ended invocations: a controller repeats one for minutes, not for 10,000 others."""

    publications: int = 1_000
    """What functions say on topics of others: a day of one each minute and a half without a broker; each has at most 16 KiB."""

    forgotten: int = 200
    """Trials that failed and whose offers are gone; only while its offer stands can one be asked for again."""

    missing: int = 256
    """Functions that were called and are not here: since when each is missing is remembered while somebody may still ask."""
