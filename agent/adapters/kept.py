"""What one run of a process has on the disk: what it is given, who keeps it, and what came of it.

The directory is the memory over a crash. It is named by a digest of invocation and attempt; while it is there, the run is taken
over and never begun anew. A process is known by its boot, number and beginning (`keeper.line`), so no other is ever taken for it,
nor killed in its place.
"""

from __future__ import annotations

import os
import pwd
import secrets
import select
import shutil
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.adapters.keeper import OUTPUT_LIMIT_BYTES, line
from agent.decide.effects import Run
from agent.decide.inputs import Phase, RunEnded, RunSeen
from protocol.ids import INVOCATION_CHARS, digest

VOID = ".void"
"""What a directory is called that is on its way out: nothing begins in it any more."""

HANDLER, SECRETS = "handler.py", "secrets"
TICKET = "ticket-"
"""Each has a number of its own: one from before a crash lets nothing begin in a directory that was made anew."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a command runs: seconds, bytes of memory and of its largest file, as whom (empty: as the agent)."""

    timeout_s: float
    memory_bytes: int
    file_bytes: int
    user: str
    command: tuple[str, ...]

    @property
    def text(self) -> str:
        """As its keeper reads it."""
        limits = map(str, (self.timeout_s, self.memory_bytes, self.file_bytes))
        return _joined((*limits, self.user, *self.command))


@dataclass(frozen=True, slots=True)
class Kept:
    """The directory of one run."""

    folder: Path

    @classmethod
    def of(cls, home: Path, step: Run) -> Kept:
        """Where the run of a step has its place."""
        return cls(home / f"{digest(step.invocation, INVOCATION_CHARS)}-{step.attempt}")

    @property
    def exists(self) -> bool:
        """Whether the run has been prepared, by us or before a crash."""
        return self.folder.exists()

    @property
    def ticket(self) -> Path:
        """What lets one keeper begin, once."""
        return next(self.folder.glob(f"{TICKET}*"), self.folder / TICKET)

    def is_void(self) -> bool:
        """Whether nothing has begun here; from then on nothing will: the ticket is the keeper's or ours, and never both's."""
        with suppress(FileNotFoundError):
            self.ticket.rename(self.folder / "void")
        return not (self.folder / "kept").exists()

    def prepare(self, step: Run, environ: Mapping[str, str], terms: Terms) -> None:
        """Lay out what the process is given. Complete, or not there at all: it is renamed into its place."""
        making = self.folder.with_name(f"{self.folder.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700, parents=True)
        pairs = _joined(f"{name}={value}" for name, value in environ.items())
        texts = {"invocation": step.invocation, "body": step.body, "environ": pairs, "terms": terms.text}
        for name, content in texts.items():
            _written(making / name, content, 0o600)
        owned = [making / "work", making / SECRETS]
        for folder in owned:
            folder.mkdir(mode=0o700)
        for name, content in step.function.secrets.items():
            owned.append(_written(making / SECRETS / name, content, 0o400))
        _written(making / f"{TICKET}{secrets.token_hex(8)}", "", 0o600)
        if step.function.handler:
            _written(making / HANDLER, step.function.handler, 0o644)
        if terms.user:
            for path in (making, making.parent):
                path.chmod(0o711)
            entry = pwd.getpwnam(terms.user)
            for path in owned:
                os.chown(path, entry.pw_uid, entry.pw_gid)
        making.rename(self.folder)

    def ended(self, step: Run) -> RunEnded | None:
        """What came of it; None where that is not written down."""
        said, _, fault = _text(self.folder / "ended").partition("\n")
        if len(said.split()) != len(("code", "timed out", "size", "seconds")):
            return None  # not there, or a power cut has emptied it
        code, timed_out, size, seconds = said.split()
        reason = f"it cannot begin: {fault}" if fault else ""
        if timed_out == "1":
            reason = f"killed after its timeout of {step.function.timeout_s:g} s"
        elif int(size) > OUTPUT_LIMIT_BYTES:
            reason = f"the output was cut after {OUTPUT_LIMIT_BYTES} of {size} bytes"
        return RunEnded(
            step.invocation,
            step.attempt,
            None if timed_out == "1" or fault else int(code),
            output=_text(self.folder / "out"),
            error=_text(self.folder / "err"),
            reason=reason,
            timed_out=timed_out == "1",
            duration_s=float(seconds),
        )

    def wait(self, patience_s: float) -> None:
        """Wait for the keeper to end, if it is there."""
        lines = self._lines()
        if lines and _is_alive(lines[0]):
            with suppress(ProcessLookupError):
                wait_for(int(lines[0].split()[1]), patience_s)

    def kill(self) -> bool:
        """End the keeper and the whole group of what it keeps; whether anything was there."""
        alive = [one for one in self._lines() if _is_alive(one)]
        for one in alive:
            with suppress(ProcessLookupError):
                os.killpg(int(one.split()[1]), signal.SIGKILL)
        return bool(alive)

    def remove(self) -> None:
        """Have nothing begin here any more, end what runs, and take everything away."""
        self.is_void()
        void = Kept(self.folder.with_name(f"{self.folder.name}{VOID}"))
        shutil.rmtree(void.folder, ignore_errors=True)
        with suppress(FileNotFoundError):
            self.folder.rename(void.folder)
        void.kill()
        shutil.rmtree(void.folder, ignore_errors=True)

    def seen(self) -> RunSeen | None:
        """What is told of it; None for what is being made or on its way out."""
        name, _, attempt = self.folder.name.rpartition("-")
        if not name or not attempt.isdecimal():
            return None
        invocation = _text(self.folder / "invocation")
        phase = Phase.RUNNING if any(map(_is_alive, self._lines())) else Phase.EXITED
        return RunSeen(self.folder.name, self.folder.name, invocation, int(attempt), phase)

    def _lines(self) -> list[str]:
        """Who keeps and who is kept; nobody before it has begun."""
        return _text(self.folder / "kept").splitlines()


def _joined(texts: Iterable[str]) -> str:
    return "\0".join(text.replace("\0", "") for text in texts)


def wait_for(pid: int, patience_s: float) -> bool:
    """Wait until a process has ended, not necessarily a child of ours; False where it has not in time."""
    return has_ended(os.pidfd_open(pid), patience_s)


def has_ended(ending: int, patience_s: float) -> bool:
    """Wait until something happens to a descriptor, and close it; False where nothing did in time."""
    try:
        poll = select.poll()
        poll.register(ending, select.POLLIN)
        return bool(poll.poll(patience_s * 1000))
    finally:
        os.close(ending)


def _is_alive(said: str) -> bool:
    pid = said.split()[1]
    try:
        return line(int(pid)) == said and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _written(path: Path, content: str, mode: int) -> Path:
    path.write_bytes(content.encode())
    path.chmod(mode)
    return path
