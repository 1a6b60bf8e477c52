"""Releases of this very tree under other version numbers, as wheels in an index that the lab's hosts can reach.

What the agent needs beside it comes from PyPI, once per run, and stands in the same index: hosts of the lab reach nothing else.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from lab.processes import Process, accepts, free_port, spawn, wait_ready

ROOT = Path(__file__).parents[2]
PACKAGES = ("protocol", "link", "sensors", "agent", "controller", "cli", "sim", "lab")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")

# Both import what they need themselves: whatever the agent imports there is its own affair.
HANGS = (
    "def run(settings: Settings) -> int:\n",
    "def run(settings: Settings) -> int:\n    __import__('time').sleep(3600)\n",
)
CRASHES = (
    "def run(settings: Settings) -> int:\n",
    "def run(settings: Settings) -> int:\n    __import__('os').abort()\n",
)


@dataclass
class Wheelhouse:
    """A folder of wheels, served as an index."""

    folder: Path
    url: str = ""
    server: Process | None = None

    def needs(self) -> None:
        """Everything that an agent needs but ourselves."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        wanted = [*project["dependencies"], *project["optional-dependencies"]["agent"]]
        subprocess.run([*PIP, "wheel", "--wheel-dir", str(self.folder / "flat"), *wanted], check=True)
        for wheel in (self.folder / "flat").glob("*.whl"):
            self._shelve(wheel)

    def release(self, version: str, *changes: tuple[str, str], python: str = ">=3.11") -> Path:
        """A wheel of this tree under another version, with these changes to the agent's entry."""
        source = self.folder / f"source-{version}"
        for package in PACKAGES:
            shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source / name)
        project = (source / "pyproject.toml").read_text()
        project = project.replace('\nversion = "0.1.0"', f'\nversion = "{version}"')
        (source / "pyproject.toml").write_text(
            project.replace('requires-python = ">=3.11"', f'requires-python = "{python}"')
        )
        entry = source / "agent" / "__main__.py"
        for before, after in changes:
            assert before in entry.read_text()
            entry.write_text(entry.read_text().replace(before, after))
        made = self.folder / f"made-{version}"
        words = ["--no-deps", "--ignore-requires-python", "--wheel-dir", str(made), str(source)]
        subprocess.run([*PIP, "wheel", *words], check=True)
        return self._shelve(next(made.glob("*.whl")))

    def serve(self, address: str) -> None:
        """Serve it on the site's address, as a simple index (PEP 503)."""
        port = free_port(address)
        words = [sys.executable, "-m", "http.server", str(port), "--bind", address, "--directory", str(self.folder)]
        self.server = spawn("index", words, self.folder / "index.log")
        wait_ready(self.server, lambda: accepts(address, port))
        self.url = f"http://{address}:{port}/simple"

    def _shelve(self, wheel: Path) -> Path:
        project = wheel.name.partition("-")[0].replace("_", "-").replace(".", "-").lower()
        shelf = self.folder / "simple" / project
        shelf.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(wheel, shelf / wheel.name))


def sha256(wheel: Path) -> str:
    """The digest that an order names."""
    return hashlib.sha256(wheel.read_bytes()).hexdigest()
