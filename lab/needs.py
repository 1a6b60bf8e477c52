"""Says in plain words what this machine lacks for the lab, and how to get it. Changes nothing.

Kernel features are tried, in namespaces that vanish with the attempt, because asking a kernel what it can do tells
less. `python -m lab.needs` prints what is missing and answers 1 if anything is.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from lab import commands

SETUP = "sudo make setup-lab"

_PACKAGES = {
    "ip": "iproute2",
    "tc": "iproute2",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mosquitto": "mosquitto",
    "mosquitto_pub": "mosquitto-clients",
    "dockerd": "docker.io",
    "containerd": "containerd",
    "docker": "docker.io",
    "crun": "crun",
    "docker-registry": "docker-registry",
    "busybox": "busybox-static",
}
_OVERLAY = "mkdir /tmp/l /tmp/u /tmp/w && mount -t overlay o -o lowerdir=/tmp/l,upperdir=/tmp/u,workdir=/tmp/w /tmp/l"
_FEATURES = {
    "network namespaces": ["unshare", "--net", "true"],
    "veth pairs": ["unshare", "--net", "ip", "link", "add", "dev", "one", "type", "veth", "peer", "name", "two"],
    "bridges": ["unshare", "--net", "ip", "link", "add", "dev", "one", "type", "bridge"],
    "packet filtering (iptables nat)": ["unshare", "--net", "iptables", "-t", "nat", "-L", "-n"],
    "overlay file systems": ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs t /tmp && {_OVERLAY}"],
}
_ELF_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that the lab needs and this machine does not have, and what to do about it."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


def lacks() -> list[Lack]:
    """Return everything that is missing; kernel features are tried only once the programs and root are there."""
    missing = _missing_programs()
    if os.geteuid() != 0:
        missing.append(Lack("root", "namespaces and engines need it: run the same command with sudo"))
    return missing or [
        Lack(f"the kernel has no {feature}", "use a kernel as Debian ships it; inside a container, a privileged one")
        for feature, attempt in _FEATURES.items()
        if not commands.succeeds(attempt)
    ]


def _missing_programs() -> list[Lack]:
    path = commands.environment()["PATH"]
    missing = [name for name in _PACKAGES if shutil.which(name, path=path) is None]
    busybox = shutil.which("busybox", path=path)
    if busybox and not _is_static(Path(busybox)):
        missing.append("busybox")
    if not missing:
        return []
    packages = " ".join(sorted({_PACKAGES[name] for name in missing}))
    return [Lack(f"not installed: {', '.join(missing)}", f"{SETUP}, or: apt-get install {packages}")]


def _is_static(program: Path) -> bool:
    """Say whether a program needs no loader: images hold nothing but it."""
    with program.open("rb") as file:
        head = file.read(_ELF_HEAD_BYTES)
    return b"/ld-" not in head


def main() -> int:
    """Print what is missing, one line each."""
    found = lacks()
    print("\n".join(map(str, found)) or "this machine has everything that the lab needs")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
