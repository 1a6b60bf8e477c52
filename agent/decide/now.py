"""The moment of a turn, as a value: the only time that decisions know.

Decisions compare `mono_s` alone, with one exception: the schedules of jobs, which are wall-clock time by their nature
(`agent.decide.schedules` says how they live with a clock that lies). Otherwise `wall` is stamped on what people read and never
compared (law 6): a Pi without a clock chip boots in the past, and NTP may set it back while we run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from protocol.observed import Clock


@dataclass(frozen=True, slots=True)
class Now:
    """`mono_s` counts from the host's boot; `wall` is UTC as RFC 3339, `clock` how far to trust it; `zone` is the node's own."""

    mono_s: float
    wall: str = ""
    clock: Clock = Clock.GUESS
    zone: tzinfo = UTC

    @property
    def epoch_s(self) -> float:
        """The wall clock as seconds since 1970."""
        return datetime.fromisoformat(self.wall).timestamp()

    def local(self, epoch_s: float) -> str:
        """A moment as people here read it, to the minute."""
        return datetime.fromtimestamp(epoch_s, self.zone).isoformat(" ", "minutes")
