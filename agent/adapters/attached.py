"""What is attached to the host: buses, devices that containers may want, USB, cameras. By names that hold still.

Pseudo terminals, loop devices and their like come and go with every container or mount, and numbers of USB devices with every plug:
none of them is listed. Nothing here fails; what cannot be read is left out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from agent.adapters.files import found, names_in, text
from protocol.attachable import EVERYWHERE, FOLDERS

DEVICES_MOST = 200
# A Pi has some 60; more would make a hello that nobody reads.
_HUB_CLASS = "09"
_CODECS = ("bcm2835-codec", "bcm2835-isp", "rpivid", "rpi-hevc", "rpi-fe", "pispbe", "v3d")
# Parts of a Pi's chip that speak V4L2 and see nothing.
_CSI = ("unicam", "rp1-cfe")
_NO_DEVICE = (stat.S_ISDIR, stat.S_ISSOCK, stat.S_ISFIFO)


def buses(root: Path) -> tuple[str, ...]:
    """I2C buses and SPI chip selects, like `i2c-1` and `spi0.0`."""
    i2c = [path.name for path in found(root / "dev", "i2c-*")]
    spi = [path.name.replace("spidev", "spi") for path in found(root / "dev", "spidev*")]
    return (*i2c, *spi)


def devices(root: Path) -> tuple[str, ...]:
    """Paths below /dev that containers may want, as a container names them."""
    folder = str(root / "dev")
    names = [name for name in names_in(folder) if not EVERYWHERE.fullmatch(name)]
    names += [f"{below}/{name}" for below in FOLDERS for name in names_in(f"{folder}/{below}")]
    return tuple(sorted(f"/dev/{name}" for name in names if _is_device(f"{folder}/{name}")))[:DEVICES_MOST]


def usb(root: Path) -> tuple[str, ...]:
    """What people call the things on the USB, hubs aside."""
    things = [path for path in found(root / "sys/bus/usb/devices") if ":" not in path.name]
    names = [_usb_name(thing) for thing in things if text(thing / "bDeviceClass") not in ("", _HUB_CLASS)]
    return tuple(sorted(names))


def cameras(root: Path) -> tuple[str, ...]:
    """The names of cameras; one camera has several devices."""
    return tuple(sorted(set(_camera_names(root))))


def _usb_name(thing: Path) -> str:
    said = f"{text(thing / 'manufacturer')} {text(thing / 'product')}".strip()
    return said or f"{text(thing / 'idVendor')}:{text(thing / 'idProduct')}"


def _camera_names(root: Path) -> Iterator[str]:
    for device in found(root / "sys/class/video4linux", "video*"):
        name = text(device / "name")
        if name.startswith(_CSI):
            yield "camera on CSI"
        elif name and not name.startswith(_CODECS):
            yield name


def _is_device(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - half the cost of Path.stat, some sixty times
    except OSError:
        return False
    return not any(is_other(mode) for is_other in _NO_DEVICE)
