"""Keeps one process of a function: starts it under its limits, hears it out, ends it in time, and writes down what came of it.

A program of its own, with nothing but the standard library: it outlives the agent, so a crash of the agent loses no result and
no timeout. Run as `python -I -S keeper.py` with a socket as its standard input: it forks a keeper for each ticket that is said
there, so a run waits for no interpreter, and ends when nobody can say one any more; its keepers go on. What a keeper finds beside
its ticket: `terms` (seconds, memory, largest file, user, and the command), `body`, `environ` (NUL between all of them), `work` and
`secrets`. The ticket becomes `kept` (who keeps and who is kept) before the command begins; where it was made void, nothing begins.
Then come `out`, `err` and at last `ended` (code, killed in time, size, seconds, and why it could not begin).
"""

# ruff: noqa: PTH104, PTH116, PTH120, PTH123

from __future__ import annotations

import _socket
import math
import os
import pwd
import resource
import select
import signal
import sys
import time
import warnings  # noqa: F401 - what looks a command up imports it, and its user may not reach our library any more

OUTPUT_LIMIT_BYTES = 256 * 1024
ERROR_LIMIT_BYTES = 8 * 1024
# As of a container: `agent.adapters.streams`.
DRAIN_S = 1.0
# What a process that has ended wrote before arrives at once; whoever else holds its output is not waited for.
FILES_MOST = 1024
CODE_OF_SIGNAL = 128
# An exit by a signal is told as a shell and Docker do.
CANNOT_BEGIN = 127
PATH_BYTES = 4096
# As long as a path may be: one is said at a time.
_READ_BYTES = 64 * 1024


def line(pid: int) -> str:
    """What tells a process from any other that ever was: its boot, its number, and when it began."""
    with open("/proc/sys/kernel/random/boot_id") as boot, open(f"/proc/{pid}/stat") as stat:
        return f"{boot.read().strip()} {pid} {stat.read().rpartition(')')[2].split()[19]}"


class Pipe:
    """What comes out of one end of the process, up to a limit: the beginning of its output, the end of its errors."""

    def __init__(self, limit: int, *, keeps_end: bool) -> None:
        self._limit, self._keeps_end = limit, keeps_end
        self.read_end, self.write_end = os.pipe()
        self.kept, self.size = bytearray(), 0

    def take(self) -> bool:
        """Read once; False when nothing more can come."""
        chunk = os.read(self.read_end, _READ_BYTES)
        self.size += len(chunk)
        if self._keeps_end:
            self.kept += chunk
            del self.kept[: -self._limit]
        else:
            self.kept += chunk[: self._limit - len(self.kept)]
        return bool(chunk)


Limits = list[tuple[int, int]]
Terms = tuple[Limits, str, list[str]]


def serve(control: int) -> None:
    """Fork a keeper for each ticket. With it comes what the keeper holds until its end, for whoever waits for that."""
    os.setsid()
    os.chdir("/")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody is waited for here
    asked, room = _socket.socket(fileno=control), _socket.CMSG_LEN(4)
    while True:
        ticket, sent, _, _ = asked.recvmsg(PATH_BYTES, room)
        if not ticket:
            return
        held = int.from_bytes(sent[0][2], sys.byteorder)
        if os.fork() == 0:
            try:
                _settle(control, held)
                keep(os.fsdecode(ticket))
            finally:
                os._exit(0)
        os.close(held)


def _settle(control: int, held: int) -> None:
    """Become a keeper: with a session of its own, and nothing of the socket, or its other end would never learn of our end."""
    os.setsid()
    os.set_inheritable(held, False)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, control)
    os.close(nothing)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def keep(ticket: str) -> None:
    """Run a command to its end and write down what came of it."""
    folder = os.path.dirname(ticket)
    timeout_s, terms = _terms(folder)
    out, err = Pipe(OUTPUT_LIMIT_BYTES, keeps_end=False), Pipe(ERROR_LIMIT_BYTES, keeps_end=True)
    gate, fault = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(gate[1])
        _run(folder, terms, (gate[0], fault[1]), (out.write_end, err.write_end))
    for end in (out.write_end, err.write_end, gate[0], fault[1]):
        os.close(end)
    with open(ticket, "r+") as claim:  # fails where it was made void, as does the next; then nothing begins
        claim.write(f"{line(os.getpid())}\n{line(pid)}\n")
    os.rename(ticket, f"{folder}/kept")
    os.write(gate[1], b"1")
    begun_mono_s = time.monotonic()
    timed_out = _follow(pid, (out, err), begun_mono_s + timeout_s)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = CODE_OF_SIGNAL - code if code < 0 else code
    said = f"{code} {int(timed_out)} {out.size} {time.monotonic() - begun_mono_s:.6f}"
    _write(folder, (out, err), f"{said}\n{os.read(fault[0], _READ_BYTES).decode(errors='replace')}")


