"""Whole fleets through faults: every promise holds, the same seed is the same history, and a broken promise explains itself."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sim import command
from sim.arguments import parsed, plan_of
from sim.history import SHORT, Plan, history

ROOT = Path(__file__).parents[2]
SEEDS, PARTS = 60, 12
SHORT_SEEDS, SHORT_PARTS = 64, 6
"""Of eight series each. A minute or two on one slow core; `make sim` lives through thousands."""

DIGEST = "from sim.history import Plan, history; print(history(7, Plan(seconds=120)).digest)"


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_promise_holds(part: int) -> None:
    """No history of a small fleet and its faults breaks a promise, and each comes to rest and stays undisturbed."""
    courses = [history(seed) for seed in range(1 + part, SEEDS + 1, PARTS)]
    assert {course.seed: course.broken for course in courses if course.broken} == {}
    assert sum(course.faults for course in courses) > 3 * len(courses)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(SHORT_PARTS))
def test_every_promise_holds_in_short_histories(part: int) -> None:
    """No short history breaks a promise, and all of them together meet more faults than they are."""
    courses = list(command.lived(range(part * SHORT_SEEDS, (part + 1) * SHORT_SEEDS), SHORT, jobs=1))
    assert {course.seed: course.broken for course in courses if course.broken} == {}
    assert sum(course.faults for course in courses) > 1.2 * len(courses)


def test_the_command_lives_through_short_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """They are a plan of their own, of which nodes and hours can still be said."""
    assert command.run(["--short", "--seeds", "3"]) == 0
    assert "3 histories" in capsys.readouterr().out
    assert plan_of(parsed(["--short"])) == SHORT
    assert plan_of(parsed(["--short", "--nodes", "5"])) == replace(SHORT, nodes=5)


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [2, 6])
def test_small_and_large_fleets_hold_too(nodes: int) -> None:
    """The promises do not depend on how many nodes there are."""
    assert [history(seed, Plan(nodes)).broken for seed in range(301, 304)] == [""] * 3


def test_the_same_seed_is_the_same_history_in_any_process() -> None:
    """Two processes that hash differently write the same trace, byte for byte."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in (1, 2)
    }
    assert len(digests) == 1


def test_another_seed_is_another_history() -> None:
    """Seeds differ in what happens."""
    assert history(1, Plan(seconds=30.0)).digest != history(2, Plan(seconds=30.0)).digest


def test_the_command_says_that_all_promises_held(capsys: pytest.CaptureFixture[str]) -> None:
    """A run without a violation ends with one line, and with 0."""
    assert command.run(["--seeds", "2", "--nodes", "3", "--hours", "0.02"]) == 0
    assert "2 histories" in (said := capsys.readouterr().out)
    assert "0 violations" in said


def test_processes_share_the_histories_and_change_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two processes live through the same histories as one, in the order of their seeds."""
    for jobs in ("1", "2"):
        trace = ["--trace", str(tmp_path / jobs)]
        assert command.run(["--seeds", "3", "--hours", "0.01", "--jobs", jobs, *trace]) == 0
        assert "3 histories" in capsys.readouterr().out
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    courses = [list(command.lived(range(1, 4), Plan(seconds=30.0), jobs)) for jobs in (1, 2)]
    assert courses[0] == courses[1]
    assert [course.seed for course in courses[1]] == [1, 2, 3]


def test_a_stack_of_ones_own_lives_through_histories(capsys: pytest.CaptureFixture[str]) -> None:
    """The demo's manifest holds in the simulator, with its own rules of updating."""
    assert command.run(["--seeds", "2", "--hours", "0.05", "--manifest", str(ROOT / "manifests" / "porch.yaml")]) == 0
    assert "0 violations" in capsys.readouterr().out
