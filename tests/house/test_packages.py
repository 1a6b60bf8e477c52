"""What is shipped is what there is."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_room_is_in_the_wheel() -> None:
    """A package that the list forgets is missing only where nobody has the tree."""
    said = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    roots = {name.partition(".")[0] for name in said}
    rooms = {
        ".".join(path.parent.relative_to(ROOT).parts) for root in roots for path in (ROOT / root).rglob("__init__.py")
    }
    assert set(said) == rooms
