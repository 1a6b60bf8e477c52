"""Readings from /proc and /sys, each of which may be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.adapters.host import Host
from agent.decide.now import Now
from protocol.observed import Clock

FILES = {
    "proc/meminfo": "MemTotal:  1000 kB\nMemAvailable:  400 kB\n",
    "proc/uptime": "12.5 3.0\n",
    "proc/loadavg": "0.42 0.1 0.1 1/100 1\n",
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/sys/kernel/random/boot_id": "0123456789abcdef\n",
    "proc/diskstats": "179 0 mmcblk0 1 2 3 4 5 6 70 8 9\n179 1 mmcblk0p1 1 2 3 4 5 6 70 8 9\n7 0 loop0 1 2 3 4 5 6 7 8 9\n",
    "sys/block/mmcblk0/device/name": "SD",
    "sys/class/thermal/thermal_zone0/temp": "48312\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    "etc/os-release": 'PRETTY_NAME="Raspberry Pi OS"\n',
    "run/systemd/timesync/synchronized": "",
}


def test_a_pi_is_read(tmp_path: Path) -> None:
    """Memory, load, temperature, throttling and writes come from the kernel's files."""
    for path, text in FILES.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    host = Host(tmp_path, {"site": "home"}, tmp_path)
    seen = host.look(Now(1.0, clock=host.clock(0.0)))
    assert seen.inventory.model == "Raspberry Pi 4 Model B Rev 1.4"
    assert (seen.inventory.os, seen.inventory.memory_bytes) == ("Raspberry Pi OS", 1_024_000)
    assert (seen.health.uptime_s, seen.health.load_1m, seen.health.memory_available_bytes) == (12.5, 0.42, 409_600)
    assert seen.health.temperature_celsius == 48.312
    assert seen.health.throttled == (
        "under-voltage", "throttled", "under-voltage has occurred", "throttling has occurred",
    )  # fmt: skip
    assert seen.health.bytes_written_total == 70 * 512
    assert (seen.health.clock, host.boot()) == (Clock.SYNCED, "01234567")


def test_nothing_is_needed(tmp_path: Path) -> None:
    """On a host without any of these files every reading is left out, and nothing raises."""
    host = Host(tmp_path / "gone", {}, tmp_path)
    seen = host.look(Now(7.0))
    assert seen.health.temperature_celsius is None
    assert seen.health.throttled == ()
    assert seen.health.uptime_s == 7.0
    assert (host.clock(0.0), host.boot()) == (Clock.GUESS, "unknown")


THIS_YEAR_EPOCH_S = 1_780_000_000.0


@pytest.mark.parametrize(
    ("said", "epoch_s", "clock"),
    [("1", THIS_YEAR_EPOCH_S, Clock.RTC), ("0", THIS_YEAR_EPOCH_S, Clock.GUESS), ("1", 40.0, Clock.GUESS)],
    ids=["it has set the clock", "it could not be read", "its battery is empty"],
)
def test_a_clock_chip_is_believed_if_the_kernel_has_set_the_clock_by_it(
    tmp_path: Path, said: str, epoch_s: float, clock: Clock
) -> None:
    """A chip that lost its time counts from 1970; a time server's word weighs more than any chip's."""
    chip = tmp_path / "sys/class/rtc/rtc0/hctosys"
    chip.parent.mkdir(parents=True)
    chip.write_text(f"{said}\n")
    host = Host(tmp_path, {}, tmp_path)
    assert host.clock(epoch_s) is clock
    synchronised = tmp_path / "run/systemd/timesync/synchronized"
    synchronised.parent.mkdir(parents=True)
    synchronised.touch()
    assert host.clock(epoch_s) is Clock.SYNCED
