"""How long a failed invocation waits for its next attempt. Pure, and drawn without a lot.

The bound doubles from attempt to attempt; the pause is drawn anew between nothing and that ("full jitter"), so that what failed
together does not come back together. The lot is a digest of invocation and attempt: a restart of the agent draws the same one.
"""

from __future__ import annotations

from protocol.calling import Backoff
from protocol.ids import digest

RETRY_AFTER_MOST_S = 3600.0
# A function that asks for a pause knows why; one that asks for a year has a fault, and its invocation would only expire.

_DOUBLINGS_MOST = 30
# 34 years of seconds.
_LOT_CHARS = 12
_LOTS = 1 << 4 * _LOT_CHARS


def pause_s(invocation: str, attempt: int, backoff: Backoff, retry_after_s: float | None = None) -> float:
    """The pause after an attempt that failed; not shorter than what the function asked for."""
    bound_s = min(backoff.max_delay_s, backoff.delay_s * (1 << min(attempt - 1, _DOUBLINGS_MOST)))
    drawn_s = bound_s * int(digest([invocation, attempt], _LOT_CHARS), 16) / _LOTS
    return max(drawn_s, min(retry_after_s or 0.0, RETRY_AFTER_MOST_S))
