"""HTTP/1.1 on a socket that is kept open: one request, one answer, nothing of anybody's framework.

Python's own client reads headers as e-mail and costs four times what a warm function's answer does. This one reads what functions
send: a length, chunks, or everything until the end; interim answers are passed over. Of a body as much is kept as a result may
hold, and the rest is read and counted. What may fail: `OSError` (with `TimeoutError` for a deadline), and `NoHttpError` for an
answer that is none; after either the connection is of no use any more.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

HEAD_LIMIT_BYTES = 64 * 1024
# More headers than any function sends; a stream without an end is no head.
_READ_BYTES = 64 * 1024
_LINE, _END = b"\r\n", b"\r\n\r\n"
_BODILESS = (204, 304)
_INTERIM = range(100, 200)
_TIMEVAL, _TIMEVAL_64, _TIMES_64 = struct.Struct("@ll"), struct.Struct("@qq"), (66, 67)
# SO_RCVTIMEO and SO_SNDTIMEO where a 32-bit system counts time in 64 bits (Debian from 13 on): they take two of those.


class NoHttpError(OSError):
    """What answered does not speak HTTP."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered. `body` is its beginning, `size_bytes` what all of it was."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    size_bytes: int

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.status // 100 == 2


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1", "replace") + body


def timeval(option: int, seconds: float) -> bytes:
    """How long a socket that blocks may take, as `setsockopt` wants it for this option; never for ever."""
    whole_s, microseconds = divmod(max(1, round(seconds * 1_000_000)), 1_000_000)
    return (_TIMEVAL_64 if option in _TIMES_64 else _TIMEVAL).pack(whole_s, microseconds)


class HttpWire:
    """One connection; for one request at a time. Since when it rests is noted by whoever keeps it.

    The kernel minds the time: Python would ask it before each call whether that will block, and hold still for the interpreter's
    lock after each, which other threads may keep for milliseconds.
    """

    def __init__(self, sock: socket.socket, monotonic: Callable[[], float], limit_bytes: int) -> None:
        sock.settimeout(None)
        self.sock, self._monotonic, self._limit_bytes = sock, monotonic, limit_bytes
        self._rest = b""
        self._until_mono_s = 0.0
        self._body, self._size_bytes = bytearray(), 0
        self._unsaid = memoryview(b"")
        self._broken: OSError | None = None
        self.is_reusable = True
        self.rests_mono_s = 0.0

    @property
    def is_quiet(self) -> bool:
        """Whether the other side has neither closed nor said anything unasked: then it can be asked again."""
        return self.is_reusable and not self._rest and self._is_silent()

    def say(self, sent: bytes, until_mono_s: float) -> None:
        """Send of a request what goes without waiting, and nothing of one whose deadline is over; `hear` tells what broke.

        Who does not read to the end may answer nevertheless.
        """
        self.is_reusable = False
        self._until_mono_s = until_mono_s
        self._body, self._size_bytes = bytearray(), 0
        self._unsaid, self._broken = memoryview(sent), None
        try:
            self._left_s()
            self._unsaid = self._unsaid[self.sock.send(sent, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            return
        except OSError as error:
            self._broken = error

    def hear(self) -> Reply:
        """Send the rest of it, and read the answer whole."""
        broken = self._broken or self._send()
        try:
            status, reason, headers = self._head()
        except OSError as error:
            raise broken or error from error
        keeps = self._read(status, headers)
        self.is_reusable = keeps and broken is None and headers.get("connection", "").lower() != "close"
        return Reply(status, reason, headers, bytes(self._body), self._size_bytes)

    def close(self) -> None:
        """Let go of it."""
        self.sock.close()

    def _send(self) -> OSError | None:
        try:
            while self._unsaid:
                self._allow(socket.SO_SNDTIMEO)
                self._unsaid = self._unsaid[self.sock.send(self._unsaid) :]
        except TimeoutError:
            raise
        except BlockingIOError:
            raise TimeoutError("it does not read") from None
        except OSError as error:
            return error
        return None

    def _head(self) -> tuple[int, str, dict[str, str]]:
        while True:
            head = self._until(_END).decode("latin-1").split("\r\n")
            version, _, rest = head[0].partition(" ")
            code, _, reason = rest.partition(" ")
            if not version.startswith("HTTP/1.") or not code.isdecimal():
                raise NoHttpError(f"it answered {head[0][:60]!r}, which is no HTTP")
            if int(code) not in _INTERIM:
                break
        pairs = (line.partition(":") for line in head[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if version == "HTTP/1.0":
            headers.setdefault("connection", "close")
        return int(code), reason, headers

    def _read(self, status: int, headers: Mapping[str, str]) -> bool:
        """Read the body; whether the connection can be used again."""
        if status in _BODILESS:
            return True
        if headers.get("transfer-encoding", "").lower() == "chunked":
            self._chunks()
            return True
        length = headers.get("content-length", "")
        if length.isdecimal():
            self._take(int(length))
            return True
        while chunk := self._rest or self._receive():
            self._keep(chunk)
            self._rest = b""
        return False

    def _chunks(self) -> None:
        while True:
            size = self._until(_LINE).partition(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                raise NoHttpError(f"it sent a chunk of {size[:20]!r} bytes") from None
            if not length:
                while self._until(_LINE):
                    pass
                return
            self._take(length)
            self._until(_LINE)

    def _take(self, length: int) -> None:
        while length:
            if not self._rest:
                self._rest = self._more()
            piece, self._rest = self._rest[:length], self._rest[length:]
            length -= len(piece)
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        self._size_bytes += len(piece)
        self._body += piece[: max(0, self._limit_bytes - len(self._body))]

    def _until(self, end: bytes) -> bytes:
        """Read up to a mark, and past it."""
        while end not in self._rest:
            if len(self._rest) > HEAD_LIMIT_BYTES:
                raise NoHttpError(f"its head has more than {HEAD_LIMIT_BYTES} bytes")
            self._rest += self._more()
        found, _, self._rest = self._rest.partition(end)
        return found

    def _more(self) -> bytes:
        chunk = self._receive()
        if not chunk:
            raise ConnectionResetError("it closed the connection before its answer was whole")
        return chunk

    def _receive(self) -> bytes:
        self._allow(socket.SO_RCVTIMEO)
        try:
            return self.sock.recv(_READ_BYTES)
        except BlockingIOError:
            raise TimeoutError("its time is over") from None

    def _is_silent(self) -> bool:
        try:
            self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _allow(self, option: int) -> None:
        """Let the next call that blocks take what is left."""
        self.sock.setsockopt(socket.SOL_SOCKET, option, timeval(option, self._left_s()))

    def _left_s(self) -> float:
        left_s = self._until_mono_s - self._monotonic()
        if left_s <= 0:
            raise TimeoutError("its time is over")
        return left_s
