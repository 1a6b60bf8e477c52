"""A private Mosquitto: its own configuration, port, directory and store; killed and restarted at will.

Stands alone, without the rest of the lab: it needs no root and no network namespace, so contract tests use it too.
`TUNED` is what Bramble asks of its broker where there is no TLS; `STOCK` is Mosquitto as Debian ships it. Bound to
one address that the caller names, anonymous: never give it one that others can reach.

What may fail: Mosquitto is not installed (`FileNotFoundError`), or does not accept in time (`TooLateError`).
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.processes import Process, TooLateError, accepts, free_port, spawn, wait_ready, wait_until

STOCK: Mapping[str, str] = {}
TUNED: Mapping[str, str] = {
    "autosave_interval": "60",  # the default of 1,800 s loses half an hour of retained state to a power cut
    "max_queued_messages": "20000",  # the default of 1,000 drops the newest and still answers Success
    "max_queued_bytes": "33554432",
    "max_inflight_messages": "200",
    "max_packet_size": "16777216",  # a manifest that is too large is refused in words by the controller, not by a cut
    "max_keepalive": "120",
    "set_tcp_nodelay": "true",  # else Nagle and delayed acknowledgements cost 40 ms a message
}

_PORT_ATTEMPTS = 5
# Somebody may take a free port between our looking and Mosquitto's binding; five times in a row nobody does.


class Broker:
    """One Mosquitto at one address; a context manager that starts and ends it."""

    def __init__(
        self,
        directory: Path,
        address: str = "127.0.0.1",
        *,
        settings: Mapping[str, str] = TUNED,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare a broker that keeps its files in `directory`; `extra` is added to its environment."""
        self.directory = directory
        self.address = address
        self.port = 0
        self._settings = settings
        self._extra = extra
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the broker was never started")
        return self._process.pid

    def log(self) -> str:
        return self._process.log() if self._process else ""

    def start(self) -> None:
        """Start and wait until it accepts; the port stays the same from the first start on."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.port:
            self._start_at(self.port)
            return
        for attempt in range(_PORT_ATTEMPTS):
            port = free_port(self.address)
            try:
                self._start_at(port)
            except TooLateError:
                if attempt == _PORT_ATTEMPTS - 1:
                    raise
            else:
                self.port = port
                return

    def stop(self) -> None:
        """End it politely: it saves its retained messages and sessions."""
        if self._process:
            self._process.terminate()

    def kill(self) -> None:
        """End it with SIGKILL: whatever it did not save is gone."""
        if self._process:
            self._process.kill()

    def restart(self, *, lose_retained: bool = False) -> None:
        """Come back at the same port with what was saved last, or with nothing at all."""
        self.kill() if lose_retained else self.stop()
        if lose_retained:
            self._store.unlink(missing_ok=True)
        self.start()

    def save(self) -> None:
        """Have it write its store now, so that a following kill loses nothing."""
        before = self._store.stat().st_mtime_ns if self._store.exists() else 0
        self._signal_to_save()
        wait_until(lambda: self._store.exists() and self._store.stat().st_mtime_ns > before, "the broker to save")

    @property
    def _store(self) -> Path:
        return self.directory / "mosquitto.db"

    def _signal_to_save(self) -> None:
        if self._process:
            self._process.popen.send_signal(signal.SIGUSR1)

    def _start_at(self, port: int) -> None:
        configuration = self.directory / "mosquitto.conf"
        configuration.write_text(self._configuration(port))
        log_path = self.directory / "mosquitto.log"
        self._process = spawn("broker", ["mosquitto", "-c", str(configuration)], log_path, extra=self._extra)
        wait_ready(self._process, lambda: accepts(self.address, port))

    def _configuration(self, port: int) -> str:
        lines = {
            "per_listener_settings": "false",  # with true, 2.0.11 delivers no last will
            "listener": f"{port} {self.address}",
            "allow_anonymous": "true",
            "user": "root",  # started by root it would become `mosquitto`, who cannot write here; by others: ignored
            "persistence": "true",
            "persistence_location": f"{self.directory}/",
            "log_dest": "stderr",
            "log_timestamp_format": "%Y-%m-%dT%H:%M:%S",
            **self._settings,
        }
        return "".join(f"{key} {value}\n" for key, value in lines.items())
