"""Durations and sizes as Compose writes them: `1m30s`, `500ms`, `64M`, `1.5gb`."""

from __future__ import annotations

import re

LONGEST_S = 10 * 365 * 86400.0
"""Ten years: longer than a card lives, and a float still counts microseconds."""

LARGEST_BYTES = 2**50
"""A pebibyte: no node has it, and every JSON reader keeps it exactly."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)b?", re.IGNORECASE)
_BYTES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def seconds(text: object) -> float:
    """Read a duration; raises ValueError that shows the form."""
    if isinstance(text, str):
        parts = _DURATION.findall(text)
        if parts and "".join(number + unit for number, unit in parts) == text:
            duration_s = sum(float(number) * _SECONDS[unit] for number, unit in parts)
            if duration_s > LONGEST_S:
                raise ValueError(f"{text[:40]!r} is longer than ten years")
            return duration_s
    raise ValueError(f"{text!r} is no duration; write it like 30ms, 10s or 1m30s")


def size_bytes(text: object) -> int:
    """Read a size; a plain number counts bytes. Raises ValueError that shows the form."""
    size: float = -1
    if isinstance(text, int) and not isinstance(text, bool):
        size = text
    elif isinstance(text, str) and (match := _SIZE.fullmatch(text)):
        size = float(match[1]) * _BYTES[match[2].lower()]
    if size > LARGEST_BYTES:
        raise ValueError(f"{str(text)[:40]!r} is more than any node has")
    if size >= 0:
        return int(size)
    raise ValueError(f"{text!r} is no size; write it like 64M or 1.5G")
