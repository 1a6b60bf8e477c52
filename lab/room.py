"""A host's room: the mount and host-name namespaces in which everything on a host runs.

Its first process mounts what a machine of its own would have: an empty /run (so that an engine's default paths, its
shims' sockets and the firewall's lock are the host's own), a writable /etc over the machine's (own host name, hosts
file, machine id, no name server), and a boot id of its own. It hides modprobe: an engine would load br_netfilter, and
with it every bridge of the machine would suddenly be filtered. Where both versions of cgroups are mounted, it hides
what controllers the second has left: crun would refuse to work. The mounts die with the room's last process. /proc,
/sys and the cgroup mounts stay the machine's, as an engine needs them.

What may fail: the kernel has no overlay file system (lab/needs.py says so first).
"""

from __future__ import annotations

import uuid
from pathlib import Path

from lab.processes import Process, spawn, wait_ready
from lab.traces import NAMESPACES

HOSTS_OF_SITE = ("broker.local", "registry.local", "controller.local")
# Names that every host resolves to the machine's own address on the site's network.

_FURNISH = r"""
set -e
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/lock /run/etc/upper /run/etc/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work /etc
mkdir -p /etc/docker "$disk/etc-docker"
mount --bind "$disk/etc-docker" /etc/docker
hostname "$name"
echo "$name" > /etc/hostname
rm -f /etc/resolv.conf /etc/machine-id
: > /etc/resolv.conf
cp "$disk/machine-id" /etc/machine-id
printf '127.0.0.1 localhost %s\n%s %s\n' "$name" "$site" "$aliases" > /etc/hosts
echo "$boot_id" > /run/boot_id
mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
modprobe=$(command -v modprobe || true)
printf '#!/bin/sh\n' > /run/modprobe
chmod 755 /run/modprobe
if [ -n "$modprobe" ]; then mount --bind /run/modprobe "$modprobe"; fi
controllers=/sys/fs/cgroup/unified/cgroup.controllers
if [ -n "$(cat "$controllers" 2> /dev/null)" ]; then
  : > /run/no-controllers
  mount --bind /run/no-controllers "$controllers"
fi
echo furnished
exec sleep infinity
"""


def furnish(name: str, namespace: str, disk: Path, site_address: str, extra: dict[str, str]) -> Process:
    """Start a room's first process and return it once the room is furnished; it lives as long as the host is on."""
    machine_id = disk / "machine-id"
    if not machine_id.exists():
        machine_id.write_text(f"{uuid.uuid4().hex}\n")
    variables = {
        "name": name,
        "disk": str(disk),
        "site": site_address,
        "aliases": " ".join(HOSTS_OF_SITE),
        "boot_id": str(uuid.uuid4()),
    }
    log_path = disk / "room.log"
    log_path.unlink(missing_ok=True)
    room = ["unshare", "--mount", "--uts", "--propagation", "slave", "sh", "-c", _FURNISH]
    first = spawn(name, ["nsenter", f"--net={NAMESPACES / namespace}", *room], log_path, extra={**extra, **variables})
    wait_ready(first, lambda: "furnished" in first.log())
    return first


def entry(first: Process, directory: Path) -> list[str]:
    """Return the words to put before a command, so that it runs in the room and in this directory."""
    return ["nsenter", f"--target={first.pid}", "--net", "--mount", "--uts", "env", f"--chdir={directory}"]