def _run(folder: str, terms: Terms, gate_and_fault: tuple[int, int], ends: tuple[int, int]) -> None:
    """Be the command once the gate opens, and never return; what keeps it from beginning is said as the fault."""
    (limits, user, command), (gate, fault) = terms, gate_and_fault
    try:
        os.setsid()
        if os.read(gate, 1):
            environ = _environ(folder)
            _become(folder, limits, user, ends)
            _execute(command, environ)
    except (OSError, ValueError, KeyError) as error:
        why = f"{error.strerror}: {error.filename or command[0]}" if isinstance(error, OSError) else str(error)
        os.write(fault, why.encode())
    finally:
        os._exit(CANNOT_BEGIN)


def _follow(pid: int, pipes: tuple[Pipe, ...], until_mono_s: float) -> bool:
    """Read until the process ends, or end it; whether its time was over. What it leaves of its group ends with it."""
    ending, poll, timed_out = os.pidfd_open(pid), select.poll(), False
    reading = {pipe.read_end: pipe for pipe in pipes}
    for end in (ending, *reading):
        poll.register(end, select.POLLIN)
    has_ended = False
    while reading or not has_ended:
        left_s = until_mono_s - time.monotonic()
        if left_s <= 0 and has_ended:
            break
        if left_s <= 0 and not timed_out:
            timed_out = True
            os.killpg(pid, signal.SIGKILL)
        for end, _ in poll.poll(max(left_s, 0) * 1000 if not timed_out or has_ended else None):
            if end == ending:
                has_ended, until_mono_s = True, time.monotonic() + DRAIN_S
                poll.unregister(ending)
                os.killpg(pid, signal.SIGKILL)  # before it is waited for: until then the number is its own
            elif not reading[end].take():
                poll.unregister(end)
                del reading[end]
    return timed_out


def _become(folder: str, limits: Limits, user: str, ends: tuple[int, int]) -> None:
    """Put on what the command is to run in; the body is opened first, for what follows may shut it out."""
    os.dup2(os.open(f"{folder}/body", os.O_RDONLY), 0)
    os.dup2(ends[0], 1)
    os.dup2(ends[1], 2)
    os.chdir(f"{folder}/work")
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python has both ignored, and so would whatever it starts
        signal.signal(number, signal.SIG_DFL)
    for kind, most in limits:
        hard = resource.getrlimit(kind)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, bound))
    if user:
        entry = pwd.getpwnam(user)
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        os.stat(f"{folder}/secrets/.")  # says by name what this user cannot reach


def _execute(command: list[str], environ: dict[bytes, bytes]) -> None:
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606 - the whole point
    except OSError as error:  # the last place in which it was looked for says less than what was asked for
        raise OSError(error.errno, error.strerror, command[0]) from error


def _environ(folder: str) -> dict[bytes, bytes]:
    with open(f"{folder}/environ", "rb") as pairs:
        return dict(pair.partition(b"=")[::2] for pair in pairs.read().split(b"\0") if pair)


def _write(folder: str, pipes: tuple[Pipe, Pipe], said: str) -> None:
    for name, content in (("out", bytes(pipes[0].kept)), ("err", bytes(pipes[1].kept)), ("ending", said.encode())):
        with open(f"{folder}/{name}", "wb") as file:
            file.write(content)
    os.rename(f"{folder}/ending", f"{folder}/ended")


def _terms(folder: str) -> tuple[float, Terms]:
    with open(f"{folder}/terms") as terms:
        seconds, memory, largest, user, *command = terms.read().split("\0")
    return float(seconds), (_limits(float(seconds), int(memory), int(largest)), user, command)


def _limits(timeout_s: float, memory: int, largest: int) -> Limits:
    """What one process may use. Who leaves the group outlives its timeout, but not the time of all processors in it."""
    processor_s = math.ceil(timeout_s + 1) * (os.cpu_count() or 1)
    files = ((resource.RLIMIT_FSIZE, largest), (resource.RLIMIT_NOFILE, FILES_MOST), (resource.RLIMIT_CORE, 0))
    return [(resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, processor_s), *files]


if __name__ == "__main__":
    serve(0)
