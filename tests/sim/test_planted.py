"""The simulator finds what is wrong: bugs planted on purpose, each within a stated number of seeds."""

from __future__ import annotations

import re

import pytest

from sim.history import Plan, history
from tests.sim.bugs import BUGS


@pytest.mark.slow
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With this bug, one of the first histories breaks the promise that it endangers."""
    bug = BUGS[name]
    bug.plant(monkeypatch)
    found = (history(seed, Plan(faults=bug.faults)).broken for seed in range(1, bug.found_within + 1))
    broken = next(filter(None, found), "")
    assert re.search(bug.breaks, broken), broken or f"{bug.found_within} histories held every promise"
