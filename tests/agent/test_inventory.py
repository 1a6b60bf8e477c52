"""What a host is made of, read from a tree of files that looks like a Pi, and from one without any."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.adapters import inventory
from agent.adapters.attached import DEVICES_MOST
from agent.adapters.zone import Zone
from agent.decide import greeting
from agent.decide.inputs import EngineLost
from agent.decide.node import Linked, Node
from agent.decide.report import NO_MEMORY_LIMITS
from link.inputs import LinkUp
from protocol.observed import Hello, Inventory
from tests.fakes.agent import Rig

PI = {
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/cpuinfo": "processor\t: 0\n\nRevision\t: c03114\nSerial\t\t: 10000000abcdef01\nModel\t\t: Raspberry Pi 4\n",
    "proc/meminfo": "MemTotal:  3884000 kB\n",
    "proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t80\t0\npids\t0\t80\t1\n",
    "sys/fs/cgroup/cgroup.controllers": "cpuset cpu io pids\n",
    "etc/os-release": 'PRETTY_NAME="Raspberry Pi OS"\n',
    "sys/bus/usb/devices/usb1/product": "xHCI Host Controller",
    "sys/bus/usb/devices/usb1/bDeviceClass": "09",
    "sys/bus/usb/devices/1-1.2/product": "ConBee II",
    "sys/bus/usb/devices/1-1.2/manufacturer": "dresden elektronik",
    "sys/bus/usb/devices/1-1.2/bDeviceClass": "02",
    "sys/bus/usb/devices/1-1.2:1.0/bInterfaceClass": "02",
    "sys/bus/usb/devices/1-1.3/idVendor": "0bda",
    "sys/bus/usb/devices/1-1.3/idProduct": "2838",
    "sys/bus/usb/devices/1-1.3/bDeviceClass": "00",
    "sys/class/video4linux/video0/name": "HD Pro Webcam C920",
    "sys/class/video4linux/video1/name": "HD Pro Webcam C920",
    "sys/class/video4linux/video2/name": "unicam-image",
    "sys/class/video4linux/video10/name": "bcm2835-codec-decode",
}
WANTED = (
    "/dev/dri/card0", "/dev/gpiochip0", "/dev/gpiomem", "/dev/i2c-1", "/dev/input/event0", "/dev/net/tun",
    "/dev/serial/by-id/usb-dresden_elektronik_ConBee_II", "/dev/snd/pcmC0D0p", "/dev/spidev0.0", "/dev/spidev0.1",
    "/dev/ttyACM0", "/dev/ttyAMA0", "/dev/vchiq", "/dev/video0", "/dev/video1",
)  # fmt: skip
UNWANTED = (
    "/dev/loop0", "/dev/loop-control", "/dev/null", "/dev/ptmx", "/dev/pts/0", "/dev/ram1", "/dev/tty", "/dev/tty12",
    "/dev/vcs1", "/dev/vcsu2", "/dev/urandom", "/dev/zram0", "/dev/bus/usb/001/004",
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Pi's files."""
    for name, said in PI.items():
        put(tmp_path, name, said)
    for device in (*WANTED, *UNWANTED):
        put(tmp_path, device[1:])
    (tmp_path / "etc/localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    return tmp_path


def put(root: Path, name: str, said: str = "") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(said)


def test_a_pi_says_what_it_is_made_of(root: Path) -> None:
    """Model, revision, memory, pins, buses, things on the USB and cameras, by the names people know."""
    seen = inventory.read(root, root, {"site": "home"})
    assert (seen.model, seen.revision) == ("Raspberry Pi 4 Model B Rev 1.4", "c03114")
    assert (seen.memory_bytes, seen.os, seen.labels) == (3_884_000 * 1024, "Raspberry Pi OS", {"site": "home"})
    assert seen.pins == tuple(range(28))
    assert seen.buses == ("i2c-1", "spi0.0", "spi0.1")
    assert seen.usb == ("0bda:2838", "dresden elektronik ConBee II")
    assert seen.cameras == ("HD Pro Webcam C920", "camera on CSI")
    assert seen.zone == "Europe/Berlin"
    assert not seen.memory_limits


def test_devices_are_those_that_containers_want(root: Path) -> None:
    """Serial ports, sound, video and their like by path; nothing that comes and goes with mounts and terminals."""
    assert inventory.read(root, root, {}).devices == WANTED


def test_a_list_of_devices_ends(root: Path) -> None:
    """However much is plugged in, a hello stays readable."""
    for number in range(500):
        put(root, f"dev/ttyUSB{number}")
    assert len(inventory.read(root, root, {}).devices) == DEVICES_MOST


def test_nothing_of_it_moves_by_itself(root: Path) -> None:
    """Two readings of the same host are equal, whatever terminals and mounts came between."""
    before = inventory.read(root, root, {})
    for name in ("dev/pts/7", "dev/loop3", "dev/tty63"):
        put(root, name)
    assert inventory.read(root, root, {}) == before


def test_a_pc_has_no_header(root: Path) -> None:
    """GPIO chips alone are no pins, and the firmware knows the model."""
    (root / "proc/device-tree/model").unlink()
    put(root, "proc/cpuinfo", "model name\t: Some CPU\n")
    put(root, "sys/class/dmi/id/product_name", "NUC7i5\n")
    seen = inventory.read(root, root, {})
    assert (seen.pins, seen.model, seen.revision) == ((), "NUC7i5", "")


@pytest.mark.parametrize(
    ("files", "limited"),
    [
        ({"sys/fs/cgroup/cgroup.controllers": "cpu memory pids\n"}, True),
        ({"sys/fs/cgroup/cgroup.controllers": "cpu pids\n"}, False),
        ({"proc/cgroups": "#subsys_name hierarchy num_cgroups enabled\nmemory 4 59 1\n"}, True),
        ({"proc/cgroups": "#subsys_name hierarchy num_cgroups enabled\nmemory 0 59 0\n"}, False),
        ({}, True),
    ],
)
def test_the_memory_controller_is_looked_for_where_the_kernel_says_it(
    tmp_path: Path, files: dict[str, str], limited: bool
) -> None:
    """The unified hierarchy first, the table of the old one next; where neither is there nothing is claimed."""
    for name, said in files.items():
        put(tmp_path, name, said)
    assert inventory.read(tmp_path, tmp_path, {}).memory_limits is limited


def test_a_host_without_files_is_read_all_the_same(tmp_path: Path) -> None:
    """Every reading may be missing."""
    seen = inventory.read(tmp_path / "gone", tmp_path, {})
    assert (seen.model, seen.pins, seen.buses, seen.devices, seen.usb, seen.cameras) == ("", (), (), (), (), ())


def test_the_zone_is_read_and_followed(tmp_path: Path) -> None:
    """The environment's word, else the host's, which may change while we run; what cannot be read is UTC."""
    (tmp_path / "etc").mkdir()
    local = tmp_path / "etc/localtime"
    zone = Zone("", tmp_path)
    assert zone.now() is UTC
    for name, hours in (("Europe/Berlin", 2), ("Asia/Tokyo", 9)):
        local.unlink(missing_ok=True)
        local.symlink_to(Path("/usr/share/zoneinfo") / name)
        offset = zone.now().utcoffset(datetime(2026, 7, 1))
        assert (str(zone.now()), offset and offset.seconds) == (name, hours * 3600)
    assert Zone(":Europe/Paris", tmp_path).now() == ZoneInfo("Europe/Paris")
    assert str(Zone("No/Where", tmp_path).now()) == "Asia/Tokyo"


def test_a_plugged_device_is_told_by_a_new_hello(tmp_path: Path) -> None:
    """A changed inventory makes one new hello within a health interval, and an unchanged one makes none."""
    rig = Rig(tmp_path)
    rig.run(70)
    assert len(rig.messages(Hello)) == 1
    rig.inventory = replace(rig.inventory, devices=("/dev/ttyACM0",))
    rig.run(31)
    assert [hello.inventory.devices for hello in rig.messages(Hello)] == [(), ("/dev/ttyACM0",)]
    rig.run(60)
    assert len(rig.messages(Hello)) == 2


def test_a_kernel_that_ignores_memory_limits_is_a_reason(tmp_path: Path) -> None:
    """The status says it, and how to mend it."""
    rig = Rig(tmp_path)
    rig.inventory = replace(rig.inventory, memory_limits=False)
    rig.run(2)
    assert rig.status().reasons == (NO_MEMORY_LIMITS,)


def test_the_address_is_that_of_the_link() -> None:
    """What the link says of the connection is what others are told; without it, the way out."""
    node = Node("pi-1", "home", "boot", "test", "stream", link=Linked(3))
    node.engine, node.inventory = EngineLost("none"), Inventory("pi", "aarch64", address="10.0.0.9")
    greeting.up(node, LinkUp(3))
    assert (known := greeting.inventory_of(node)) is not None
    assert known.address == "10.0.0.9"
    greeting.up(node, LinkUp(3, "192.168.7.2"))
    assert (known := greeting.inventory_of(node)) is not None
    assert known.address == "192.168.7.2"
