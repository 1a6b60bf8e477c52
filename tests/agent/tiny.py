"""Tiny wheels that call themselves a release of the agent: made in a moment, and good or bad in one way each."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

ENTRY = """
import sys
def main():
    if sys.argv[1:] == ["--version"]:
        print("bramble-agent {said}")
        return 0
    return {code}
"""


def wheel(
    folder: Path, version: str, *, python: str = ">=3.11", said: str = "", code: int = 0, keeps: bool = True
) -> Path:
    """A wheel of a version; `said` is another one that it claims to be, and one that does not `keep` knows no launcher."""
    info = f"bramble_fleet-{version}.dist-info"
    files = {
        "agent/__init__.py": "",
        "agent/decide/__init__.py": "",
        "agent/launcher/__init__.py": "",
        "agent/__main__.py": ENTRY.format(said=said or version, code=code),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: bramble-fleet\nVersion: {version}\nRequires-Python: {python}\n"
        "Provides-Extra: agent\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nbramble-agent = agent.__main__:main\n",
    }
    if keeps:
        files |= {"agent/launcher/markers.py": "", "agent/decide/releases.py": ""}
    lines = [f"{name},sha256={_digest(text)},{len(text.encode())}" for name, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""])
    shelf = folder / "simple" / "bramble-fleet"
    shelf.mkdir(parents=True, exist_ok=True)
    path = shelf / f"bramble_fleet-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    (folder / "simple" / "bramble-fleet" / "index.html").write_text(
        "".join(f'<a href="{one.name}">{one.name}</a>' for one in sorted(shelf.glob("*.whl")))
    )
    return path


def sha256(path: Path) -> str:
    """Its digest as an order has it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
