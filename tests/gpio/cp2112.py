"""A GPIO chip without hardware: emulates Silicon Labs' CP2112 to the kernel's own driver, through /dev/uhid.

The kernel then shows a real `/dev/gpiochip0` with eight lines, whose edges its driver finds by polling. Runs as a process of its
own (`python -m tests.gpio.cp2112 SOCKET`), because a process that holds the interpreter's lock in one of the chip's system calls
would wait for itself. Orders on the socket: `set LINE LEVEL` puts a line to a level from outside, `get` asks; the answer is all
levels as a number. Reports and their numbers are those of the data sheet (AN495).
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading

DESTROY, GET_REPORT, GET_REPLY, CREATE2, SET_REPORT, SET_REPLY = 1, 9, 10, 11, 13, 14
"""Events of uhid (linux/uhid.h)."""
VENDOR, PRODUCT, USB = 0x10C4, 0xEA90, 3

CONFIG, READ, WRITE, VERSION, SMBUS, LOCK = 2, 3, 4, 5, 6, 0x20
TEXTS = (0x22, 0x23, 0x24)

FEATURES = {CONFIG: 4, READ: 1, WRITE: 2, VERSION: 2, SMBUS: 13, LOCK: 1, 0x21: 9, 0x22: 61, 0x23: 61, 0x24: 61}
INPUTS = {0x13: 62, 0x16: 6}
OUTPUTS = {0x10: 3, 0x11: 5, 0x12: 3, 0x14: 62, 0x15: 1, 0x17: 1}
"""The reports of each sort, with their sizes in bytes."""

SAID = {
    VERSION: bytes([VERSION, 0x0C, 0x03]),
    SMBUS: bytes([SMBUS]) + struct.pack(">IBBHHBH", 100_000, 2, 0, 0, 0, 0, 0),
    LOCK: bytes([LOCK, 0]),
    **{text: bytes([text, 4, 3, 0x42, 0]) for text in TEXTS},
}
EVENT_BYTES = 4380
EIO = 5


def description() -> bytes:
    """What the device says of its reports (HID): a collection of the vendor's own."""
    said = bytes.fromhex("0600ff0901a1011500 26ff00 7508")
    for reports, item in ((FEATURES, 0xB1), (INPUTS, 0x81), (OUTPUTS, 0x91)):
        for number, size in reports.items():
            said += bytes([0x85, number, 0x95, size, 0x09, 1, item, 2])
    return said + b"\xc0"


class Chip:
    """Eight lines, all high at first, as pull-ups would have them."""

    def __init__(self) -> None:
        self.levels = 0xFF
        self._config = bytes(3)
        self._uhid = os.open("/dev/uhid", os.O_RDWR)
        texts = b"Bramble CP2112".ljust(128, b"\0") + b"uhid".ljust(64, b"\0") + b"1".ljust(64, b"\0")
        about = description()
        numbers = struct.pack("<HHIIII", len(about), USB, VENDOR, PRODUCT, 0, 0)
        os.write(self._uhid, struct.pack("<I", CREATE2) + texts + numbers + about.ljust(4096, b"\0"))
        threading.Thread(target=self._answer, daemon=True).start()

    def drive(self, line: int, *, high: bool) -> None:
        """Put a line to a level from outside."""
        self.levels = self.levels | 1 << line if high else self.levels & ~(1 << line)

    def _answer(self) -> None:
        while True:
            event = os.read(self._uhid, EVENT_BYTES)
            (kind,) = struct.unpack_from("<I", event)
            if kind == GET_REPORT:
                number, report = struct.unpack_from("<IB", event, 4)
                said = self._said(report)
                head = struct.pack("<IIHH", GET_REPLY, number, 0 if said else EIO, len(said))
                os.write(self._uhid, head + said.ljust(4096, b"\0"))
            elif kind == SET_REPORT:
                number, _, _, size = struct.unpack_from("<IBBH", event, 4)
                self._take(event[12 : 12 + size])
                os.write(self._uhid, struct.pack("<IIH", SET_REPLY, number, 0))

    def _said(self, report: int) -> bytes:
        if report == CONFIG:
            return bytes([CONFIG, *self._config, 0])
        return bytes([READ, self.levels]) if report == READ else SAID.get(report, b"")

    def _take(self, report: bytes) -> None:
        if report[0] == CONFIG:
            self._config = report[1:4]
        elif report[0] == WRITE:
            levels, mask = report[1], report[2]
            self.levels = self.levels & ~mask | levels & mask


def serve(path: str) -> None:
    """Do what the socket says, for ever."""
    chip = Chip()
    asked = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    asked.bind(path)
    while True:
        order, back = asked.recvfrom(64)
        match order.decode().split():
            case ["set", line, level]:
                chip.drive(int(line), high=level == "1")
        asked.sendto(str(chip.levels).encode(), back)


if __name__ == "__main__":
    serve(sys.argv[1])
