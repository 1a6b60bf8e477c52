"""What the system knows of itself, and whether others answer it: throttling, memory, network interfaces, hosts, files.

A probe raises OSError or ValueError with a sentence. A file that is not there, and a host that does not answer, are values.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from protocol.desired import SensorSpec
from protocol.options import number, text
from protocol.shapes import JsonValue
from protocol.sources import NORMAL, THROTTLES
from sensors.reach import answers, connects
from sensors.sampler import Probe

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
HWMON, VOLTAGE = "sys/class/hwmon", "rpi_volt"
NET = "sys/class/net"
MICROSECONDS = 6
# Digits: in nanoseconds the time would be beyond what every reader of JSON can take, as some inodes are.


def throttled(spec: SensorSpec, root: Path) -> Probe:
    """The conditions that hold now, by the firmware's word, or by the kernel's watch over the voltage."""
    del spec

    def read() -> JsonValue:
        if (root / THROTTLED).exists():
            bits = int(_text(root / THROTTLED), 16)
            now = [word for bit, word in enumerate(THROTTLES) if bits >> bit & 1]
        elif alarms := [one / "in0_lcrit_alarm" for one in (root / HWMON).glob("*") if _name(one) == VOLTAGE]:
            now = [THROTTLES[0]] if _text(alarms[0]) == "1" else []
        else:
            raise ValueError(f"neither /{THROTTLED} nor a chip {VOLTAGE!r} under /{HWMON}: this is no Raspberry Pi")
        return now or [NORMAL]

    return read


def memory(spec: SensorSpec, root: Path) -> Probe:
    """Percent of the memory that is not available."""
    del spec

    def read() -> float:
        lines = (line.split() for line in _text(root / "proc/meminfo").splitlines())
        sizes = {words[0]: int(words[1]) for words in lines if len(words) > 1}
        if not sizes.get("MemTotal:") or "MemAvailable:" not in sizes:
            raise ValueError("/proc/meminfo does not say how much memory there is, and how much of it is available")
        return round(100 * (1 - sizes["MemAvailable:"] / sizes["MemTotal:"]), 1)

    return read


def network_link(spec: SensorSpec, root: Path) -> Probe:
    """Whether an interface is up; one that does not say (a tunnel) is when it has a carrier."""

    def read() -> bool:
        place = _interface(root, spec)
        state = _text(place / "operstate")
        return state == "up" or (state == "unknown" and _text(place / "carrier") == "1")

    return read


@dataclass(slots=True)
class Traffic:
    """Bytes a second since the last reading; the first time since the boot."""

    root: Path
    spec: SensorSpec
    seen: float = 0.0
    at_s: float = 0.0

    def __call__(self) -> float:
        """Read the counter; one that was set back has counted nothing."""
        name = "tx_bytes" if text(self.spec, "direction") == "sent" else "rx_bytes"
        seen, at_s = float(_text(_interface(self.root, self.spec) / "statistics" / name)), time.monotonic()
        rate = max(0.0, seen - self.seen) / max(0.001, at_s - self.at_s)
        self.seen, self.at_s = seen, at_s
        return round(rate, 1)


def network_traffic(spec: SensorSpec, root: Path) -> Probe:
    """Bytes a second through an interface."""
    return Traffic(root, spec)


def ping(spec: SensorSpec, root: Path) -> Probe:
    """Whether a host answers within the timeout."""
    del root
    host, port, timeout_s = text(spec, "host"), round(number(spec, "port")), number(spec, "timeout", 2.0)
    return lambda: connects(host, port, timeout_s) if port else answers(host, timeout_s)


def file(spec: SensorSpec, root: Path) -> Probe:
    """Size and time of change of what is at a path; None while there is nothing. Looking again is cheap, and works on any disk."""
    path = root / text(spec, "path").removeprefix("/")

    def read() -> JsonValue:
        try:
            seen = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        changed_epoch_s = round(seen.st_mtime, MICROSECONDS)
        return {"bytes": seen.st_size, "changed_epoch_s": changed_epoch_s, "inode": str(seen.st_ino)}

    return read


SYSTEM: Mapping[str, Callable[[SensorSpec, Path], Probe]] = {
    "throttled": throttled,
    "memory": memory,
    "network-link": network_link,
    "network-traffic": network_traffic,
    "ping": ping,
    "file": file,
}


def _interface(root: Path, spec: SensorSpec) -> Path:
    name = text(spec, "interface")
    place = root / NET / name
    if not place.exists():
        there = ", ".join(sorted(one.name for one in (root / NET).glob("*"))) or "none"
        raise ValueError(f"there is no network interface {name!r}; there are {there}")
    return place


def _name(chip: Path) -> str:
    return _text(chip / "name") if (chip / "name").is_file() else ""


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii", errors="replace").strip()
