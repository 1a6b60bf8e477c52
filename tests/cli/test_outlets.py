"""Where the output goes, and where it cannot: a closed one, a full disk, a reader who has read enough."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("outlet", "code", "said"),
    [
        (">&-", 0, ""),
        (">/dev/full", 1, "bramble: the output cannot be written: no space left on device\n"),
        ("| true", 0, ""),
    ],
)
def test_an_output_that_goes_nowhere_ends_in_words(outlet: str, code: int, said: str) -> None:
    """Never in what a programmer reads."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m cli sensors kinds {outlet}'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, said)
