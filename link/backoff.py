"""How long to wait before dialling again: decorrelated jitter, so that a whole site does not knock at once after a power cut.

Pure: the random number is an argument. The first dial goes at once; each failure draws from between the least pause and three times
the last one, up to the most; a connection that lived for `stable_s` makes the next failure a first one again.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST_S = 1.0
# A broker restarts in a few hundred milliseconds; knocking earlier only fills its listen queue (100 places in Mosquitto).
MOST_S = 60.0
# What an operator will wait at a desk for a node to come back; 1,000 nodes then knock 17 times a second.
STABLE_S = 30.0
# A link that falls within half a minute is not a good one: two keepalives have not passed.
GROWTH = 3.0
# The factor of "decorrelated jitter" in Brooker, Exponential Backoff And Jitter (AWS, 2015).


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits of the pauses; labs shorten them."""

    least_s: float = LEAST_S
    most_s: float = MOST_S
    stable_s: float = STABLE_S


def pause_s(pace: Pace, last_s: float, chance: float) -> float:
    """The next pause after one of `last_s` (0 for the first failure), where `chance` is drawn evenly from 0 to 1."""
    highest_s = max(pace.least_s, last_s * GROWTH)
    return min(pace.most_s, pace.least_s + (highest_s - pace.least_s) * chance)


def after(pace: Pace, last_s: float, lived_s: float, chance: float) -> float:
    """The pause after a connection that lived for `lived_s`, 0 if it never came up."""
    return pause_s(pace, 0.0 if lived_s >= pace.stable_s else last_s, chance)
