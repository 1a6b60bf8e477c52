"""`make test` runs the suite in parts: together they are all of it, and one that fails is never lost among the others."""

from __future__ import annotations

import sys
from itertools import product

import pytest

from tests.parts import PARTS, run

MARKS = ("lab", "broker", "slow", "fleet", "updates")
GOOD = (sys.executable, "-c", "print('1 passed in 0.01s')")
BAD = (sys.executable, "-c", "import sys; print('FAILED tests/a.py::test_b - boom'); print('1 failed'); sys.exit(1)")


@pytest.mark.parametrize("carried", list(product([False, True], repeat=len(MARKS))), ids=str)
def test_a_test_is_in_exactly_one_part(carried: tuple[bool, ...]) -> None:
    """Whatever marks a test carries, one part runs it, and only one."""
    marks = dict(zip(MARKS, carried, strict=True))
    assert [bool(eval(part, {}, marks)) for part in PARTS.values()].count(True) == 1


def test_the_whole_passes_when_its_parts_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Two good parts are a good whole, and the end says what each came to."""
    assert run({"desk": GOOD, "lab": GOOD}) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()[-2:]] == [
        ["desk", "passed"],
        ["lab", "passed"],
    ]


@pytest.mark.parametrize("first", [GOOD, BAD], ids=["the last fails", "the first fails"])
def test_one_part_that_fails_fails_the_whole(first: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """However many others pass, the whole fails, and its last lines name the part and the test."""
    last = BAD if first is GOOD else GOOD
    assert run({"desk": first, "lab": last}) == 1
    summary = "\n".join(capsys.readouterr().out.splitlines()[-3:])
    assert f"{'lab' if first is GOOD else 'desk'} FAILED (1)" in summary
    assert "FAILED tests/a.py::test_b - boom" in summary
