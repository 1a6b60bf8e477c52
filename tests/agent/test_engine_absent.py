"""A node without a Docker Engine: it says so in plain words, and never pays for the package that would talk to one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from agent.adapters.engine import Engine
from agent.decide.effects import Pull, Run
from agent.decide.inputs import EngineLost, Retry
from protocol.container import Container
from protocol.function import FunctionSpec

WHAT_IS_LOADED = """
import sys
from agent.adapters.engine import Engine
Engine("unix:///nowhere/docker.sock", "pi-1", "f").look()
print("docker" in sys.modules, "requests" in sys.modules)
"""


def test_no_socket_is_no_engine(tmp_path: Path) -> None:
    """Looking, doing and running each tell where an engine was expected."""
    engine = Engine(f"unix://{tmp_path}/docker.sock", "pi-1", "f")
    reason = f"there is no Docker Engine at {tmp_path}/docker.sock"
    assert engine.look() == EngineLost(reason)
    assert engine.perform(Pull("k", "a:1")) == Retry(reason, 5.0)
    ended = engine.run(Run("i", "i", 1, FunctionSpec("fn", "s", "r", Container("a:1")), (), ""))
    assert (ended.exit_code, ended.reason) == (None, reason)


def test_a_file_is_no_engine(tmp_path: Path) -> None:
    """A file where the socket should be is not mistaken for one."""
    (tmp_path / "docker.sock").write_text("")
    seen = Engine(f"unix://{tmp_path}/docker.sock", "pi-1", "f").look()
    assert seen == EngineLost(f"there is no Docker Engine at {tmp_path}/docker.sock")


def test_without_an_engine_nothing_heavy_is_loaded() -> None:
    """A node that only senses does not pay 9 MB for Docker's package."""
    said = subprocess.run([sys.executable, "-c", WHAT_IS_LOADED], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False"]
