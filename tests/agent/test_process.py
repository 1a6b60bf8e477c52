"""A process tells its supervisor and Prometheus how it is, and stops when it is told to."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.adapters.metrics import Metrics, Snapshot
from agent.decide.now import Now
from agent.process import Process
from agent.settings import Settings
from link.notify import Supervisor
from tests.fakes.agent import Rig


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.bind(str(tmp_path / "notify"))
        wire.setblocking(False)
        yield wire


def heard(ear: socket.socket) -> list[str]:
    words = []
    try:
        while True:
            words.append(ear.recv(1000).decode())
    except BlockingIOError:
        return words


class RigClocks:
    """Those of a rig."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def now(self) -> Now:
        return self._rig.now

    def mono_s(self) -> float:
        return self._rig.now_s


def turned(tmp_path: Path, turns: int, *, is_alive: bool = True) -> None:
    """Run a process for so many turns."""
    rig = Rig(tmp_path)
    process = Process(rig.loop, Settings("pi-1"), Supervisor(str(tmp_path / "notify"), 0.0), RigClocks(rig))
    left = [turns]

    def alive(_: float) -> bool:
        left[0] -= 1
        rig.now_s += 1.0
        if left[0] <= 0:
            process.stop()
        else:
            rig.loop.inbox.put("somebody moves")
        return is_alive

    process.run(alive)
    assert left == [0]


def test_ready_is_told_once_after_the_first_look(tmp_path: Path, ear: socket.socket) -> None:
    """Not in the first turn, which only asks for the look, and never again."""
    turned(tmp_path, 5)
    words = heard(ear)
    assert words.count("READY=1") == 1
    assert words.index("READY=1") > 0


def test_the_watchdog_hears_nothing_of_a_dead_link(tmp_path: Path, ear: socket.socket) -> None:
    """A network thread that hangs ends in a restart, not in silence."""
    turned(tmp_path, 3, is_alive=False)
    assert "WATCHDOG=1" not in heard(ear)


def test_the_watchdog_hears_of_each_turn(tmp_path: Path, ear: socket.socket) -> None:
    """A process that turns says so."""
    turned(tmp_path, 3)
    assert heard(ear).count("WATCHDOG=1") == 3


def test_prometheus_reads_the_newest_figures() -> None:
    """Counters carry their labels, and their names the conventions; of a function that is gone nothing is shown."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    metrics = Metrics("127.0.0.1", port)
    counted = {("steps", "pull", "done"): 3, ("refusals",): 2}
    for function in ("greet", "gone"):
        metrics.ran(function, 0.2)
    metrics.publish(Snapshot(counted, 7, {"too old": 5}, 1.5, {"bell": 12}, ("greet",)))
    page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    assert 'function="gone"' not in page
    for line in (
        'bramble_agent_steps_total{outcome="done",step="pull"} 3.0',
        "bramble_agent_refusals_total 2.0",
        "bramble_agent_outbox_rows 7.0",
        'bramble_agent_outbox_dropped_total{reason="too old"} 5.0',
        "bramble_agent_offline_seconds 1.5",
        'bramble_agent_edges_suppressed{sensor="bell"} 12.0',
        'bramble_agent_invocation_seconds_count{function="greet"} 1.0',
    ):
        assert line in page.splitlines()
