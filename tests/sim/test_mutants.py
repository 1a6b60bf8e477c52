"""The bugs that are planted to try the simulator: all have their place, some are hunted here; `make sim-mutants` hunts all."""

from __future__ import annotations

import ast

import pytest

from tests.mutants.__main__ import Ground, house, hunt, row
from tests.mutants.plant import ROOT, Plant
from tests.mutants.plants import PLANTS

SEEDS = 3
"""Enough for the bugs that are hunted in every test run, with whatever history this version of the house gives a seed."""

EASY = (
    "a second step for a task begins before the first has ended",
    "leftovers stay for ever",
    "a container of another revision counts as the wanted one",
    "something is said before it is committed",
    "facts are never acknowledged",
)
"""Found by the first histories, whatever they are about."""


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_every_plant_has_its_place(plant: Plant) -> None:
    """Its lines are there once, and the file with the bug is a program that differs."""
    source = (ROOT / plant.file).read_text()
    planted = plant.planted(source)
    assert ast.dump(ast.parse(planted)) != ast.dump(ast.parse(source))


def test_there_are_enough_and_no_two_are_called_the_same() -> None:
    """Fifty at least."""
    assert len({plant.name for plant in PLANTS}) == len(PLANTS) >= 50


@pytest.mark.slow
@pytest.mark.parametrize("name", EASY)
def test_a_planted_bug_is_found(name: str) -> None:
    """The simulator sees it within a few histories."""
    plant = next(plant for plant in PLANTS if plant.name == name)
    with house() as clean:
        catch = hunt(plant, Ground(SEEDS), clean)
    assert catch.seed is not None, row(catch)
