"""All planted bugs, read from the `.diff` files beside this page.

A bug is its name after `#`, the file that it is in (and after `@` the themes of the histories that are likely to show it), and
lines as in a diff: ` ` stays, `-` goes, `+` comes. They are whole lines, and those of ` ` and `-` stand in the file exactly once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.mutants.plant import Plant

KEPT, OLD, NEW = " ", "-", "+"


def plants(text: str) -> Iterator[Plant]:
    """Read the bugs of one page."""
    for block in text.strip().removeprefix("# ").split("\n# "):
        name, place, *lines = block.rstrip("\n").split("\n")
        file, _, themes = place.partition(" @ ")
        old = [line[1:] for line in lines if line[:1] in (KEPT, OLD)]
        new = [line[1:] for line in lines if line[:1] in (KEPT, NEW)]
        yield Plant(name, file, "".join(f"{line}\n" for line in old), "".join(f"{line}\n" for line in new), themes)


PLANTS = tuple(plant for page in sorted(Path(__file__).parent.glob("*.diff")) for plant in plants(page.read_text()))
