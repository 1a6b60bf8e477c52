"""A bug planted on purpose: lines of one file in the place of others, in a copy of the house.

Whoever changes the file in that place changes the plant with it: lines that are not there exactly once are an error.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

ROOMS = ("agent", "controller", "link", "protocol", "sensors", "sim")
"""What a history lives in; a copy of it takes some ten milliseconds."""


@dataclass(frozen=True, slots=True)
class Plant:
    """`name` says the bug as a reviewer would; `file` is relative to the project; `themes` are of the histories that look first."""

    name: str
    file: str
    old: str
    new: str
    themes: str = ""

    def planted(self, source: str) -> str:
        """The file's text with the bug in it. Raises ValueError if the place is not there exactly once."""
        count = f"\n{source}".count(f"\n{self.old}")
        if count != 1:
            raise ValueError(f"{self.name}: {self.file} has its lines {count} times, not once")
        return f"\n{source}".replace(f"\n{self.old}", f"\n{self.new}").removeprefix("\n")


def copy_with(plant: Plant | None, folder: Path, root: Path = ROOT) -> None:
    """Make a copy of the rooms in an empty folder, with a bug in one; compiled as it is, where nobody works in it."""
    stale = shutil.ignore_patterns("__pycache__") if root == ROOT else None
    for room in ROOMS:
        shutil.copytree(root / room, folder / room, ignore=stale)
    if plant is not None:
        file = folder / plant.file
        file.write_text(plant.planted(file.read_text()))
