"""Runs a program of the system to its end and returns what it said.

What may fail: the program is missing, refuses, or does not end in time. Each is told as `CommandError` with the
command and its own last words, because in the lab a failed command is always the end of the story: nothing here
retries. Where failing is an answer, ask `succeeds`.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence

PATIENCE_S = 60.0
# Nothing the lab runs to its end takes longer, short of a hung engine.

_LAST_WORDS_CHARS = 2000
_FOREIGN = re.compile(r"DOCKER_.*|NOTIFY_SOCKET|.*_proxy", re.IGNORECASE)


class CommandError(RuntimeError):
    """A program of the system ended badly, or did not end."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return our environment, fit for the lab.

    The system's own programs are on PATH (a plain `su` leaves /usr/sbin out). What belongs to the person's world and
    not to the lab's is left out: proxies cannot reach its addresses, and its engines are not the person's.
    """
    ours = {key: value for key, value in os.environ.items() if not _FOREIGN.fullmatch(key)}
    path = ours.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    return {**ours, "PATH": f"{path}:/usr/local/sbin:/usr/sbin:/sbin", **(extra or {})}


def run(
    command: Sequence[str],
    *,
    given: bytes = b"",
    extra: Mapping[str, str] | None = None,
    within_s: float = PATIENCE_S,
) -> str:
    """Run a command to its end and return its standard output; raise `CommandError` with its last words."""
    try:
        ended = subprocess.run(
            command, input=given, env=environment(extra), capture_output=True, timeout=within_s, check=False
        )
    except FileNotFoundError as missing:
        raise CommandError(f"{command[0]} is not installed: {' '.join(command)}") from missing
    except subprocess.TimeoutExpired as late:
        raise CommandError(f"did not end within {within_s:g} s: {' '.join(command)}") from late
    if ended.returncode != 0:
        words = (ended.stderr or ended.stdout).decode(errors="replace").strip()[-_LAST_WORDS_CHARS:]
        raise CommandError(f"exit {ended.returncode}: {' '.join(command)}\n{words}")
    return ended.stdout.decode(errors="replace")


def succeeds(command: Sequence[str]) -> bool:
    """Say whether a command is there and ends well; what it says is dropped."""
    try:
        run(command)
    except CommandError:
        return False
    return True
