"""Where keepers come from: one small process that has loaded all they need, and forks one for each run.

An interpreter of its own for each keeper costs thirty milliseconds of a fast processor before the command begins, and 10 MB for as
long as it runs. The process begins with the first run, and ends with the agent; its keepers outlive both. What may fail: `OSError`
where it cannot begin. One that was killed is made anew by the next run.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from agent.adapters import keeper


@dataclass(frozen=True, slots=True)
class _Origin:
    """The process, and our end of the way to it."""

    pid: int
    way: socket.socket


class Keepers:
    """Begins keepers. Usable from several threads: whoever speaks with their origin holds it, and the others wait."""

    def __init__(self) -> None:
        self._held: SimpleQueue[_Origin | None] = SimpleQueue()
        self._held.put(None)

    def begin(self, ticket: Path) -> int:
        """Have a keeper begin with this ticket; the descriptor becomes readable when it has ended, and is the caller's to close."""
        ours, theirs = os.pipe()
        try:
            self._say(ticket, theirs)
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return ours

    def _say(self, ticket: Path, theirs: int) -> None:
        origin = self._held.get()
        try:
            if origin is None or not _said(origin, ticket, theirs):
                origin = _made(origin)
                if not _said(origin, ticket, theirs):
                    raise ChildProcessError("the keepers' process ends as it begins")
        finally:
            self._held.put(origin)


def _said(origin: _Origin, ticket: Path, theirs: int) -> bool:
    try:
        socket.send_fds(origin.way, [os.fsencode(ticket)], [theirs])
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def _made(earlier: _Origin | None) -> _Origin:
    if earlier is not None:
        earlier.way.close()
        with suppress(ChildProcessError):
            os.waitpid(earlier.pid, os.WNOHANG)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    to = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0), *to]
    command = [sys.executable, "-I", "-S", keeper.__file__]
    with theirs:
        return _Origin(os.posix_spawn(sys.executable, command, os.environ, file_actions=actions), ours)
