"""Boots the virtual machine with the emulated GPIO chip and runs `tests/gpio/inside.py` in it: `python -m tests.gpio`.

Everything is emulated in software, so it needs no KVM and takes some minutes. The machine sees this tree and its virtual
environment read-only. The exit code is that of the tests in it. `make lab-gpio` fetches first what it needs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TREE = HERE.parents[1]
CACHE = TREE / ".cache" / "gpio"
MODULES = ("virtio_pci", "9pnet_virtio", "9p", "uhid", "hid_cp2112", "hid_generic")
PATIENCE_S = 900
MEMORY_MIB = 1024


def main() -> int:
    """Build, boot, wait."""
    (kernel,) = (CACHE / "kernel" / "boot").glob("vmlinuz-*")
    start = _packed(kernel.name.removeprefix("vmlinuz-"))
    words = f"console=ttyS0 quiet panic=1 bramble={TREE} lgpio={CACHE / 'lgpio'}"
    command = [
        "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", str(MEMORY_MIB), "-smp", "2",
        "-nographic", "-no-reboot", "-net", "none", "-kernel", str(kernel), "-initrd", str(start), "-append", words,
        "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
    ]  # fmt: skip
    print(f"booting Linux {kernel.name.removeprefix('vmlinuz-')} with an emulated GPIO chip ...", flush=True)
    return _followed(command)


def _followed(command: list[str]) -> int:
    """Show what the machine says, until it is off."""
    said = None
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, errors="replace", stdin=subprocess.DEVNULL
    ) as machine:
        assert machine.stdout is not None
        for line in machine.stdout:
            print(line.rstrip(), flush=True)
            said = re.search(r"THE TESTS CAME TO (\d+)", line) or said
        machine.wait(PATIENCE_S)
    return int(said[1]) if said else 2


def _packed(version: str) -> Path:
    """The first files of the machine: busybox, the modules in the order in which they need each other, and our init."""
    root = CACHE / "start"
    shutil.rmtree(root, ignore_errors=True)
    for folder in ("bin", "modules", "proc", "sys", "dev", "root"):
        (root / folder).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "/bin/busybox", root / "bin" / "busybox")
    shutil.copy(HERE / "init", root / "init")
    order = _order(version)
    for name, path in order.items():
        shutil.copy(path, root / "modules" / f"{name}.ko")
    (root / "modules" / "order").write_text("\n".join(order) + "\n")
    packed = CACHE / "start.cpio"
    with packed.open("wb") as file:
        names = subprocess.run(["find", "."], cwd=root, check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, check=True, input=names, stdout=file)
    return packed


def _order(version: str) -> dict[str, Path]:
    """The modules and what each needs, in the order in which they can be loaded."""
    base = CACHE / "kernel"
    modules = base / "lib" / "modules" / version
    subprocess.run(["/sbin/depmod", "-b", str(base), version], check=True)
    needs: dict[str, tuple[Path, list[str]]] = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, others = line.partition(":")
        needs[_name(path)] = (modules / path, [_name(other) for other in others.split()])
    order: dict[str, Path] = {}
    for wanted in MODULES:
        for name in (*reversed(needs[wanted][1]), wanted):
            order.setdefault(name, needs[name][0])
    return order


def _name(path: str) -> str:
    return Path(path).name.partition(".ko")[0].replace("-", "_")


if __name__ == "__main__":
    sys.exit(main())
