"""Which paths below /dev a node tells of in its inventory: those that one node has and another has not.

What every Linux has, or what comes and goes with containers and mounts, is not told; so a service that maps it needs nothing
special of its node.
"""

from __future__ import annotations

import re

FOLDERS = ("serial/by-id", "snd", "dri", "input", "input/by-id", "dma_heap", "net", "v4l/by-id")
"""Folders below /dev whose entries people give to containers."""

EVERYWHERE = re.compile(
    r"tty\d*|loop.*|z?ram\d+|vcs[au]?\d*|dm-\d+|md\d+|nbd\d+.*|ptmx|fd|std(in|out|err)|null|zero|full|u?random|console|kmsg|k?mem"
    r"|port|core|autofs|btrfs-control|mapper|cpu_dma_latency|snapshot|userfaultfd|hpet|nvram|initctl|log|vhost-.*|cuse|mcelog"
)
"""Names in /dev that say nothing about a node."""


UNTOLD_FOLDERS = frozenset({"bus", "disk", "shm", "pts", "mqueue", "hugepages", "block", "char", "cpu", "usb", "bsg"})
"""Folders of /dev in which nothing is looked for."""


def is_told(path: str) -> bool:
    """Whether a node that has this path says so: a device itself, or a folder of devices."""
    below = path.removeprefix("/dev/").rstrip("/")
    folder, is_inside, _ = below.rpartition("/")
    if is_inside:
        return folder in FOLDERS or below in FOLDERS
    return below not in UNTOLD_FOLDERS and not EVERYWHERE.fullmatch(below)
