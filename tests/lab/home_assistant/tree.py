"""A Debian of its own with a Python that is new enough, and a Home Assistant from PyPI in it; made once, and kept.

Home Assistant of today wants a newer Python than Debian 12 has, and device discovery is younger than the last one that did not. So
a small tree of Debian 13 is made by debootstrap (root; some minutes, 2 GB), and Home Assistant runs in it by chroot.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

VERSION = "2026.2.3"
"""The last one for the Python 3.13 of Debian 13."""

SUITE, PYTHON = "trixie", "python3.13"
MIRROR = "http://deb.debian.org/debian"
COMPILER = ("gcc", "g++", "libc6-dev", f"{PYTHON}-dev", f"{PYTHON}-venv", "libturbojpeg0")
"""Two of its dependencies have no wheel for this Python."""

BESIDE = (
    "home-assistant-frontend", "numpy", "PyTurboJPEG", "paho-mqtt", "SQLAlchemy", "fnv-hash-fast", "psutil-home-assistant",
    "ha-ffmpeg", "av", "async-upnp-client",
)  # fmt: skip
"""What its integrations would install by themselves at their first start; it is pinned by Home Assistant's own constraints."""

CONSTRAINTS = f"/venv/lib/{PYTHON}/site-packages/homeassistant/package_constraints.txt"

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")

_INSTALL = f"""
set -e
export DEBIAN_FRONTEND=noninteractive PIP_CERT={AUTHORITIES} SSL_CERT_FILE={AUTHORITIES}
unset PIP_FIND_LINKS SSL_CERT_DIR
apt-get update -q
apt-get install -q -y --no-install-recommends ca-certificates {" ".join(COMPILER)}
cp /tmp/authorities {AUTHORITIES}
{PYTHON} -m venv /venv
/venv/bin/pip install -q --prefer-binary homeassistant=={VERSION}
/venv/bin/pip install -q --prefer-binary -c {CONSTRAINTS} {" ".join(BESIDE)}
echo {VERSION} > /made
"""


def lacks() -> str:
    """What this machine has not; empty where it has all."""
    return "" if shutil.which("debootstrap") else "debootstrap is not installed: apt-get install debootstrap"


def make(tree: Path) -> None:
    """Make the tree, unless it is there; raises `CalledProcessError` when Debian or PyPI cannot be reached."""
    made = tree / "made"
    if made.exists() and made.read_text().strip() == VERSION:
        return
    if not (tree / "usr/bin/apt-get").exists():
        subprocess.run(["debootstrap", "--variant=minbase", SUITE, str(tree), MIRROR], check=True)
    for name in ("resolv.conf", "hosts"):
        shutil.copy(f"/etc/{name}", tree / "etc" / name)
    shutil.copy(AUTHORITIES, tree / "tmp" / "authorities")
    subprocess.run(["chroot", str(tree), "sh", "-c", _INSTALL], check=True)


def python(tree: Path, *arguments: str) -> list[str]:
    """The command that runs something in the tree's Python."""
    return ["chroot", str(tree), "/venv/bin/python", *arguments]
