"""The ways to instances of warm functions, and to the engine: where each is reached, and the connections that are kept open to it.

TCP to port 8080 of the container's address, or a unix socket in a directory that it has from us. An instance that went and came
again is another door. Usable from several threads: a connection is in one hand at a time, and what is idle waits in a deque.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agent.adapters.http_wire import HttpWire, Reply, timeval
from agent.adapters.streams import OUTPUT_LIMIT_BYTES

PORT = 8080
# OpenFaaS's.
_LONGEST_PATH = 100
# A unix socket's address has room for 107 bytes.


@dataclass(slots=True)
class Door:
    """One instance: its container, an address or the path of a socket, how much of an answer is kept, and idle connections."""

    container: str
    address: str
    monotonic: Callable[[], float]
    limit_bytes: int = OUTPUT_LIMIT_BYTES
    idle: deque[HttpWire] = field(default_factory=deque)

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
            wire.close()
            raise
        if wire.is_reusable:
            self.idle.append(wire)
        else:
            wire.close()
        return reply

    def close(self) -> None:
        """Let go of what is idle."""
        while self.idle:
            self.idle.pop().close()

    def _idle_wire(self) -> HttpWire | None:
        """The one that was used last: a function closes those that rest for long."""
        while self.idle:
            wire = self.idle.pop()
            if wire.is_quiet:
                return wire
            wire.close()
        return None

    def _connected(self, until_mono_s: float) -> socket.socket:
        left_s = max(0.001, until_mono_s - self.monotonic())
        if not self.address.startswith("/"):
            made = socket.create_connection((self.address, PORT), left_s)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made
        made = socket.socket(socket.AF_UNIX)
        try:
            # one that does not block is refused where others wait to be taken; one that does waits with them, in the kernel
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval(socket.SO_SNDTIMEO, left_s))
            _connect(made, Path(self.address))
        except BlockingIOError:
            made.close()
            raise TimeoutError("it takes no more connections") from None
        except OSError:
            made.close()
            raise
        return made


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
