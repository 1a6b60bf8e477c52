"""A process of the lab: started with a log of its own, ended politely or at once, and waited for.

Each process leads a session of its own, so that Ctrl-C in the terminal reaches only the story, which then ends
things in order, and so that ending a process ends its children too. Nothing here remembers what it started: a run's
processes are found by the mark in their environment (lab/traces.py).

What may fail: the program is missing (`FileNotFoundError`), or what is waited for does not come (`TooLateError`, with
the end of the log).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import commands

POLL_S = 0.02
START_S = 20.0
# An engine is up in 0.3 s on a fast machine; a Pi with a slow card and three engines at once takes fifty times that.
GRACE_S = 5.0

_LOG_TAIL_CHARS = 1500


class TooLateError(RuntimeError):
    """Something awaited did not come true before its deadline."""


@dataclass(frozen=True, slots=True)
class Process:
    """A started program, its log file and its place in the process table."""

    name: str
    log_path: Path
    popen: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def is_running(self) -> bool:
        return self.popen.poll() is None

    def log(self) -> str:
        """Return everything the process wrote to its standard output and error."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait(self, within_s: float = GRACE_S) -> int:
        """Wait for the end and return the exit code (negative: the signal that ended it)."""
        try:
            return self.popen.wait(within_s)
        except subprocess.TimeoutExpired as late:
            raise TooLateError(f"{self.name} (pid {self.pid}) still runs after {within_s:g} s") from late

    def terminate(self, grace_s: float = GRACE_S) -> int:
        """Ask for the end with SIGTERM; enforce it when the grace is over."""
        self._signal(signal.SIGTERM)
        try:
            return self.wait(grace_s)
        except TooLateError:
            return self.kill()

    def kill(self) -> int:
        """End the process and its children at once, with SIGKILL."""
        self._signal(signal.SIGKILL)
        return self.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running:
            os.killpg(self.pid, number)


def spawn(
    name: str,
    command: Sequence[str],
    log_path: Path,
    *,
    extra: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Process:
    """Start a program that writes into (at the end of) a log file."""
    with log_path.open("ab") as log:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=commands.environment(extra),
            cwd=directory,
            start_new_session=True,
        )
    return Process(name, log_path, popen)


def wait_until(claim: Callable[[], bool], what: str, within_s: float = START_S) -> None:
    """Return as soon as the claim is true; raise `TooLateError` when it stays false."""
    deadline_mono_s = time.monotonic() + within_s
    while not claim():
        if time.monotonic() > deadline_mono_s:
            raise TooLateError(f"waited {within_s:g} s in vain: {what}")
        time.sleep(POLL_S)


def wait_ready(process: Process, claim: Callable[[], bool], within_s: float = START_S) -> None:
    """Return when the claim is true; raise `TooLateError` with the log when the process ends or the time does."""
    try:
        wait_until(lambda: claim() or not process.is_running, f"{process.name} to be ready", within_s)
    except TooLateError as late:
        raise TooLateError(f"{late}\n{process.log()[-_LOG_TAIL_CHARS:]}") from late
    if not process.is_running:
        raise TooLateError(f"{process.name} ended at its start: {process.log()[-_LOG_TAIL_CHARS:].strip()}")


def accepts(address: str, port: int) -> bool:
    """Say whether somebody accepts TCP connections there."""
    try:
        with socket.create_connection((address, port), timeout=1.0):
            return True
    except OSError:
        return False


def free_port(address: str) -> int:
    """Return a port that nobody uses at this address now (somebody else may be quicker: start, look, try again)."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
