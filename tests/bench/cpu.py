"""Processor time of another process, finely: /proc's utime and stime count in 10 ms, the scheduler in nanoseconds."""

from __future__ import annotations

from pathlib import Path


def used_ns(pid: int) -> int:
    """Time on a processor of all threads that a process has now."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
