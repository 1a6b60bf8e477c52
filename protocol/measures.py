"""Durations and sizes as Compose writes them: `1m30s`, `500ms`, `64M`, `1.5gb`."""

from __future__ import annotations

import re

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)b?", re.IGNORECASE)
_BYTES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def seconds(text: object) -> float:
    """Read a duration; raises ValueError that shows the form."""
    if isinstance(text, str):
        parts = _DURATION.findall(text)
        if parts and "".join(number + unit for number, unit in parts) == text:
            return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    raise ValueError(f"{text!r} is no duration; write it like 30ms, 10s or 1m30s")


def size_bytes(text: object) -> int:
    """Read a size; a plain number counts bytes. Raises ValueError that shows the form."""
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        return text
    if isinstance(text, str) and (match := _SIZE.fullmatch(text)):
        return int(float(match[1]) * _BYTES[match[2].lower()])
    raise ValueError(f"{text!r} is no size; write it like 64M or 1.5G")
