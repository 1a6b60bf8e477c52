"""When an update will probably have reached its share of tasks, from how each node has come and gone. Pure numbers.

A node is there for stretches and away for gaps, both without memory (exponential): what is known of a node are the two means. A
task needs its node for so long in all; each time the node goes meanwhile, a gap is added. So the time until it is done is that
work, as many gaps as fall into it, and the rest of the present one. Over all tasks the number that are done by then is a sum of
independent chances, whose tail is exact for few tasks and normal for many.

What no number here knows of is told beside it: windows, locks and confirmations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from math import ceil, erf, exp, inf, sqrt

SHARE = 0.95
"""Of the tasks; the last twentieth are nodes that somebody has in a drawer."""

SURE = 0.95
"""How certain it is to be by then. What is promised is nine runs in ten; the rest is for the error of short histories."""

LONGEST_S = 400 * 86_400.0
"""Beyond a year nobody plans."""

STEPS = 26
"""Halvings of that: to within a second."""

EXACT_TASKS = 200
"""Up to so many tasks the chances are added up exactly, which takes time as their square."""

GAPS_MOST = 60
"""A task whose node goes more often than this while it works has no forecast worth the name."""

NEVER = 1e-9
"""What is less probable changes no forecast."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """One task: for how long it needs its node, and the means of the node's stretches and gaps.

    A node that never went has no end of its stretch. `left_s` is the mean rest of the gap that the node is in; 0 if it is there.
    """

    work_s: float
    up_s: float = inf
    gap_s: float = 0.0
    left_s: float = 0.0


def likely_s(prospects: Sequence[Prospect]) -> float | None:
    """By when so many of the tasks are done, for sure enough; None if nobody can tell."""
    steps = likely(Counter(prospects))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return float(end.value) if end.value is not None else None


def likely(alike: Counter[Prospect]) -> Generator[None, None, float | None]:
    """The same in small steps. Tasks that are alike have the same chance: most nodes never go."""
    tasks = alike.total()
    if not tasks:
        return 0.0
    wanted = ceil(SHARE * tasks - 1e-9)
    early_s, late_s = 0.0, LONGEST_S
    if (yield from _chance(alike, wanted, late_s)) < SURE:
        return None
    for _ in range(STEPS):
        middle_s = (early_s + late_s) / 2
        if (yield from _chance(alike, wanted, middle_s)) < SURE:
            early_s = middle_s
        else:
            late_s = middle_s
    return late_s


def _chance(alike: Counter[Prospect], wanted: int, within_s: float) -> Generator[None, None, float]:
    """How probable it is that at least so many are done."""
    chances: list[tuple[float, int]] = []
    for prospect, count in alike.items():
        chances.append((done(prospect, within_s), count))
        yield
    return _exact(chances, wanted) if alike.total() <= EXACT_TASKS else _normal(chances, wanted)


def done(prospect: Prospect, within_s: float) -> float:
    """How probable it is that one task is done."""
    spare_s = within_s - prospect.work_s
    if spare_s < 0:
        return 0.0
    gaps = prospect.work_s / prospect.up_s
    total, probability = 0.0, exp(-gaps)
    for number in range(GAPS_MOST):
        total += probability * _over(prospect, number, spare_s)
        probability *= gaps / (number + 1)
        if probability < NEVER and number >= gaps:
            break
    return min(1.0, total)


def _over(prospect: Prospect, gaps: int, within_s: float) -> float:
    """How probable it is that so many gaps, and the rest of the present one, are over."""
    if not prospect.left_s:
        return _sum_within(gaps, prospect.gap_s, within_s)
    mean_s = max(prospect.left_s, prospect.gap_s) if gaps else prospect.left_s
    return _sum_within(gaps + 1, mean_s, within_s)


def _sum_within(count: int, mean_s: float, within_s: float) -> float:
    """The Erlang distribution: so many exponential times of one mean are over."""
    if not count or not mean_s:
        return 1.0
    ratio = within_s / mean_s
    term, total = exp(-ratio), 0.0
    for number in range(count):
        total += term
        term *= ratio / (number + 1)
    return max(0.0, 1.0 - total)


def _exact(chances: Sequence[tuple[float, int]], wanted: int) -> float:
    """At least `wanted` of independent chances; short, because what matters is how many are missing."""
    most = sum(count for _, count in chances) - wanted
    missing = [1.0] + [0.0] * most
    for one in (chance for chance, count in chances for _ in range(count)):
        for number in range(most, 0, -1):
            missing[number] = missing[number] * one + missing[number - 1] * (1.0 - one)
        missing[0] *= one
    return sum(missing)


def _normal(chances: Sequence[tuple[float, int]], wanted: int) -> float:
    mean = sum(one * count for one, count in chances)
    variance = sum(one * (1.0 - one) * count for one, count in chances)
    if variance < 1e-9:
        return 1.0 if mean >= wanted - 0.5 else 0.0
    return 0.5 * (1.0 - erf((wanted - 0.5 - mean) / sqrt(2.0 * variance)))
