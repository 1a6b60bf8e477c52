"""Every import contract is seen failing when it is broken."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = CONFIG["tool"]["importlinter"]["root_packages"]
WIDE = {**os.environ, "COLUMNS": "250"}
"""The linter folds long names at the width of its terminal."""

NAMES = [contract["name"] for contract in CONFIG["tool"]["importlinter"]["contracts"]]

TRESPASSES = {
    "protocol/trespass.py": "import agent.loop, os, paho, docker, gpiozero, prometheus_client, sqlite_utils, ruamel, typer, rich",
    "agent/decide/trespass.py": "import agent.store, time",
    "agent/adapters/trespass.py": "import agent.loop, pydantic",
}
"""One import in the wrong place for each contract; together they break them all."""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the linter says of each contract in a copy of the house with the trespasses in it."""
    copy = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for path, text in TRESPASSES.items():
        (copy / path).write_text(text + "\n")
    linter = Path(sys.executable).with_name("lint-imports")
    said = subprocess.run(
        [linter, "--no-cache"], cwd=copy, capture_output=True, text=True, check=False, env=WIDE
    ).stdout
    return dict(re.findall(r"^(.+?) (KEPT|BROKEN)", said, flags=re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_a_trespass_breaks_its_contract(verdicts: dict[str, str], name: str) -> None:
    """A contract that cannot fail protects nothing."""
    assert verdicts.get(name) == "BROKEN"
