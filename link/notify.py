"""How a process says to systemd that it lives: `sd_notify(3)`, without a library.

One datagram with lines of `KEY=value` to the socket that systemd names in NOTIFY_SOCKET. Decided here: whether anybody
listens, and how often a watchdog wants to hear us. Not decided here: *when* the process is well. A loop tells WATCHDOG
only after a whole turn, so that a stuck turn ends in a restart (S12).

Telling never blocks and never raises: nobody listening, a full queue or a vanished socket are all `False`. A process
must not die of the one that watches it; a watchdog that hears nothing does its own part.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

READY = "READY=1"
"""The first turn is done: what was running before is looked after again. Units of Type=notify wait for it."""

WATCHDOG = "WATCHDOG=1"
STOPPING = "STOPPING=1"

WATCHDOG_SHARE = 1 / 3
"""Of the unit's WatchdogSec: two signs may be lost or late before systemd acts (sd_watchdog_enabled(3) asks for 1/2)."""

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Whoever started us, as far as it wants to hear from us; without an address it is nobody, and telling is no act."""

    address: str = ""
    watchdog_every_s: float | None = None

    def tell(self, *words: str) -> bool:
        """Send these words in one datagram, and say whether they left: `tell(READY, status("online"))`."""
        if not self.address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
                wire.setblocking(False)
                wire.sendto("\n".join(words).encode(errors="replace"), self.address)
        except OSError:
            return False
        return True


@dataclass(slots=True)
class SignsOfLife:
    """What a process tells its supervisor after each turn: how it is when that is news, that it is ready, that it lives."""

    supervisor: Supervisor
    _words: str = ""
    _is_ready: bool = False
    _due_mono_s: float = float("-inf")

    def tell(self, words: str, now_mono_s: float, *, is_ready: bool, is_alive: bool) -> None:
        """A turn is over; `is_alive` says that every other thread turns, too."""
        if words != self._words:
            self._words = words
            self.supervisor.tell(status(words))
        if is_ready and not self._is_ready:
            self._is_ready = True
            self.supervisor.tell(READY)
        every_s = self.supervisor.watchdog_every_s
        if every_s is not None and is_alive and now_mono_s >= self._due_mono_s:
            self._due_mono_s = now_mono_s + every_s
            self.supervisor.tell(WATCHDOG)


def supervisor(environ: Mapping[str, str], pid: int) -> Supervisor:
    """Read from the environment who listens; a watchdog that is meant for another process is none of ours."""
    name = environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return Supervisor()
    address = "\0" + name[1:] if name.startswith("@") else name
    return Supervisor(address, _watchdog_every_s(environ, pid))


def status(text: str) -> str:
    """One line for `systemctl status`."""
    return "STATUS=" + " ".join(text.split())


def _watchdog_every_s(environ: Mapping[str, str], pid: int) -> float | None:
    period_us, meant_for = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(pid))
    if not (period_us.isascii() and period_us.isdigit() and int(period_us) and meant_for == str(pid)):
        return None
    return int(period_us) / MICROSECONDS * WATCHDOG_SHARE
