"""The moment of a turn, as a value: the only time that decisions know.

Decisions compare `mono_s` alone, with one exception: the schedules of jobs, which are wall-clock time by their nature
(`agent.decide.schedules` says how they live with a clock that lies). Otherwise `wall` is stamped on what people read and never
compared (law 6): a Pi without a clock chip boots in the past, and NTP may set it back while we run.

They compare it by asking `has_come` alone. A moment that is asked for and has not come is remembered, so whoever waits for
something is woken when it comes: no deadline can be forgotten, because asking for it is setting it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from protocol.observed import Clock


@dataclass(frozen=True, slots=True)
class Now:
    """`mono_s` counts from the host's boot; `wall` is UTC as RFC 3339, `clock` how far to trust it; `zone` is the node's own."""

    mono_s: float
    wall: str = ""
    clock: Clock = Clock.GUESS
    zone: tzinfo = UTC
    _awaited: list[float] = field(default_factory=list, init=False, repr=False, compare=False)

    def has_come(self, due_mono_s: float) -> bool:
        """Whether a moment of the monotonic clock is here."""
        if due_mono_s <= self.mono_s:
            return True
        self._awaited.append(due_mono_s)
        return False

    def is_past(self, due_epoch_s: float) -> bool:
        """The same of the wall clock; nobody is woken when it is set, so whoever needs to know asks from time to time."""
        rest_s = due_epoch_s - self.epoch_s
        return rest_s <= 0 or self.has_come(self.mono_s + rest_s)

    @property
    def next_mono_s(self) -> float:
        """The first of the moments that were asked for and have not come."""
        return min(self._awaited, default=float("inf"))

    @property
    def epoch_s(self) -> float:
        """The wall clock as seconds since 1970."""
        return datetime.fromisoformat(self.wall).timestamp()

    def wall_at(self, mono_s: float) -> str:
        """What the wall clock reads at another moment of this boot, if nobody sets it in between."""
        at = datetime.fromtimestamp(self.epoch_s + mono_s - self.mono_s, UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def second_of_day(self) -> float:
        """The wall clock as people here read it, in seconds since midnight."""
        here = datetime.fromtimestamp(self.epoch_s, self.zone)
        return here.hour * 3600.0 + here.minute * 60.0 + here.second + here.microsecond / 1e6

    def local(self, epoch_s: float) -> str:
        """A moment as people here read it, to the minute."""
        return datetime.fromtimestamp(epoch_s, self.zone).isoformat(" ", "minutes")
