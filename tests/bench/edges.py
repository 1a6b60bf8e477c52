"""What a chattering pin does to a node: ten thousand edges a second for a minute, and a button beside it.

`python -m tests.bench edges`. A real agent on mock pins (`tests/bench/chatter.py`), a real Mosquitto. The chattering pin has a
debounce of 30 ms; the button is pressed twice a second. Compared are the button's way (from its edge until its event has arrived at
an MQTT client) in the storm and before it, the agent's memory after and before, and the edges that could be made with those that
were asked for. At the end every edge must be accounted for: it became an event, was suppressed by the filter, or was let go.
"""

from __future__ import annotations

import os
import re
import signal
import statistics
import time
from pathlib import Path
from typing import Any

from lab.broker import Broker
from lab.processes import Process
from lab.site import Site
from protocol.desired import Assignment, SensorSpec
from protocol.observed import Health, NodeStatus, SensorEvent
from tests.bench.cpu import used_ns
from tests.bench.desk import FLEET, Desk
from tests.bench.figure import Figure, Say
from tests.bench.node import NO_ENGINE, PACKAGES, PYTHON, state_dir

NODE = "bench"
CHATTERING, BUTTON = 17, 22
RATE, STORM_S = 10_000, float(os.environ.get("BENCH_STORM_S", "60"))
QUIET_S = 15.0
DEBOUNCE_S = 0.03
HEALTH_S = 1.0
RATE_AIM, WAY_AIM_MS, MEMORY_AIM = 0.98, 50.0, 1.2
# A button's event is to come within the time in which a lamp is to follow it.


def measure(say: Say) -> tuple[Figure, ...]:
    """Leave the node alone, let the pin chatter, and count."""
    with Site() as site:
        broker = site.start_broker()
        with Desk(broker) as desk:
            sensors = tuple(
                SensorSpec(name, "porch", "button", {"pin": pin, "debounce": DEBOUNCE_S, "hold": 0.0})
                for name, pin in (("chattering", CHATTERING), ("bell", BUTTON))
            )
            desk.assign(Assignment(NODE, 1, 1, sensors=sensors))
            agent = _start(site, broker)
            desk.wait_for(lambda _, message: _watches(message), f"the pins to be watched\n{agent.log()}")
            say(f"{QUIET_S:g} s without a storm")
            before = _Ears(desk).listen(QUIET_S)
            rss_before_mib, cpu_ns = _rss_mib(agent.pid), used_ns(agent.pid)
            say(f"{STORM_S:g} s of {RATE} edges/s")
            os.kill(agent.pid, signal.SIGUSR1)
            during = _Ears(desk).listen(STORM_S)
            cpu_s = (used_ns(agent.pid) - cpu_ns) / 1e9
            after = _Ears(desk).listen(3 * HEALTH_S)
            rss_after_mib = _rss_mib(agent.pid)
            edges, took_s = _made(agent)
    _account(edges, (before, during, after))
    rate, health = edges / took_s, after.healths[-1]
    say(f"{edges} edges, {health.edges_suppressed_total} suppressed, {health.readings_dropped_total} let go")
    return (
        Figure("edges made in a storm", "edges asked for", rate, RATE, "1/s", RATE_AIM, "higher"),
        Figure("button's event in a storm: 99 of 100", "limit", _slow_ms(during.ways_ms), WAY_AIM_MS, "ms", 1),
        Figure(
            "button's event in a storm: median", "without a storm",
            statistics.median(during.ways_ms), statistics.median(before.ways_ms), "ms",
        ),
        Figure("memory after a storm (RSS)", "before it", rss_after_mib, rss_before_mib, "MiB", MEMORY_AIM),
        Figure("processors in a storm, the pin's own thread too", "one", cpu_s / STORM_S, 1.0, ""),
        Figure("readings let go in a storm", "edges made", health.readings_dropped_total, edges, ""),
    )  # fmt: skip


class _Ears:
    """What arrives in one part of the bench."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.ways_ms: list[float] = []
        self.healths: list[Health] = []
        self.chattered = 0

    def listen(self, for_s: float) -> _Ears:
        """Take in what arrives for so long."""
        until_mono_s = time.monotonic() + for_s
        while (rest_s := until_mono_s - time.monotonic()) > 0:
            self._desk.listen(rest_s, self._hear)
        return self

    def _hear(self, message: Any) -> None:
        if isinstance(message, Health):
            self.healths.append(message)
        elif isinstance(message, SensorEvent):
            if message.sensor == "bell":
                self.ways_ms.append(time.monotonic() * 1e3 - message.monotonic_ns / 1e6)
            else:
                self.chattered += 1


def _start(site: Site, broker: Broker) -> Process:
    state = state_dir(site, NODE)
    state.mkdir()
    extra = {
        **PACKAGES,
        "BRAMBLE_NODE": NODE,
        "BRAMBLE_FLEET": FLEET,
        "BRAMBLE_BROKER_HOST": broker.address,
        "BRAMBLE_BROKER_PORT": str(broker.port),
        "BRAMBLE_STATE_DIR": str(state),
        "BRAMBLE_DOCKER_HOST": NO_ENGINE,
        "BRAMBLE_HEALTH_S": str(HEALTH_S),
        "GPIOZERO_PIN_FACTORY": "mock",
    }
    given = map(str, (CHATTERING, BUTTON, RATE, STORM_S))
    return site.spawn(NODE, [*PYTHON, "-m", "tests.bench.chatter", *given], extra)


def _watches(message: Any) -> bool:
    return isinstance(message, NodeStatus) and len([one for one in message.sensors if one.value]) == 2


def _made(agent: Process) -> tuple[int, float]:
    """What the storm says of itself."""
    found = re.search(r"(\d+) edges in ([\d.]+) s", agent.log())
    assert found, agent.log()
    return int(found[1]), float(found[2])


def _account(edges: int, parts: tuple[_Ears, ...]) -> None:
    """Every edge of the storm is somewhere. Those of the button are no one's loss, so they are all events."""
    chattered = sum(part.chattered for part in parts)
    health = parts[-1].healths[-1]
    counted = chattered + health.edges_suppressed_total + health.readings_dropped_total
    assert abs(counted - edges) <= 2, f"{edges} edges were made, {counted} are accounted for"


def _slow_ms(ways_ms: list[float]) -> float:
    return statistics.quantiles(ways_ms, n=100)[98]


def _rss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return next(float(line.split()[1]) for line in lines if line.startswith("Rss:")) / 1024
