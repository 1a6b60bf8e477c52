"""A host's own Docker Engine: dockerd and its containerd, started, asked, killed and restarted.

It shares nothing with another engine: data, sockets, process ids, configuration file, firewall and cgroups are the
host's own. Containers outlive it (live-restore), as on a Pi that upgrades Docker. It trusts the site's registry
without TLS. The docker command is used with a configuration directory of its own, so no credentials, contexts or
plugins of the person who runs the lab come in.

What may fail: no dockerd (`FileNotFoundError`), not answering in time (`TooLateError`), a refused command
(`CommandError`, with Docker's words).
"""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab import commands, traces
from lab.names import RunName
from lab.processes import Process, wait_ready, wait_until

_STOP_S = 15.0
_PARTS = frozenset({"dockerd", "containerd", "docker-proxy"})
# What `systemctl kill docker containerd` would hit: not the shims, which hold the containers.

RUNTIMES = {"crun": "/usr/bin/crun"}
# What an engine offers beside its own runc.

_START = 'rm -f /run/docker.pid /run/docker/containerd/containerd.pid && exec dockerd --config-file "$1"'
# A killed engine leaves these behind, and a dead containerd counts as running until its parent has taken note of it:
# dockerd would wait 15 s for it in vain.


@dataclass(frozen=True, slots=True)
class Container:
    """A container as `docker ps --all` tells it."""

    id: str
    name: str
    image: str
    state: str
    status: str
    labels: str

    @property
    def is_running(self) -> bool:
        return self.state == "running"


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an engine must be told by its host."""

    run: RunName
    host: str
    directory: Path
    subnet: str
    storage_driver: str
    runtimes: Mapping[str, str] = field(default_factory=lambda: dict(RUNTIMES))

    @property
    def socket_path(self) -> Path:
        return self.directory / "docker.sock"

    def document(self) -> dict[str, object]:
        """Return dockerd's configuration."""
        return {
            "hosts": [f"unix://{self.socket_path}"],
            "data-root": str(self.directory / "docker"),
            "exec-root": "/run/docker",  # the room's own /run: empty after a power cut, as on a real host
            "pidfile": "/run/docker.pid",
            "storage-driver": self.storage_driver,
            "cgroup-parent": self.run.cgroup(self.host),
            "exec-opts": ["native.cgroupdriver=cgroupfs"],  # systemd would put them where we do not sweep
            "live-restore": True,
            "insecure-registries": [self.subnet],
            "log-driver": "json-file",
            "log-opts": {"max-size": "1m", "max-file": "2"},
            "shutdown-timeout": 1,
            "runtimes": {name: {"path": path} for name, path in self.runtimes.items() if Path(path).exists()},
        }


class Engine:
    """The Docker Engine of one host; `spawn` starts a program in the host's room."""

    def __init__(self, settings: EngineSettings, spawn: Callable[[str, Sequence[str]], Process]) -> None:
        self._settings = settings
        self._spawn = spawn
        self._process: Process | None = None

    @property
    def socket_path(self) -> Path:
        return self._settings.socket_path

    @property
    def url(self) -> str:
        """What DOCKER_HOST would be."""
        return f"unix://{self.socket_path}"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running

    def log(self) -> str:
        return self._process.log() if self._process else ""

    def start(self) -> None:
        """Start and wait until it answers."""
        configuration = self._settings.directory / "daemon.json"
        configuration.write_text(json.dumps(self._settings.document(), indent=1))
        self._process = self._spawn("dockerd", ["sh", "-c", _START, "sh", str(configuration)])
        wait_ready(self._process, self.answers)

    def stop(self) -> None:
        """End it politely; its containers go on."""
        if self._process:
            self._process.terminate(_STOP_S)

    def kill(self) -> None:
        """End dockerd and containerd with SIGKILL; their containers go on."""
        if self._process is None:
            return
        for pid in self._parts():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        wait_until(lambda: not self._parts(), f"the engine of {self._settings.host} to die")

    def restart(self, runtimes: Mapping[str, str] | None = None) -> None:
        """Stop and start, from then on with these runtimes beside its own."""
        self.stop()
        if runtimes is not None:
            self._settings = replace(self._settings, runtimes=runtimes)
        self.start()

    def answers(self) -> bool:
        """Say whether the engine answers a ping on its socket."""
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(2.0)
            try:
                talk.connect(str(self.socket_path))
                talk.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b" 200 " in talk.recv(64)
            except OSError:
                return False

    def docker(self, *arguments: str, given: bytes = b"") -> str:
        """Run the docker command against this engine and return its output."""
        own = {"DOCKER_CONFIG": str(self._settings.directory / "docker-cli")}
        return commands.run(["docker", "--host", self.url, *arguments], given=given, extra=own)

    def containers(self) -> tuple[Container, ...]:
        """Return every container of this engine, running or not."""
        lines = self.docker("ps", "--all", "--no-trunc", "--format", "{{json .}}").splitlines()
        return tuple(_container(json.loads(line)) for line in lines)

    def _parts(self) -> list[int]:
        pids = traces.processes(self._settings.run, self._settings.host)
        return [pid for pid in pids if _program(pid) in _PARTS]


def _container(told: dict[str, str]) -> Container:
    return Container(told["ID"], told["Names"], told["Image"], told["State"], told["Status"], told["Labels"])


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
