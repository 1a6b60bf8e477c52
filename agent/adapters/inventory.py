"""What the host is made of, from /proc, /sys and /dev. Every reading is optional: what is not there is left out.

Nothing here counts up or down by itself, because each difference is told by a new hello: what is plugged in or out is one. What the
engine, the pins and the link know of the node is filled in by others.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from agent.adapters import attached
from agent.adapters.files import found, pairs, text
from protocol.observed import Inventory
from sensors.header import HEADER

KIB = 1024
ELSEWHERE = ("192.0.2.1", 9)
# An address of nobody (RFC 5737): the kernel says which of ours it would take to get out. No packet is sent.


def read(root: Path, state_dir: Path, labels: Mapping[str, str]) -> Inventory:
    """Read everything that can be read; `root` is another place for /proc, /sys, /dev and /etc, in tests."""
    kernel, cpu = os.uname(), pairs(root / "proc/cpuinfo", ":")
    return Inventory(
        hostname=kernel.nodename,
        architecture=kernel.machine,
        model=_model(root, cpu),
        revision=cpu.get("Revision", ""),
        serial=serial(root),
        os=pairs(root / "etc/os-release", "=").get("PRETTY_NAME", "").strip('"'),
        kernel=kernel.release,
        memory_bytes=memory(root, "MemTotal"),
        disk_bytes=_disk(state_dir),
        cpus=os.cpu_count() or 1,
        labels=dict(labels),
        address=_address(),
        zone=zone(root),
        pins=HEADER if _has_header(root) else (),
        buses=attached.buses(root),
        devices=attached.devices(root),
        usb=attached.usb(root),
        cameras=attached.cameras(root),
        memory_limits=_limits_memory(root),
    )


def serial(root: Path) -> str:
    """The number of the board, where it has one that anybody may read: every Pi has."""
    return text(root / "proc/device-tree/serial-number") or pairs(root / "proc/cpuinfo", ":").get("Serial", "")


def memory(root: Path, name: str) -> int:
    """One line of /proc/meminfo, in bytes."""
    kib = pairs(root / "proc/meminfo", ":").get(name, "").partition(" ")[0]
    return int(kib) * KIB if kib.isdigit() else 0


def zone(root: Path) -> str:
    """The name of the time zone that `timedatectl` set."""
    try:
        target = (root / "etc/localtime").readlink()
    except OSError:
        return text(root / "etc/timezone")
    return str(target).partition("zoneinfo/")[2]


def _model(root: Path, cpu: Mapping[str, str]) -> str:
    """A board says it in its device tree, a PC in its firmware."""
    said = text(root / "proc/device-tree/model") or cpu.get("Model", "")
    return said or text(root / "sys/class/dmi/id/product_name")


def _has_header(root: Path) -> bool:
    """A PC has GPIO chips too, but no pins that anybody could reach."""
    return bool(text(root / "proc/device-tree/model")) and bool(found(root / "dev", "gpiochip*"))


def _limits_memory(root: Path) -> bool:
    """Whether the kernel has its memory controller switched on; Raspberry Pi OS has not."""
    unified = root / "sys/fs/cgroup/cgroup.controllers"
    if unified.exists():
        return "memory" in text(unified).split()
    rows = [line.split() for line in text(root / "proc/cgroups").splitlines()]
    return not rows or any(row[0] == "memory" and row[-1] == "1" for row in rows if row)


def _disk(state_dir: Path) -> int:
    try:
        disk = os.statvfs(state_dir)
    except OSError:
        return 0
    return disk.f_blocks * disk.f_frsize


def _address() -> str:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.connect(ELSEWHERE)
            return str(asking.getsockname()[0])
    except OSError:
        return ""
