"""Makes a release of the agent stand beside the one that runs: a virtual environment with everything it needs.

A wheel is fetched, from an index or by its URL, and must have the hash that was ordered; then it is installed into an environment
of its own, with whatever else drives pins on this node, and asked for its version. `complete` is written last, after all else has
reached the disk. Nothing of what runs is touched. It goes on in a thread, its work in processes that yield to everybody else.

What may fail: no route, no room and a network that ends in the middle are `Retry`; a version that does not exist, another hash, a
Python that is too old, or a release that does not start are `GiveUp`, with the installer's own last sentence.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

from agent.decide.inputs import Done, GiveUp, Outcome, Retry
from agent.launcher import markers
from agent.launcher.disk import Disk
from protocol.release import Release

NEEDED_BYTES = 150 * 2**20
"""An environment with its packages takes 40 MB (measured), pip and the wheels twice that while they are at work."""

WHEEL_BYTES_MOST = 64 * 2**20
"""Ours has a third of one MB; a hundred times that is no wheel of ours."""

WITHIN_S = 1800.0
"""A Pi Zero behind a mobile line; longer than this it hangs."""

NICE = "10"
"""A tenth of a core where others want it; at 19 a busy node would never come to its end (seen on a busy machine)."""

NO_ROUTE_S, NO_ROOM_S = 60.0, 300.0
"""When to try again."""

PIN_DRIVERS = ("lgpio", "rpi_lgpio", "RPi.GPIO", "pigpio")
"""What gpiozero drives pins with, where it was installed beside the agent and not by the system."""

PROJECT = "bramble-fleet"
WHEEL = "bramble_fleet-{}-"
EXTRA = "agent"
CHUNK_BYTES = 1 << 16

_TRY_AGAIN = (
    "connection",
    "timed out",
    "timeout",
    "temporary failure",
    "unreachable",
    "name resolution",
    "max retries",
)
_NO_ROOM = ("no space left", "errno 28")


class RefusedError(Exception):
    """It cannot work until something else changes."""


class UnreachedError(Exception):
    """The world did not cooperate; it may in a while."""

    def __init__(self, reason: str, after_s: float = NO_ROUTE_S) -> None:
        super().__init__(reason)
        self.after_s = after_s


@dataclass(slots=True)
class Installation:
    """One release in the making, in its own folder."""

    folder: Path
    name: str
    release: Release
    host: str = markers.BASE
    process: subprocess.Popen[str] | None = None
    is_cancelled: bool = field(default=False)

    def make(self) -> Outcome:
        """Make it complete, from nothing or from what a power cut left of it."""
        try:
            self._make()
        except RefusedError as error:
            return GiveUp(str(error))
        except UnreachedError as error:
            return Retry(str(error), error.after_s)
        except OSError as error:
            return Retry(f"the release cannot be written: {error.strerror or error}", NO_ROOM_S)
        return Done()

    def cancel(self) -> None:
        """End what is under way; the agent ends."""
        self.is_cancelled = True
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    @property
    def _at(self) -> Path:
        return self.folder / self.name

    def _make(self) -> None:
        shutil.rmtree(self._at, ignore_errors=True)
        free_bytes = shutil.disk_usage(self.folder).free
        if free_bytes < NEEDED_BYTES:
            needs = f"{NEEDED_BYTES >> 20} MiB of disk, and {free_bytes >> 20} are free"
            raise UnreachedError(f"the release needs {needs}", NO_ROOM_S)
        wheels = self._at / "wheels"
        wheels.mkdir(parents=True)
        self._run([sys.executable, "-m", "venv", *_of_system(), str(self._at)])
        wheel = self._fetched(wheels)
        self._pip(
            "install",
            "--no-compile",
            "--only-binary",
            ":all:",
            *self._index(),
            f"{PROJECT}[{EXTRA}] @ {wheel.as_uri()}",
            *_drivers(),
        )
        self._prove()
        self._pip("uninstall", "--yes", "pip", "setuptools")
        shutil.rmtree(wheels)
        os.sync()
        markers.complete(Disk(self.folder), self.name, self.release.version, self.release.revision, self.host)

    def _fetched(self, wheels: Path) -> Path:
        if self.release.wheel:
            _download(self.release.wheel, wheels)
        else:
            wanted = f"{PROJECT}=={self.release.version}"
            self._pip("download", "--no-deps", "--only-binary", ":all:", "--dest", str(wheels), *self._index(), wanted)
        wheel = next(wheels.glob("*.whl"))
        if not wheel.name.startswith(WHEEL.format(self.release.version)):
            raise RefusedError(f"{wheel.name} is no {PROJECT} {self.release.version}")
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if self.release.sha256 not in ("", found):
            raise RefusedError(f"{wheel.name} has the sha256 {found}, and {self.release.sha256} was ordered")
        return wheel

    def _index(self) -> list[str]:
        at = self.release.index
        if not at:
            return []
        trusted = ["--trusted-host", urlsplit(at).netloc] if at.startswith("http://") else []
        return ["--index-url", at, *trusted]

    def _environment(self) -> dict[str, str]:
        """Ours; where an index is named, no other is asked, whatever is set up on this node."""
        if not self.release.index:
            return dict(os.environ)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        return {**ours, "PIP_CONFIG_FILE": os.devnull}

    def _prove(self) -> None:
        """It starts, says its version, and knows how to keep its place."""
        said = self._run([str(self._at / "bin" / "bramble-agent"), "--version"])
        if said.split()[-1:] != [self.release.version]:
            raise RefusedError(f"asked for its version it says {said.strip()[-80:]!r}")
        self._run(
            [str(self._at / "bin" / "python"), "-P", "-c", "import agent.launcher.markers, agent.decide.releases"]
        )

    def _pip(self, verb: str, *words: str) -> None:
        options = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir", "--retries", "2"]
        self._run(
            [
                str(self._at / "bin" / "python"),
                "-m",
                "pip",
                verb,
                *(options if verb != "uninstall" else options[:3]),
                *words,
            ]
        )

    def _run(self, words: Sequence[str]) -> str:
        """Run a program that yields to all others, and return what it says."""
        if self.is_cancelled:
            raise UnreachedError("the agent ends")
        self.process = subprocess.Popen(
            [*_gently(), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            cwd=self.folder,
            env=self._environment(),
        )
        try:
            said, _ = self.process.communicate(timeout=WITHIN_S)
        except subprocess.TimeoutExpired:
            self.cancel()
            self.process.wait()
            raise UnreachedError(f"{Path(words[0]).name} was not done after {WITHIN_S:g} s") from None
        if self.process.returncode:
            raise _failure(said, self.process.returncode)
        return said


def _download(url: str, wheels: Path) -> None:
    """Fetch a wheel under its own name."""
    name = Path(unquote(urlsplit(url).path)).name
    if not name.endswith(".whl") or name.startswith("."):
        raise RefusedError(f"{url} names no wheel")
    try:
        with urlopen(url, timeout=NO_ROUTE_S) as answer, (wheels / name).open("wb") as file:  # noqa: S310 - its hash is checked
            left_bytes = WHEEL_BYTES_MOST
            while chunk := answer.read(CHUNK_BYTES):
                left_bytes -= len(chunk)
                if left_bytes < 0:
                    raise RefusedError(f"{url} is more than {WHEEL_BYTES_MOST >> 20} MiB")
                file.write(chunk)
    except HTTPError as error:
        raise (RefusedError if error.code < 500 else UnreachedError)(f"{url}: {error.code} {error.reason}") from error
    except (URLError, TimeoutError, ConnectionError) as error:
        raise UnreachedError(f"{url} cannot be reached: {getattr(error, 'reason', error)}") from error


def _failure(said: str, code: int) -> Exception:
    """What a program that failed means: its last sentence that says so."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.partition("ERROR:")[2].strip() for line in lines if line.startswith("ERROR:")]
    reason = (errors or lines or [f"ended with {code}"])[-1][:300]
    text = said.lower()
    if any(word in text for word in _NO_ROOM):
        return UnreachedError(reason, NO_ROOM_S)
    if any(word in text for word in _TRY_AGAIN):
        return UnreachedError(f"the index cannot be reached: {reason}")
    requires = next((line for line in errors if "requires a different python" in line.lower()), "")
    return RefusedError(requires or reason)


def _gently() -> list[str]:
    return ["nice", "-n", NICE] if shutil.which("nice") else []


def _of_system() -> list[str]:
    """Whether the new environment sees the system's packages, as ours does: Raspberry Pi OS has the pins' driver there."""
    try:
        said = (Path(sys.prefix) / "pyvenv.cfg").read_text().lower()
    except OSError:
        return []
    return ["--system-site-packages"] if "include-system-site-packages = true" in said else []


def _drivers() -> list[str]:
    """The pins' drivers that stand in our own environment, each as it is."""
    found = []
    for place in Path(sys.prefix).glob("lib/python3*/site-packages"):
        for driver in PIN_DRIVERS:
            found += [path.name.removesuffix(".dist-info") for path in place.glob(f"{driver}-*.dist-info")]
    return ["==".join(name.split("-", 1)) for name in found]
