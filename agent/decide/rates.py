"""How often a function may begin: a bucket of tokens that fills with time, one for each begin. Pure.

It holds as many as the rate allows in one of its spans, so that many may begin at once after a rest; over a long time no more begin
than the rate says. It is kept over restarts, or an agent that dies every second would allow everything.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.calling import Rate

_WHOLE = 1.0 - 1e-9
# A token that time has filled to all but a rounding error.


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many tokens there were at a moment."""

    tokens: float
    at_mono_s: float


def ready_mono_s(bucket: Bucket | None, rate: Rate, now_mono_s: float) -> float:
    """When one more may begin: now, or later."""
    held = _held(bucket, rate, now_mono_s)
    return now_mono_s if held >= _WHOLE else now_mono_s + (1.0 - held) * rate.per_s / rate.count


def drawn(bucket: Bucket | None, rate: Rate, now_mono_s: float) -> Bucket:
    """The bucket after a begin."""
    return Bucket(max(0.0, _held(bucket, rate, now_mono_s) - 1.0), now_mono_s)


def _held(bucket: Bucket | None, rate: Rate, now_mono_s: float) -> float:
    if bucket is None:
        return float(rate.count)
    filled = max(0.0, now_mono_s - bucket.at_mono_s) * rate.count / rate.per_s
    return min(float(rate.count), bucket.tokens + filled)
