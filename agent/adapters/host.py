"""How the host is doing, from /proc and /sys; what it is made of is `inventory`'s. What cannot be read is left out.

Small files that the kernel answers from memory; nothing here blocks, except on a dead disk, which ends everything anyway. The
wall clock counts as synchronised only when systemd-timesyncd says so; nothing relies on a yes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from agent.adapters import inventory
from agent.adapters.files import text
from agent.decide.inputs import HostSeen
from agent.decide.now import Now
from protocol.observed import Clock, Health

SECTOR_BYTES = 512
# What /proc/diskstats counts in, whatever the disk's own sectors are (kernel, Documentation/admin-guide/iostats.rst).
CHIPS_SINCE_EPOCH_S = 1_767_225_600.0
# 2026-01-01 UTC: an earlier time is older than this program, so its chip has lost it.
THROTTLED = {
    0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit",
    16: "under-voltage has occurred", 17: "frequency capping has occurred", 18: "throttling has occurred",
    19: "soft temperature limit has occurred",
}  # fmt: skip
"""Bits of the firmware's get_throttled (Raspberry Pi documentation, vcgencmd)."""


@dataclass(frozen=True, slots=True)
class Host:
    """The machine. `state_dir` names the file system that matters; `root` is another place for /proc and /sys, in tests.

    `processes` is what the node's settings say of them.
    """

    state_dir: Path
    labels: Mapping[str, str]
    root: Path = Path("/")
    processes: bool = False

    def look(self, now: Now) -> HostSeen:
        """Read everything that can be read."""
        found = replace(inventory.read(self.root, self.state_dir, self.labels), processes=self.processes)
        return HostSeen(found, self._health(now))

    def boot(self) -> str:
        """The kernel's name for this boot, shortened; unknown where /proc is not there."""
        return self._text("proc/sys/kernel/random/boot_id")[:8] or "unknown"

    def machine(self) -> str:
        """What tells this machine from one with a copy of its card; a PC is named by its installation, for want of better."""
        return inventory.serial(self.root) or self._text("etc/machine-id")

    def clock(self, epoch_s: float) -> Clock:
        """Who has set the wall clock, which reads `epoch_s`, since the boot: a time server, a clock chip, or nobody.

        The kernel says of a chip that it has set the clock by it (`hctosys`). A chip without a battery counts from 1970 or so.
        This is asked every second, so it costs one look at one file.
        """
        if os.path.exists(f"{self.root}/run/systemd/timesync/synchronized"):  # noqa: PTH110 - a tenth of the cost of a Path
            return Clock.SYNCED
        is_set = epoch_s >= CHIPS_SINCE_EPOCH_S and _is_set_by_chip(self.root)
        return Clock.RTC if is_set else Clock.GUESS

    def _health(self, now: Now) -> Health:
        disk = self._disk()
        return Health(
            uptime_s=_number(self._text("proc/uptime").partition(" ")[0]) or now.mono_s,
            load_1m=_number(self._text("proc/loadavg").partition(" ")[0]) or 0.0,
            memory_available_bytes=inventory.memory(self.root, "MemAvailable"),
            disk_available_bytes=disk.f_bavail * disk.f_frsize if disk else 0,
            temperature_celsius=self._temperature(),
            throttled=self._throttled(),
            bytes_written_total=self._bytes_written(),
            clock=now.clock,
        )

    def _text(self, path: str) -> str:
        return text(self.root / path)

    def _disk(self) -> os.statvfs_result | None:
        try:
            return os.statvfs(self.state_dir)
        except OSError:
            return None

    def _temperature(self) -> float | None:
        milli = _number(self._text("sys/class/thermal/thermal_zone0/temp"))
        return milli / 1000 if milli is not None else None

    def _throttled(self) -> tuple[str, ...]:
        text = self._text("sys/devices/platform/soc/soc:firmware/get_throttled")
        bits = int(text, 16) if text and all(c in "0123456789abcdefABCDEFx" for c in text) else 0
        return tuple(words for bit, words in THROTTLED.items() if bits >> bit & 1)

    def _bytes_written(self) -> int | None:
        """Of all whole disks: a partition's writes are its disk's already, and loop and RAM devices write nowhere of their own."""
        rows = [line.split() for line in self._text("proc/diskstats").splitlines()]
        disks = [row for row in rows if len(row) > 9 and (self.root / "sys/block" / row[2] / "device").exists()]
        return sum(int(row[9]) for row in disks) * SECTOR_BYTES if disks else None


@cache
def _is_set_by_chip(root: Path) -> bool:
    """Whether the kernel has set the clock by a chip when it booted; that stays so until the next boot."""
    return text(root / "sys/class/rtc/rtc0/hctosys") == "1"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
