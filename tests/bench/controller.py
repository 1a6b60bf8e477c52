"""One real controller of a bench, as it ships: with its store, its metrics and its link."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab.broker import Broker
from lab.processes import Process, free_port, spawn
from tests.bench.desk import FLEET

LOCALHOST = "127.0.0.1"


@contextmanager
def controller(broker: Broker, directory: Path, mark: Mapping[str, str] | None = None) -> Iterator[Process]:
    """Run a controller that remembers in this directory, and end it politely; `mark` is added to its environment."""
    directory.mkdir(exist_ok=True)
    extra = {
        "BRAMBLE_FLEET": FLEET,
        "BRAMBLE_BROKER_HOST": broker.address,
        "BRAMBLE_BROKER_PORT": str(broker.port),
        "BRAMBLE_STATE_DIR": str(directory),
        "BRAMBLE_METRICS_PORT": str(free_port(LOCALHOST)),
    }
    command = [sys.executable, "-m", "controller", "--settings", ""]
    process = spawn("controller", command, directory / "log", extra={**extra, **(mark or {})})
    try:
        yield process
    finally:
        process.terminate()
