"""The whole suite as parts side by side: the desk and the simulator compute, the three of the lab mostly wait for real engines.

`python -m tests.parts` gives each to a pytest of its own, says every line as it comes under the name of its part, and ends with
what each part came to and every test that failed; with 1 unless all passed. Whatever measures real time (a broker, an engine, a
link that is cut) is in one of the lab's parts, each with sites of its own, which do not meet (tests/lab/test_hosts.py); the others
are nice to them and take what time they leave.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = {
    "desk": "not lab and not broker and not slow",
    "sim": "slow and not lab and not broker",
    "engine": "(lab or broker) and not fleet and not updates",
    "fleet": "(lab or broker) and fleet and not updates",
    "updates": "(lab or broker) and updates",
}
"""The marks of each part; a test of any marks is in exactly one (tests/house/test_parts.py)."""

COMPUTES = ("desk", "sim")
NICE = 5
"""A quarter of a core where the lab wants it, and everything that is free where it waits. Their own deadlines need that much: at a
tenth, beside three parts of the lab, a Python takes half of them to start."""

WIDTH = max(map(len, PARTS))

MEMORY = Path("/dev/shm")
LEAST_FREE_BYTES = 1 << 30
"""The desk's files together take a fifth of this. Its tests sync thousands of times, and none is about what a card keeps."""


@dataclass
class Part:
    """One process, and what is to be repeated of it at the end."""

    name: str
    process: subprocess.Popen[str]
    last: str = "it said nothing"
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether it ended well; pytest that finds no tests does not."""
        return self.process.returncode == 0

    def relay(self) -> None:
        """Say its lines under its name until it ends."""
        begun_s = time.monotonic()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            text = line.rstrip()
            print(f"{self.name:>{WIDTH}} | {text}", flush=True)
            self.last = text or self.last
            if text.startswith(("FAILED ", "ERROR ")):
                self.failed.append(text)
        self.process.wait()
        self.seconds = time.monotonic() - begun_s

    def told(self) -> str:
        """What it came to: a line for it, and one for each test that failed."""
        verdict = "passed" if self.passed else f"FAILED ({self.process.returncode})"
        indent = " " * (WIDTH + 1)
        return f"\n{indent}".join(
            (f"{self.name:>{WIDTH}} {verdict} after {self.seconds:.0f} s: {self.last}", *self.failed)
        )


def run(commands: Mapping[str, Sequence[str]]) -> int:
    """Run these side by side to their ends, whatever the others come to; 0 if all of them passed."""
    parts = [Part(name, _started(name, command)) for name, command in commands.items()]
    readers = [threading.Thread(target=part.relay, name=part.name) for part in parts]
    try:
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    except KeyboardInterrupt:
        for part in parts:
            part.process.send_signal(signal.SIGINT)  # fixtures still take their hosts down
        for reader in readers:
            reader.join()
    print("\n".join(part.told() for part in parts), flush=True)
    return int(not all(part.passed for part in parts))


def command(name: str) -> list[str]:
    """What carries a part out, with a cache of its own."""
    tests = [sys.executable, "-m", "pytest", "-q", "-m", PARTS[name], "-o", f"cache_dir=.pytest_cache/{name}"]
    tests += ["-o", "tmp_path_retention_policy=failed"]  # what is kept would stay in memory
    return ["nice", "-n", str(NICE), *tests] if name in COMPUTES else tests


def _started(name: str, command: Sequence[str]) -> subprocess.Popen[str]:
    folder = _quick_folder() if name in COMPUTES else {}
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **folder}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,  # Ctrl-C reaches it through us, once: a second one would end the taking down of hosts
    )


def _quick_folder() -> dict[str, str]:
    """Where the files of tests go: into memory, if there is enough of it and programs in it may run."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return {}
    found = os.statvfs(MEMORY)
    is_fit = found.f_bavail * found.f_frsize >= LEAST_FREE_BYTES and not found.f_flag & os.ST_NOEXEC
    return {"PYTEST_DEBUG_TEMPROOT": str(MEMORY)} if is_fit else {}


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    sys.exit(run({name: command(name) for name in PARTS}))
