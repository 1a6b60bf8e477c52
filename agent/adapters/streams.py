"""The standard streams of an attached container: the body goes in, output and errors come out, until the end or a deadline.

Writing and reading go on side by side, or a function that answers before it has read everything would block both for ever.
Output is kept up to a limit and counted beyond it; of the errors the end is kept, where a traceback has its point.
"""

from __future__ import annotations

import selectors
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

OUTPUT_LIMIT_BYTES = 256 * 1024
# As much as a message to the controller carries comfortably.
ERROR_LIMIT_BYTES = 8 * 1024

_HEAD = struct.Struct(">BxxxL")
_STDERR = 2
_READ_BYTES = 64 * 1024


class Output:
    """What a function said, taken out of Docker's frames (stream, length, bytes) however they are cut."""

    def __init__(self) -> None:
        self._stdout, self._stderr, self._rest = bytearray(), bytearray(), bytearray()
        self._stream, self._missing = 0, 0
        self.size_bytes = 0

    @property
    def text(self) -> str:
        """The standard output, up to the limit."""
        return self._stdout.decode(errors="replace")

    @property
    def error(self) -> str:
        """The end of the standard error."""
        return self._stderr.decode(errors="replace")

    @property
    def is_cut(self) -> bool:
        """Whether there was more output than is kept."""
        return self.size_bytes > OUTPUT_LIMIT_BYTES

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the wire."""
        self._rest += chunk
        while self._rest:
            if not self._missing:
                if len(self._rest) < _HEAD.size:
                    return
                self._stream, self._missing = _HEAD.unpack_from(self._rest)
                del self._rest[: _HEAD.size]
            piece = bytes(self._rest[: self._missing])
            del self._rest[: len(piece)]
            self._missing -= len(piece)
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        if self._stream == _STDERR:
            self._stderr += piece
            del self._stderr[:-ERROR_LIMIT_BYTES]
            return
        self.size_bytes += len(piece)
        self._stdout += piece[: OUTPUT_LIMIT_BYTES - len(self._stdout)]


class Streams:
    """An attached socket, and what is still to be written to it."""

    def __init__(self, wire: socket.socket, body: bytes) -> None:
        wire.setblocking(False)
        self._wire, self._body = wire, memoryview(body)
        self._open_for_body = True
        self.output = Output()

    def write(self) -> None:
        """Write as much of the body as fits, and close that side after the last of it."""
        with suppress(BlockingIOError):
            while self._body:
                self._body = self._body[self._wire.send(self._body) :]
            if self._open_for_body:
                self._open_for_body = False
                self._wire.shutdown(socket.SHUT_WR)

    def exchange(self, until_mono_s: float, monotonic: Callable[[], float]) -> bool:
        """Write and read until the other side ends (True) or the time does (False)."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wire, selectors.EVENT_READ | (selectors.EVENT_WRITE if self._open_for_body else 0))
            while (left_s := until_mono_s - monotonic()) > 0:
                for _, ready in selector.select(left_s):
                    if ready & selectors.EVENT_WRITE:
                        self._write_or_stop(selector)
                    if ready & selectors.EVENT_READ and self._has_ended():
                        return True
        return False

    def _write_or_stop(self, selector: selectors.BaseSelector) -> None:
        try:
            self.write()
        except OSError:  # it ended without reading everything, which is its right
            self._open_for_body = False
        if not self._open_for_body:
            selector.modify(self._wire, selectors.EVENT_READ)

    def _has_ended(self) -> bool:
        try:
            chunk = self._wire.recv(_READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return True
        self.output.feed(chunk)
        return not chunk
