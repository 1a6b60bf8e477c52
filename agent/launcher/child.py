"""Starting a release: in our own place, or on trial as a child that is watched until it is kept.

In our own place means `exec`: outside of a trial no process stands between systemd and the agent, and nothing is paid for. On trial
we stay its parent for as long as it lives: its words to systemd pass through us, but for STOPPING, which would end the unit and not
the trial; it ends when we do, even by SIGKILL; and SIGTERM and SIGINT go on to it.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from agent.launcher.markers import BASE, LAUNCH, RELEASE, RELEASES, SUPERVISED
from agent.launcher.signals import heeding
from agent.launcher.vigil import Ending, Vigil

LOOK_EVERY_S = 0.5
"""Whether it was kept, and whether it lives: seen soon enough by a person, and a thousandth of a Pi Zero."""

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Command:
    """How a release of a folder is started, with which arguments."""

    folder: Path
    arguments: tuple[str, ...] = ()
    us: str = BASE

    def of(self, name: str) -> list[str]:
        """The command of one release; the base, or the release that our container is, is where we are."""
        if name == self.us:
            return [sys.executable, "-P", "-m", "agent", *self.arguments]
        return [str(self.folder / name / "bin" / "bramble-agent"), *self.arguments]

    def environment(self, name: str, environ: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
        """What it is told; a watchdog is systemd's, whoever of us answers it."""
        launch = [sys.executable, "-P", "-m", "agent.launcher", "--releases", str(self.folder), "--", *self.arguments]
        left_out = (SUPERVISED, "WATCHDOG_PID")
        own = {RELEASES: str(self.folder), RELEASE: name, LAUNCH: json.dumps(launch)}
        return {key: value for key, value in environ.items() if key not in left_out} | own | dict(more)


def replace_us(command: Command, name: str, environ: Mapping[str, str]) -> OSError:
    """Become a release; what comes back is why that is impossible."""
    try:
        os.execve(command.of(name)[0], command.of(name), command.environment(name, environ, {}))  # noqa: S606
    except OSError as error:
        return error


@dataclass(slots=True)
class Child:
    """A release on trial; `pid` is 0 while it does not run."""

    command: Command
    name: str
    within_s: float
    is_kept: Callable[[], bool]
    environ: Mapping[str, str]
    pid: int = 0
    is_stopping: bool = False
    _ear: Ear = field(init=False)

    def __post_init__(self) -> None:
        self._ear = Ear(self.environ.get("NOTIFY_SOCKET", ""))

    def run(self) -> Ending | OSError:
        """Start it, and stay until it has ended."""
        with heeding(self._pass_on), closing(self._ear):
            self._ear.say("WATCHDOG=1")  # it has the whole time of the watchdog to begin
            started = self._start()
            return started if started is not None else self._watch()

    def _start(self) -> OSError | None:
        """Fork and become it; whatever keeps it from starting comes back through a pipe that closes with `exec`."""
        more = {SUPERVISED: "1"} | ({"NOTIFY_SOCKET": self._ear.name} if self._ear.name else {})
        environment, arguments = self.command.environment(self.name, self.environ, more), self.command.of(self.name)
        read, write = os.pipe()
        parent, self.pid = os.getpid(), os.fork()
        if self.pid == 0:
            _become(arguments, environment, parent, write)
        os.close(write)
        with os.fdopen(read) as told:
            number = told.read()
        if not number:
            if self.is_stopping:  # we were told so before it was there to be told
                os.kill(self.pid, signal.SIGTERM)
            return None
        os.waitpid(self.pid, 0)
        self.pid = 0
        return OSError(int(number), os.strerror(int(number)))

    def _watch(self) -> Ending:
        vigil = Vigil(time.monotonic() + self.within_s)
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0  # its number may be somebody else's from now on
                code = os.waitstatus_to_exitcode(status)
                return vigil.ended(code, is_kept=self.is_kept(), is_stopping=self.is_stopping)
            vigil, number = vigil.saw(time.monotonic(), is_kept=self.is_kept(), is_stopping=self.is_stopping)
            if number:
                os.kill(self.pid, number)
            self._ear.pass_on(LOOK_EVERY_S, is_stopping=self.is_stopping)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        self.is_stopping = True
        if self.pid:
            with suppress(ProcessLookupError):  # it has ended in this very moment
                os.kill(self.pid, number)


def _become(arguments: Sequence[str], environment: Mapping[str, str], parent: int, write: int) -> None:
    """The child's side: end with the parent, and become the release."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            os.execve(arguments[0], list(arguments), dict(environment))  # noqa: S606 - it is a path of ours
    except OSError as error:
        os.write(write, str(error.errno).encode())
    finally:
        os._exit(127)


class Ear:
    """Where a child's words to systemd arrive, if systemd listens at all."""

    def __init__(self, address: str) -> None:
        self.name, self._heard = "", None
        self._to = "\0" + address[1:] if address.startswith("@") else address
        if address.startswith(("/", "@")):
            self.name = f"@bramble-launch-{os.getpid()}"
            self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._heard.bind("\0" + self.name[1:])

    def pass_on(self, timeout_s: float, *, is_stopping: bool) -> None:
        """Wait for words for so long, and pass them on."""
        ready, _, _ = select.select([self._heard] if self._heard else [], [], [], timeout_s)
        if ready and self._heard:
            words = self._heard.recv(4096).decode(errors="replace").splitlines()
            self.say(*(word for word in words if is_stopping or not word.startswith(("STOPPING=", "MAINPID="))))

    def say(self, *words: str) -> None:
        """Tell systemd; nobody listening is no failure."""
        if not words or self._heard is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
                wire.setblocking(False)
                wire.sendto("\n".join(words).encode(), self._to)
        except OSError:
            return

    def close(self) -> None:
        """Listen no more."""
        if self._heard is not None:
            self._heard.close()
