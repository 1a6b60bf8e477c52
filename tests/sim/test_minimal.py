"""A history that breaks a promise is made short, and those that once did hold for ever."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sim import command
from sim.history import Plan, history
from sim.minimal import least, minimised, promise_of
from sim.steps import Recording, Replay
from tests.mutants.plant import copy_with
from tests.mutants.plants import PLANTS
from tests.sim.regressions import REGRESSIONS, Regression

SHORT = Plan(seconds=150.0)


@pytest.mark.slow
@pytest.mark.parametrize("one", REGRESSIONS, ids=lambda one: str(one.seed))
def test_what_once_broke_holds(one: Regression) -> None:
    """No mended history breaks again."""
    assert history(one.seed, one.plan).broken == "", one.was


def test_a_replay_of_every_step_is_the_same_history() -> None:
    """Byte for byte: to record and to replay changes nothing."""
    recording = Recording()
    recorded = history(4, SHORT, recording)
    assert len(recording.moments) > 3
    everything = frozenset(range(len(recording.moments)))
    assert recorded == history(4, SHORT) == history(4, SHORT, Replay(recording, everything))


def test_a_step_left_out_changes_no_later_one() -> None:
    """The faults that are kept strike the same node at the same moment in the same way."""
    recording = Recording()
    whole = history(4, SHORT, recording)
    later = history(4, SHORT, Replay(recording, frozenset(range(3, len(recording.moments)))))
    assert _struck(whole)[-1] == _struck(later)[-1]
    assert set(_struck(later)) < set(_struck(whole))


def _struck(course: object) -> list[str]:
    """What struck when; of how much there was to forget, an earlier step may be the reason."""
    lines = [re.sub(r" forgets \d+ of", " forgets some of", line) for line in getattr(course, "trace", ())]
    return [line for line in lines if " fate " in line and "heals everything" not in line]


@pytest.mark.parametrize(
    ("culprits", "all_of"), [({3}, 10), ({0, 9}, 10), ({2, 5, 7}, 8), (set(), 6), ({0}, 1), ({0, 1}, 2)]
)
def test_as_few_as_still_fail(culprits: set[int], all_of: int) -> None:
    """What needs certain steps to fail is left with just these."""
    assert least(range(all_of), lambda kept: culprits <= set(kept)) == sorted(culprits)


def test_a_promise_is_known_whatever_its_sentence_says() -> None:
    """Another node's name is no other promise."""
    assert promise_of("S1: a lost [x]") == promise_of("S1: b lost [y]") == "S1"
    assert promise_of("after 3600 s the fleet has not converged: x") == promise_of("after 60 s the fleet has y: z")
    assert promise_of("") == ""


def test_a_broken_history_is_printed_and_made_short(tmp_path: Path) -> None:
    """It is told with its seed, its promise, the end of its trace and its command, and then as a story of what was needed."""
    done = in_a_house_with("every request is granted, whatever the budget", tmp_path, "--short", "--seeds", "30")
    assert done.returncode == command.BROKEN, done.stderr
    seed = re.search(r"seed (\d+) broke a promise: S1: ", done.stdout)
    assert seed is not None, done.stdout
    assert "down/grant" in done.stdout
    assert f"once more: bramble sim --short --seeds 30 --seed {seed[1]} --seeds 1" in done.stdout
    short = re.search(r"made short: (\d+) of its (\d+) faults and deeds are enough \(\d+ trials\): S1: ", done.stdout)
    assert short is not None, done.stdout
    assert int(short[1]) <= int(short[2])
    story = done.stdout[short.end() :]
    assert "operator   publishes home" in story
    assert "history    S1: " in story


def in_a_house_with(name: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a copy of the house with one bug in it."""
    copy_with(next(plant for plant in PLANTS if plant.name == name), folder)
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
    command_line = [sys.executable, "-m", "sim.command", *arguments]
    return subprocess.run(command_line, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_what_holds_is_not_made_short() -> None:
    """There is nothing to look for."""
    assert minimised(1, Plan(seconds=30.0)) is None
