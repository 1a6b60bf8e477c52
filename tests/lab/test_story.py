"""`make demo` from outside: the whole story comes true, and beside it a run that is interrupted leaves nothing."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from lab import traces
from lab.processes import Process, spawn, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.fleet, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
STEPS = ("bring up", "deploy", "doorbell", "offline", "update", "return", "kill")
STORY_S = 240.0


def tell(name: str, folder: Path) -> Process:
    """Start one demo."""
    return spawn(name, [sys.executable, "-m", "lab"], folder / f"{name}.log", directory=ROOT, extra={"COLUMNS": "200"})


def test_the_story_comes_true_beside_a_run_that_is_interrupted(able_machine: None, tmp_path: Path) -> None:
    """Seven observations and exit code 0; Ctrl-C at another run beside it removes all of that run and nothing of this."""
    story, other = tell("story", tmp_path), tell("other", tmp_path)
    wait_until(lambda: "publishing" in other.log(), "the other run to be in the middle of things", 90.0)
    runs = [run for run in traces.runs() if run.pid in (story.pid, other.pid)]
    assert {run.pid for run in runs} == {story.pid, other.pid}
    os.kill(other.pid, signal.SIGINT)
    assert other.wait(30.0) == 130
    assert [line for run in runs if run.pid == other.pid for line in traces.remaining(run)] == []
    code = story.wait(STORY_S)
    assert code == 0, story.log()[-4000:]
    assert [step for step in STEPS if not re.search(rf"│ {step} +│", story.log())] == []
    assert "every observation came true" in story.log()
    assert [line for run in runs for line in traces.remaining(run)] == []
