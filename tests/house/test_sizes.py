"""Rooms stay small: ceilings of files and functions, and the medians that make a house pleasant."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("protocol", "link", "sensors", "agent", "controller", "cli", "sim", "lab")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

FILE_CEILING = 320
FUNCTION_CEILING = 45
FILE_MEDIAN = 200
FUNCTION_MEDIAN = 15
BANNED_WORDS = ("Manager", "Handler", "Helper", "Util")


def functions(path: Path) -> list[tuple[str, int]]:
    """Each function of a file with its length in lines, without its docstring."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            docstring = node.body[0] if ast.get_docstring(node) else None
            hidden = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
            found.append((node.name, (node.end_lineno or 0) - node.lineno + 1 - hidden))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_and_no_function_is_a_hall(path: Path) -> None:
    """The tail is cut where event loops and reconcilers usually grow it."""
    assert len(path.read_text().splitlines()) <= FILE_CEILING
    assert [item for item in functions(path) if item[1] > FUNCTION_CEILING] == []


def test_the_typical_room_is_small() -> None:
    """Median file under 200 lines, median function under 15."""
    assert median(len(path.read_text().splitlines()) for path in FILES) < FILE_MEDIAN
    assert median(length for path in FILES for _, length in functions(path)) < FUNCTION_MEDIAN


def test_no_class_is_named_for_being_busy() -> None:
    """A noun says what a thing is."""
    names = [
        node.name for path in FILES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)
    ]
    assert [name for name in names if any(word in name for word in BANNED_WORDS)] == []


def test_every_module_says_what_it_is_for() -> None:
    """The docstring at the top is the door of the room."""
    silent = [
        str(path.relative_to(ROOT))
        for path in FILES
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
