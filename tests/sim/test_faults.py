"""No fault of the histories is dead: each is drawn, and does something, within the first few hundred seeds."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace

import pytest

from sim.aftermath import AFTERMATHS
from sim.estate import kind_of
from sim.faults import FAULTS, Fault
from sim.fleet import SimFleet
from sim.history import SHORT, history
from sim.themes import (
    CALLS,
    CALLS_EVERY,
    CALLS_FIRST,
    RARE,
    RARE_EVERY,
    RELEASES,
    STORMS,
    STORMS_EVERY,
    STORMS_FIRST,
    THEMES,
    Theme,
    theme_of,
)

SEEDS = 600
"""Six histories about each of the rare themes, and ninety about each of the others; most faults strike in the first."""

IDLE = ("no container", "no lock", "no card", "nobody", "0 ", "the broker is down already", "the broker forgets 0 ")
"""How a fault begins its line when there was nothing to strike."""


class Book:
    """What every fault of many histories has said that it did."""

    def __init__(self) -> None:
        self.lines: defaultdict[str, list[str]] = defaultdict(list)

    def noted(self, fault: Fault) -> Fault:
        """The same fault, written down."""

        def strike(fleet: SimFleet, chances: random.Random) -> str:
            line = fault(fleet, chances)
            self.lines[fault.__name__].append(line)
            return line

        strike.__name__ = fault.__name__
        return strike


@pytest.mark.slow
def test_every_fault_strikes_within_the_first_few_hundred_seeds() -> None:
    """By what it says that it did, in the histories that are most about it: one that finds nothing to strike has not struck."""
    book = Book()
    plan = replace(SHORT, series=1, faults={book.noted(fault): usual for fault, usual in FAULTS.items()})
    for fault, usual in FAULTS.items():
        theme = home_of(fault.__name__, usual)
        seeds = (seed for seed in range(1, SEEDS + 1) if theme_of(seed) == theme)
        while not struck(book.lines[fault.__name__]):
            seed = next(seeds, None)
            assert seed is not None, f"{fault.__name__} has never struck: {book.lines[fault.__name__]}"
            history(seed, plan)


def home_of(name: str, usual: int) -> Theme:
    """The theme of whose faults it is most, a rare one only if it comes in no other."""
    themes = [theme for theme in THEMES if share(theme, name, usual)] or [*RARE, RELEASES]
    return max(themes, key=lambda theme: share(theme, name, usual))


def share(theme: Theme, name: str, usual: int) -> float:
    """How much of all that strikes in a theme is this fault."""
    return theme.weight(name, usual) / sum(theme.weight(fault.__name__, often) for fault, often in FAULTS.items())


def struck(lines: list[str]) -> bool:
    """Whether a fault has ever found something to strike."""
    return any(not line.startswith(IDLE) for line in lines)


def test_every_fault_and_every_deed_of_a_theme_is_there() -> None:
    """A theme names them, and a name that is spelt wrong would never come."""
    faults = {fault.__name__ for fault in FAULTS}
    for theme in (*THEMES, *RARE, CALLS, RELEASES, STORMS):
        assert set(theme.faults) <= faults, theme.name
        assert [deed for deed in theme.deeds if not hasattr(kind_of(theme), f"_{deed}")] == [], theme.name
    assert set(AFTERMATHS) <= {theme.name for theme in (*RARE, RELEASES)}


def test_one_seed_in_twenty_is_about_something_rare_and_all_of_it_comes() -> None:
    """What hardly ever happens does not slow the rest down, and is not left out either."""
    themes = [theme_of(seed) for seed in range(RARE_EVERY * len(RARE))]
    assert [theme for theme in themes if theme in RARE] == list(RARE)
    assert {theme.name for theme in themes} == {theme.name for theme in (*THEMES, *RARE, CALLS, RELEASES, STORMS)}
    assert [seed for seed in range(120) if theme_of(seed) is CALLS] == list(range(CALLS_FIRST, 120, CALLS_EVERY))
    assert [seed for seed in range(120) if theme_of(seed) is STORMS] == list(range(STORMS_FIRST, 120, STORMS_EVERY))
