"""Small files that the kernel answers from memory. What is not there, or cannot be read, is empty: nothing here fails."""

from __future__ import annotations

from pathlib import Path


def text(path: Path) -> str:
    """What a file says."""
    try:
        return path.read_text(errors="replace").strip().rstrip("\0")
    except OSError:
        return ""


def pairs(path: Path, sign: str) -> dict[str, str]:
    """A file of `key SIGN value` lines."""
    parts = (line.partition(sign) for line in text(path).splitlines())
    return {key.strip(): value.strip() for key, _, value in parts}


def found(folder: Path, pattern: str = "*") -> list[Path]:
    """What a folder holds, by name."""
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []
