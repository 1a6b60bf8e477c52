"""The ways to instances of warm functions, and to the engine: where each is reached, and the connections that are kept open to it.

TCP to port 8080 of the container's address, or a unix socket in a directory that it has from us. An instance that went and came
again is another door. Usable from several threads: a connection is in one hand at a time, and what is idle waits in a deque.

A container's network goes with it, and what is sent there then is answered by nobody: whoever sees it end closes its door, and all
who wait for an answer hear so at once.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from agent.adapters.http_wire import HttpWire, Reply, timeval
from agent.adapters.streams import OUTPUT_LIMIT_BYTES

PORT = 8080
# OpenFaaS's.
REST_S = 1.0
# Servers close what rests: gunicorn after 2 s, Node and uvicorn after 5, OpenFaaS's watchdogs after their `read_timeout`, which may
# be as long as a timer's pause. A request that crosses that is lost; a new connection takes a tenth of a millisecond.
LOOK_UP_S = 0.25
# Who waits for a connection looks up that often whether the instance is still there.
_LONGEST_PATH = 100
# A unix socket's address has room for 107 bytes.


@dataclass(slots=True)
class Door:
    """One instance: its container, an address or the path of a socket, how much of an answer is kept, and its connections.

    Until `empty_until_mono_s` a watchdog may listen there and not yet the server behind it; 0.0 where somebody has answered.
    """

    container: str
    address: str
    monotonic: Callable[[], float]
    limit_bytes: int = OUTPUT_LIMIT_BYTES
    port: int = PORT
    empty_until_mono_s: float = 0.0
    is_closed: bool = False
    idle: deque[HttpWire] = field(default_factory=deque)
    sockets: set[socket.socket] = field(default_factory=set)

    def ask(self, sent: bytes, until_mono_s: float) -> Reply:
        """Send one request over a connection that is open, or over a new one, and wait for the answer."""
        return self.hear(self.say(sent, until_mono_s), sent, until_mono_s)

    def say(self, sent: bytes, until_mono_s: float) -> HttpWire | None:
        """Send one request over a connection that is open, as far as that goes without waiting; None where there is none."""
        wire = self._idle_wire()
        if wire is not None:
            wire.say(sent, until_mono_s)
        return wire

    def hear(self, wire: HttpWire | None, sent: bytes, until_mono_s: float) -> Reply:
        """Wait for the answer to a request that was said, or say it over a new connection first."""
        if wire is None:
            wire = HttpWire(self._connected(until_mono_s), self.monotonic, self.limit_bytes)
            wire.say(sent, until_mono_s)
        try:
            reply = wire.hear()
        except OSError:
            self._drop(wire)
            raise
        if wire.is_reusable:
            wire.rests_mono_s = self.monotonic()
            self.idle.append(wire)
        else:
            self._drop(wire)
        return reply

    def rest(self) -> None:
        """Let go of what is idle."""
        while self.idle:
            self._drop(self.idle.pop())

    def close(self) -> None:
        """Let go of everything: who waits for an answer has none, and who would still ask finds nobody."""
        self.is_closed = True
        self.rest()
        for one in list(self.sockets):
            with suppress(OSError):  # its own thread has closed it meanwhile, or has yet to connect it
                one.shutdown(socket.SHUT_RDWR)

    def _drop(self, wire: HttpWire) -> None:
        self.sockets.discard(wire.sock)
        wire.close()

    def _idle_wire(self) -> HttpWire | None:
        """The one that was used last, if it has not rested for long."""
        while self.idle:
            wire = self.idle.pop()
            if self.monotonic() < wire.rests_mono_s + REST_S and wire.is_quiet:
                return wire
            self._drop(wire)
        return None

    def _connected(self, until_mono_s: float) -> socket.socket:
        """A new connection. `ConnectionRefusedError` and `FileNotFoundError` say that nobody was asked."""
        is_path = self.address.startswith("/")
        made = socket.socket(socket.AF_UNIX if is_path else socket.AF_INET)
        self.sockets.add(made)
        try:
            connect = self._connect_path if is_path else self._connect_port
            connect(made, until_mono_s)
            self._still_there()
        except OSError:
            self.sockets.discard(made)
            made.close()
            raise
        return made

    def _connect_port(self, made: socket.socket, until_mono_s: float) -> None:
        made.setblocking(False)
        code, ready = made.connect_ex((self.address, self.port)), select.poll()
        ready.register(made, select.POLLOUT)
        while code == errno.EINPROGRESS:
            self._still_there()
            left_s = until_mono_s - self.monotonic()
            if left_s <= 0:
                raise TimeoutError("it takes no more connections")
            if ready.poll(1000 * min(left_s, LOOK_UP_S)):
                code = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:  # a network that went with its container knows no way there
            raise ConnectionRefusedError(code, os.strerror(code))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _connect_path(self, made: socket.socket, until_mono_s: float) -> None:
        # one that does not block is refused where others wait to be taken; one that does waits with them, in the kernel
        left_s = max(0.001, until_mono_s - self.monotonic())
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval(socket.SO_SNDTIMEO, left_s))
        try:
            _connect(made, Path(self.address))
        except BlockingIOError:
            raise TimeoutError("it takes no more connections") from None

    def _still_there(self) -> None:
        if self.is_closed:
            raise ConnectionRefusedError("its instance is gone")


def _connect(made: socket.socket, path: Path) -> None:
    """Connect to a path, however long it is."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        made.connect(str(path))
        return
    directory = os.open(path.parent, os.O_PATH)
    try:
        made.connect(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.close(directory)
