"""The moment of a turn, as a value: the only time that decisions know.

Decisions compare `mono_s` alone. `wall` is stamped on what people read and never compared (law 6): a Pi without a clock chip
boots in the past, and NTP may set it back while we run.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.observed import Clock


@dataclass(frozen=True, slots=True)
class Now:
    """`mono_s` counts from the host's boot; `wall` is UTC as RFC 3339; `clock` says how far to trust it."""

    mono_s: float
    wall: str = ""
    clock: Clock = Clock.GUESS
