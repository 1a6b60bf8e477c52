"""How each kind that is measured is read: small files that the kernel answers from memory; `root` is another place for them.

A probe raises OSError or ValueError with a sentence where there is nothing to read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from protocol.desired import SensorSpec
from protocol.options import number, text
from protocol.sources import is_own
from sensors.kernel import KERNEL
from sensors.own import OwnProbe
from sensors.sampler import Probe
from sensors.system import SYSTEM

ROOT = Path("/")

LOADS = {1.0: 0, 5.0: 1, 15.0: 2}
"""Minutes of a load average → its place in /proc/loadavg."""


def cpu_temperature(spec: SensorSpec, root: Path) -> Probe:
    """Degrees Celsius of the first thermal zone, which is the processor on every Raspberry Pi."""
    del spec
    path = root / "sys/class/thermal/thermal_zone0/temp"
    return lambda: int(_read(path)) / 1000


def load_average(spec: SensorSpec, root: Path) -> Probe:
    """Processes that run or wait for a disk, on average over 1, 5 or 15 minutes."""
    path, place = root / "proc/loadavg", LOADS.get(number(spec, "minutes"), LOADS[5.0])
    return lambda: float(_read(path).split()[place])


def disk_usage(spec: SensorSpec, root: Path) -> Probe:
    """Percent of a file system that is in use, as `df` counts it."""
    path = root / text(spec, "path", "/").removeprefix("/")

    def probe() -> float:
        disk = os.statvfs(path)
        used = disk.f_blocks - disk.f_bfree
        return round(100 * used / max(1, used + disk.f_bavail), 1)

    return probe


PROBES: Mapping[str, Callable[[SensorSpec, Path], Probe]] = {
    "cpu-temperature": cpu_temperature,
    "load-average": load_average,
    "disk-usage": disk_usage,
    **KERNEL,
    **SYSTEM,
}


def is_asked(kind: str) -> bool:
    """Whether a kind is asked for its value."""
    return kind in PROBES or is_own(kind)


def probe_of(spec: SensorSpec, root: Path) -> Probe:
    """How a sensor is read; its kind is one that is asked."""
    return OwnProbe(spec) if is_own(spec.kind) else PROBES[spec.kind](spec, root)


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()
