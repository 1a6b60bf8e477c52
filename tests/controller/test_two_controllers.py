"""Two real controllers at a real Mosquitto: one is in charge, whoever else comes says why it goes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from controller.__main__ import NOT_IN_CHARGE
from lab.broker import Broker
from protocol.topics import ControllerPresenceTopic
from tests.controller.desk import FLEET

pytestmark = pytest.mark.broker

PATIENCE_S = 60.0


class Room:
    """A broker, and controllers that are started beside each other."""

    def __init__(self, folder: Path, broker: Broker, stack: ExitStack) -> None:
        self.folder, self.broker, self._stack = folder, broker, stack

    def start(self, name: str, *more: str) -> subprocess.Popen[bytes]:
        """Start a controller with a store of its own."""
        environment = os.environ | {
            "BRAMBLE_BROKER_HOST": self.broker.address,
            "BRAMBLE_BROKER_PORT": str(self.broker.port),
            "BRAMBLE_STATE_DIR": str(self.folder / name),
            "BRAMBLE_METRICS_PORT": "0",
            "BRAMBLE_IMAGE_LOOKUP_S": "0",
        }
        log = self._stack.enter_context((self.folder / f"{name}.log").open("ab"))
        process = subprocess.Popen([sys.executable, "-m", "controller", *more], env=environment, stderr=log)
        self._stack.callback(lambda: (process.kill(), process.wait()))
        return process

    def log(self, name: str) -> str:
        """What a controller wrote."""
        return (self.folder / f"{name}.log").read_text()

    def presence(self) -> dict[str, Any]:
        """What stands on the topic; empty while nothing does."""
        at = ["-h", self.broker.address, "-p", str(self.broker.port), "-W", "1", "-C", "1"]
        command = ["mosquitto_sub", *at, "-t", str(ControllerPresenceTopic(FLEET))]
        said = subprocess.run(command, capture_output=True, check=False).stdout
        found: dict[str, Any] = json.loads(said) if said else {}
        return found

    def until(self, is_so: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait until the topic says so."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not is_so(found := self.presence()):
            assert time.monotonic() < deadline_s, found
        return found


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """An empty room."""
    with Broker(tmp_path / "broker") as broker, ExitStack() as stack:
        yield Room(tmp_path, broker, stack)


def store_of(room: Room, name: str) -> str:
    """How a controller's store is named on the topic."""
    with sqlite3.connect(room.folder / name / "controller.db") as connection:
        (found,) = connection.execute("SELECT value FROM numbers WHERE key = 'store'").fetchone()
    return f"{json.loads(found)['value']:x}"


def test_one_that_is_started_by_mistake_refuses_and_disturbs_nobody(room: Room) -> None:
    """An empty store on somebody's laptop: it ends with a code of its own and a sentence, and the first was never driven off."""
    room.start("first")
    before = room.until(lambda said: said.get("state") == "online")
    second = room.start("second")
    assert second.wait(PATIENCE_S) == NOT_IN_CHARGE
    assert f"host {before['host']}, epoch 1, since {before['since']}" in room.log("second")
    assert "--take-over" in room.log("second")
    assert room.presence() == before
    assert "link_down" not in room.log("first")


def test_one_that_takes_over_ends_the_other(room: Room) -> None:
    """The old one learns of it, ends instead of fighting for the name, and does not return either."""
    first = room.start("first")
    room.until(lambda said: said.get("state") == "online")
    room.start("second", "--take-over")
    assert first.wait(PATIENCE_S) == NOT_IN_CHARGE
    found = room.until(lambda said: said.get("state") == "online" and said["store"] == store_of(room, "second"))
    assert found["epoch"] == 2
    assert room.start("first").wait(PATIENCE_S) == NOT_IN_CHARGE
    assert room.presence()["store"] == store_of(room, "second")


def test_a_restart_goes_on_under_its_epoch(room: Room) -> None:
    """The same store: no wait, no higher number, whether it ended well or was killed."""
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        process = room.start("first")
        assert room.until(lambda said: said.get("state") == "online")["epoch"] == 1
        process.send_signal(number)
        process.wait(PATIENCE_S)
        room.until(lambda said: said.get("state") == "offline")


def test_a_moved_store_goes_on_and_its_copy_does_not(room: Room) -> None:
    """While the original runs its copy is refused; when the original is gone the copy may be the controller."""
    first = room.start("first")
    room.until(lambda said: said.get("state") == "online")
    (room.folder / "moved").mkdir()
    with (
        sqlite3.connect(room.folder / "first" / "controller.db") as source,
        sqlite3.connect(room.folder / "moved" / "controller.db") as target,
    ):
        source.backup(target)
    assert room.start("moved").wait(PATIENCE_S) == NOT_IN_CHARGE
    first.terminate()
    first.wait(PATIENCE_S)
    before = room.until(lambda said: said.get("state") == "offline")
    room.start("moved")
    found = room.until(lambda said: said.get("state") == "online")
    assert (found["store"], found["epoch"]) == (before["store"], 1)
