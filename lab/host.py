"""A host of the site: a machine with its own network address, /run, /etc, boot id and Docker Engine.

`start` and `power_cut` are a machine's: a power cut ends every process at once without a word to anybody, and leaves
the disk (`directory`), from which `start` comes back with a new boot id. `cut` and `mend` are its cable's. What runs
on a host is started through `run` and `spawn`. Its memory, cores and kernel are those of the machine below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import commands, room, traces
from lab.engine import Container, Engine, EngineSettings
from lab.names import MARK, RunName
from lab.network import Link, Network
from lab.processes import Process, spawn

_HERE = Path(__file__).resolve().parent.parent
# Programs on a host start where the project stands, as they do beside it.


@dataclass(frozen=True, slots=True)
class Ground:
    """What every host of a site stands on."""

    run: RunName
    network: Network
    directory: Path
    storage_driver: str


class Host:
    """One host; made by `Site.hosts`."""

    def __init__(self, name: str, number: int, ground: Ground, *, with_engine: bool = True) -> None:
        self.name = name
        self.directory = ground.directory / name
        self._ground = ground
        self._link: Link = ground.network.link(name, number)
        self._first: Process | None = None
        settings = EngineSettings(ground.run, name, self.directory, str(ground.network.subnet), ground.storage_driver)
        self.engine = Engine(settings, self.spawn)
        self.with_engine = with_engine

    @property
    def address(self) -> str:
        return self._link.address

    def start(self) -> None:
        """Switch the host on: cable, room, engine."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._link.lay()
        mark = {MARK: str(self._ground.run)}
        site = self._ground.network.address
        self._first = room.furnish(self.name, self._link.namespace, self.directory, site, mark)
        if self.with_engine:
            self.engine.start()

    def power_cut(self) -> None:
        """Switch the host off without a word: peers see silence, not closed connections."""
        self._link.tear()
        traces.kill(self._ground.run, self.name)
        self._link.clear()
        if self._first:
            self._first.wait()

    def run(self, *command: str, given: bytes = b"", extra: Mapping[str, str] | None = None) -> str:
        """Run a command on the host to its end and return its output."""
        return commands.run([*self._entry(), *command], given=given, extra=self._environment(extra))

    def spawn(self, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None) -> Process:
        """Start a program on the host, with a log in the host's directory; its pid is the program's own."""
        log_path = self.directory / f"{name}.log"
        label = f"{name} of {self.name}"
        return spawn(label, [*self._entry(), *command], log_path, extra=self._environment(extra))

    def cut(self) -> None:
        """Pull the cable: the host keeps address and routes, and reaches nobody."""
        self._link.cut()

    def mend(self) -> None:
        """Plug the cable in again."""
        self._link.mend()

    def shape(self, rate_kbit: int) -> None:
        """Slow the cable down in both directions; 0 makes it fast again."""
        self._link.shape(rate_kbit)

    def docker(self, *arguments: str, given: bytes = b"") -> str:
        """Run the docker command against the host's engine and return its output."""
        return self.engine.docker(*arguments, given=given)

    def containers(self) -> tuple[Container, ...]:
        """Return every container on the host, running or not."""
        return self.engine.containers()

    def moment(self) -> str:
        """Now, as the host's clock has it."""
        return self.run("date", "+%s.%N").strip()

    def exit_codes(self, label: str, since: str) -> list[str]:
        """The exit codes of all containers with a label that ended since a moment, also of those that are gone already."""
        wanted = ["--since", since, "--until", self.moment(), "--filter", "event=die", "--filter", f"label={label}"]
        return self.docker("events", *wanted, "--format", '{{index .Actor.Attributes "exitCode"}}').split()

    def _entry(self) -> list[str]:
        if self._first is None:
            raise RuntimeError(f"{self.name} is off")
        return room.entry(self._first, _HERE)

    def _environment(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        engine = {"DOCKER_HOST": self.engine.url} if self.with_engine else {}
        return {MARK: str(self._ground.run), **engine, **(extra or {})}
