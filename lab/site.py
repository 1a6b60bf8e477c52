"""One run of the lab: its name, directory and network, and the broker, registry, hosts and processes on them.

A context manager. However the run ends (done, exception, Ctrl-C, SIGTERM, SIGHUP), everything that carries its name
is removed; a second Ctrl-C does not interrupt the removal. After SIGKILL, `python -m lab.sweep` does it. Needs root.
"""

from __future__ import annotations

import atexit
import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from lab import traces
from lab.broker import TUNED, Broker
from lab.commands import succeeds
from lab.host import Ground, Host
from lab.names import MARK, RunName
from lab.network import Network, build
from lab.processes import Process, spawn
from lab.registry import Registry

Say = Callable[[str], None]
Handlers = Mapping[int, Callable[[int, FrameType | None], object] | int | None]

_ENDINGS = (signal.SIGTERM, signal.SIGHUP)
# SIGINT raises already; these would end us without cleaning up.
_REACH_S = 5.0
# The first connection asks for the card's address once; whoever drops packets silently is found out by then.


class UnreachableError(RuntimeError):
    """Hosts cannot reach this machine."""


def silent(_: str) -> None:
    """Tell nobody."""


class Site:
    """A network on this machine with a broker, a registry and hosts of its own."""

    network: Network

    def __init__(self, say: Say = silent) -> None:
        """Name a run; nothing is made before it is entered."""
        self.name = RunName(os.getpid(), secrets.token_hex(2))
        self.directory = Path(tempfile.gettempdir()) / str(self.name)
        self.hosts: dict[str, Host] = {}
        self._say = say
        self._replaced: Handlers = {}
        self._storage_driver = "vfs"

    def __enter__(self) -> Self:
        self.directory.mkdir(mode=0o755)  # fails when the name is taken: then nothing here is ours to remove
        self._catch_endings()
        atexit.register(self.close)
        try:
            self.network = build(self.name)
            self._storage_driver = _storage_driver(self.directory)
        except BaseException:
            self.close()
            raise
        self._say(f"network {self.network.subnet} laid")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def address(self) -> str:
        """The machine's own address on the site's network: broker, registry and controller bind there."""
        return self.network.address

    @property
    def environment(self) -> dict[str, str]:
        """What marks a process as this run's; give it to every process that is not started through the site."""
        return {MARK: str(self.name)}

    def start_broker(self, settings: Mapping[str, str] = TUNED) -> Broker:
        """Start the site's Mosquitto on the site's address."""
        broker = Broker(self.directory / "broker", self.address, settings=settings, extra=self.environment)
        broker.start()
        self._say(f"broker accepts at {broker.address}:{broker.port}")
        return broker

    def start_registry(self, port: int = 0) -> Registry:
        """Start the site's image registry on the site's address; port 0 takes a free one."""
        registry = Registry(self.directory / "registry", self.address, self.environment, port)
        registry.start()
        self._say(f"registry accepts at {registry.name}")
        return registry

    def start_hosts(self, *names: str, with_engine: bool = True) -> tuple[Host, ...]:
        """Switch new hosts on, all at once, and return them in the order of their names given."""
        ground = Ground(self.name, self.network, self.directory / "hosts", self._storage_driver)
        first = len(self.hosts)
        hosts = [Host(name, first + n, ground, with_engine=with_engine) for n, name in enumerate(names)]
        self.hosts |= {host.name: host for host in hosts}
        with ThreadPoolExecutor(len(hosts)) as pool:
            for host, started in [(host, pool.submit(host.start)) for host in hosts]:
                started.result()
                engine = f"a Docker Engine ({self._storage_driver})" if with_engine else "no engine"
                self._say(f"host {host.name} is on at {host.address} with {engine}")
        self._expect_reachable(hosts[0])
        return tuple(hosts)

    def spawn(self, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None) -> Process:
        """Start a program of the site beside the hosts (the controller), with a log in the site's directory."""
        marked = {**(extra or {}), **self.environment}
        return spawn(name, command, self.directory / f"{name}.log", extra=marked)

    def close(self) -> None:
        """Remove everything of this run; harmless when there is nothing (any more)."""
        ignored = _ignore_endings()
        try:
            traces.remove(self.name)
        finally:
            atexit.unregister(self.close)
            _restore(ignored)
            _restore(self._replaced)
            self._replaced = {}

    def _expect_reachable(self, host: Host) -> None:
        """Ask now, in words, what would otherwise show as a registry and a broker that never answer."""
        with socket.create_server((self.address, 0)) as door:
            door.settimeout(_REACH_S)
            knock = host.spawn("knock", ["busybox", "nc", self.address, str(door.getsockname()[1])])
            try:
                door.accept()[0].close()
            except TimeoutError:
                allow = "iptables -I INPUT -i bl+ -j ACCEPT"
                raise UnreachableError(f"a firewall of this machine keeps {host.name} out; allow it: {allow}") from None
            finally:
                knock.kill()

    def _catch_endings(self) -> None:
        if threading.current_thread() is threading.main_thread():
            found = {number: signal.getsignal(number) for number in _ENDINGS}
            self._replaced = {number: found[number] for number in found if found[number] is signal.SIG_DFL}
            for number in self._replaced:
                signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    """End as the signal would, but through every `with` on the way."""
    raise SystemExit(128 + number)


def _ignore_endings() -> Handlers:
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *_ENDINGS)}


def _restore(handlers: Handlers) -> None:
    for number, handler in handlers.items():
        if handler is not None:  # None: somebody set it outside Python, where we cannot put it back
            signal.signal(number, handler)


def _storage_driver(directory: Path) -> str:
    """Return overlay2 where the file system below carries it (not on another overlay), else the slow vfs."""
    for part in ("lower", "upper", "work", "merged"):
        (directory / "probe" / part).mkdir(parents=True)
    at = directory / "probe"
    layers = f"lowerdir={at}/lower,upperdir={at}/upper,workdir={at}/work"
    mounts = succeeds(["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", layers, f"{at}/merged"])
    return "overlay2" if mounts else "vfs"
