"""SIGKILL at any moment, over and over: what was accepted arrives, and is handled once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

KILLS = int(os.environ.get("BRAMBLE_KILLS", "1000"))
SEED = int(os.environ.get("BRAMBLE_SEED", "1"))


def test_a_thousand_kills_lose_no_accepted_fact_and_handle_none_twice(tmp_path: Path) -> None:
    """After 1,000 SIGKILLs of the writer (and some 500 of the receiver) every accepted fact was handled exactly once."""
    command = [sys.executable, "-m", "tests.link.mill", str(tmp_path), str(KILLS), str(SEED)]
    mill = subprocess.run(
        command, capture_output=True, text=True, timeout=600, cwd=Path(__file__).parents[2], check=False
    )
    assert mill.returncode == 0, mill.stderr
    found = json.loads(mill.stdout)
    assert found["committed"] >= found["accepted"] > KILLS
    assert found["handled"] == found["distinct"] == found["highest"] == found["committed"], f"seed {SEED}: {found}"
