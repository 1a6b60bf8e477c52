"""How many instances of a warm function there should be over all nodes, and where they are kept ready. Pure arithmetic.

As many as it takes for `target` invocations in flight on each, between `min` and `max`. More are wanted at once; fewer only when
fewer would have done for a while, with room to spare, and then as many as were needed at most in that time; none when there was no
work at all for `zero_after`. Between two changes of one function lie some seconds, so assignments hold still while load does not.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, inf

from protocol.function import Scale

CHANGE_EVERY_S = 5.0
"""An instance on a Pi needs a few seconds to be ready; whoever decides again before that decides without it."""

FEWER_AFTER_S = 60.0
"""Bursts come every minute or so (people, cron); to stop and start in between costs more than an idle instance."""

SPARE_RATIO = 1.25
"""Fewer are wanted only if they could carry a quarter more than there is: load at the edge of a step does not go up and down it."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """What is remembered of a function: its last change; since when fewer would do, and how many; since when it has been idle."""

    changed_mono_s: float = -inf
    fewer_since_mono_s: float | None = None
    fewer: int = 0
    idle_since_mono_s: float | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many instances, what is remembered then, and when to look again if nothing happens."""

    count: int
    scaling: Scaling
    look_mono_s: float | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """How many instances of a function the nodes keep ready, by node; those that keep none are not named."""

    function: str
    nodes: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Watch:
    """What this process remembers of a function, and when it looked at it last. Not durable: a restart begins to count anew."""

    looked_mono_s: float = -inf
    scaling: Scaling = Scaling()


def wanted(scale: Scale, has: int, load: int, scaling: Scaling, now_mono_s: float) -> Wanted:
    """How many instances a function should have that `has` so many, with so many invocations in flight or waiting."""
    scaling = _remembered(scale, has, load, scaling, now_mono_s)
    count = _count(scale, has, load, scaling, now_mono_s)
    if count != has and now_mono_s < scaling.changed_mono_s + CHANGE_EVERY_S:
        return Wanted(has, scaling, scaling.changed_mono_s + CHANGE_EVERY_S)
    if count != has:
        scaling = replace(scaling, changed_mono_s=now_mono_s, fewer_since_mono_s=None)
    return Wanted(count, scaling, _look_mono_s(scale, count, load, scaling, now_mono_s))


def needed(scale: Scale, load: float) -> int:
    """How many instances it takes for so much load."""
    return min(scale.max, max(scale.min, ceil(load / scale.target)))


def _remembered(scale: Scale, has: int, load: int, scaling: Scaling, now_mono_s: float) -> Scaling:
    idle_since = None if load else scaling.idle_since_mono_s
    if not load and idle_since is None:
        idle_since = now_mono_s
    scaling = replace(scaling, idle_since_mono_s=idle_since)
    fewer = needed(scale, load * SPARE_RATIO)
    if fewer >= has:
        return replace(scaling, fewer_since_mono_s=None, fewer=0)
    if scaling.fewer_since_mono_s is None:
        return replace(scaling, fewer_since_mono_s=now_mono_s, fewer=fewer)
    return replace(scaling, fewer=max(fewer, scaling.fewer))


def _count(scale: Scale, has: int, load: int, scaling: Scaling, now_mono_s: float) -> int:
    if (least := needed(scale, load)) > has:
        return least
    if has > scale.max:
        return scale.max
    if scaling.idle_since_mono_s is not None and now_mono_s >= scaling.idle_since_mono_s + scale.zero_after_s:
        return min(has, scale.min)
    since = scaling.fewer_since_mono_s
    if since is not None and now_mono_s >= since + FEWER_AFTER_S:
        return min(has, max(1, scaling.fewer))  # the last one goes only after `zero_after`
    return has


def _look_mono_s(scale: Scale, count: int, load: int, scaling: Scaling, now_mono_s: float) -> float | None:
    moments = []
    if scaling.idle_since_mono_s is not None and count > scale.min:
        moments.append(scaling.idle_since_mono_s + scale.zero_after_s)
    if scaling.fewer_since_mono_s is not None and count > 1:
        moments.append(scaling.fewer_since_mono_s + FEWER_AFTER_S)
    elif count > needed(scale, load * SPARE_RATIO) and count > 1:
        moments.append(now_mono_s + CHANGE_EVERY_S)  # just changed, and it may still be too many
    return min((moment for moment in moments if moment > now_mono_s), default=None)


def spread(
    count: int, kept: Mapping[str, int], busy: Mapping[str, int], most: int, laden: Mapping[str, int] | None = None
) -> dict[str, int]:
    """How many are kept ready on each of the nodes in `busy` (what each has to do), if `kept` was so and `count` are wanted.

    What is kept stays where it is. One more goes to the node with the fewest, the busiest of those: one may run there on demand
    already. One less goes from the node with the most, the idlest of those. Of equal nodes the one is better that is less `laden`
    with instances of all functions. No node has more than `most`.
    """
    laden = laden or {}
    after = {node: min(most, kept.get(node, 0)) for node in busy}
    missing = count - sum(after.values())
    sign = 1 if missing > 0 else -1
    heap = [
        (sign * held, -sign * busy[node], sign * laden.get(node, 0), node)
        for node, held in after.items()
        if (held < most if sign > 0 else held > 0)
    ]
    heapq.heapify(heap)
    for _ in range(abs(missing)):
        if not heap:
            break
        place, work, load, node = heap[0]
        after[node] += sign
        if 0 < after[node] < most:
            heapq.heapreplace(heap, (place + 1, work, load, node))
        else:
            heapq.heappop(heap)
    return {node: held for node, held in sorted(after.items()) if held}
