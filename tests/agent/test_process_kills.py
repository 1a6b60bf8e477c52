"""An agent that is killed at any moment of a process's run: one effect and one result, whenever it was."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AGENT = """
import sys
from pathlib import Path
from agent.adapters.processes import Allowance, Processes
from agent.decide.effects import Run
from protocol.container import Container
from protocol.function import FunctionSpec, Mode
home = Path(sys.argv[1])
command = ("sh", "-c", f"echo x >>{home}/effects; sleep 0.1; echo done")
function = FunctionSpec("f", "s", "r", Container("", command=command), timeout_s=10, mode=Mode.PROCESS)
processes = Processes(home / "processes", Allowance(1 << 30, 1 << 20), lambda _: None)
print("ready", flush=True)
sys.stdin.readline()
print(processes.run(Run("i1", "i1", 1, function, (), "")).output, end="")
"""


def agent(home: Path) -> subprocess.Popen[str]:
    """An agent that waits for a line, and then runs the function or takes it over."""
    made = subprocess.Popen(
        [sys.executable, "-c", AGENT, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert made.stdout is not None
    assert made.stdout.readline() == "ready\n"
    return made


@pytest.mark.parametrize("killed_after_s", [0.0, 0.005, 0.02, 0.05, 0.1, 0.2])
def test_whenever_an_agent_dies_there_is_one_effect(tmp_path: Path, killed_after_s: float) -> None:
    """Before the keeper began, while it did, while the command ran, after its end: the next agent tells the same result."""
    dying = agent(tmp_path)
    assert dying.stdin is not None
    dying.stdin.write("\n")
    dying.stdin.flush()
    time.sleep(killed_after_s)
    dying.kill()
    dying.wait()
    said, _ = agent(tmp_path).communicate("\n")
    assert said == "done\n"
    assert (tmp_path / "effects").read_text() == "x\n"
