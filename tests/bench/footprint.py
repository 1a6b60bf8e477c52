"""What an idle agent costs, in memory and processor time, against the least a Python program with paho costs.

`python -m tests.bench footprint`. One Mosquitto, one Docker Engine, and `EACH` processes of each kind, all at once: bare paho
(`tests/bench/bare.py`), the agent with three sensors on mock pins and no engine, the same with twenty, and the agent with three
sensors, an engine and a running container. They are started in turns (exec to first word), left alone for `IDLE_S`, then read from
/proc. Medians over the processes of a kind. RSS counts shared libraries in full in each process; USS is what ending the process
would give back.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.broker import Broker
from lab.host import Host
from lab.images import Image, archive
from lab.processes import Process
from lab.site import Site
from link.settings import KEEPALIVE_S
from protocol.container import Container
from protocol.desired import Assignment, SensorSpec, TaskSpec
from protocol.observed import NodeStatus, TaskState
from tests.bench.cpu import used_ns
from tests.bench.desk import Desk
from tests.bench.figure import Figure, Say
from tests.bench.node import NO_ENGINE, PACKAGES, PYTHON, start_agent

EACH = 3
SETTLE_S = 4.0
# What follows a start (the first health sample, a second look at the engine, SQLite's pages) is over by then.
IDLE_S = 20.0
# One full look at the engine and a keepalive fall into it.

BARE, SENSORS, TWENTY, DOCKER = "bare", "sensors", "twenty", "docker"
WORDS = {SENSORS: "agent, sensors only", TWENTY: "agent with 20 sensors", DOCKER: "agent with Docker"}
MEMORY_AIMS = {SENSORS: 1.5, DOCKER: 1.9}
IDLE_AIMS = {TWENTY: 3.0}
IMAGE = "bench/sleeper:1"
_SLEEPER = Image(
    "sleeper", "1", ("/bin/sleeper",), {"/bin/sleeper": "#!/bin/sh\ntrap 'exit 0' TERM\nsleep 3600 & wait\n"}
)
_PINS = {"doorbell": ("button", 17), "hall": ("motion", 22), "path": ("line", 23)}
_MANY_PINS = {f"button-{pin}": ("button", pin) for pin in range(4, 24)}


@dataclass(frozen=True, slots=True)
class Cost:
    """One process, idle."""

    rss_mib: float
    pss_mib: float
    uss_mib: float
    cpu_ms_min: float
    first_word_ms: float


def measure(say: Say) -> tuple[Figure, ...]:
    """Start them all, leave them alone, and read what they cost."""
    with Site() as site:
        broker = site.start_broker()
        (host,) = site.start_hosts("bench")
        host.docker("load", "--quiet", given=archive(_SLEEPER, IMAGE))
        with Desk(broker, "bare/+/up/#") as desk:
            say(f"starting {EACH} processes of each kind, in turns")
            started = [
                (kind, *_start(site, broker, host, desk, f"{kind}-{number}"))
                for number in range(EACH)
                for kind in (BARE, *WORDS)
            ]
            say(f"idle for {SETTLE_S + IDLE_S:g} s")
            desk.listen(SETTLE_S)
            before = [used_ns(process.pid) for _, process, _ in started]
            begun_mono_s = time.monotonic()
            desk.listen(IDLE_S)
            minutes = (time.monotonic() - begun_mono_s) / 60
            found: dict[str, list[Cost]] = {kind: [] for kind in (BARE, *WORDS)}
            for (kind, process, first_word_ms), then_ns in zip(started, before, strict=True):
                cpu_ms_min = (used_ns(process.pid) - then_ns) / 1e6 / minutes
                found[kind].append(Cost(*_memory_mib(process.pid), cpu_ms_min, first_word_ms))
    medians = {kind: _median(costs) for kind, costs in found.items()}
    return tuple(figure for kind in WORDS for figure in _figures(kind, medians))


def _figures(kind: str, medians: dict[str, Cost]) -> tuple[Figure, ...]:
    ours, peer, words = medians[kind], medians[BARE], WORDS[kind]
    aim, idle_aim = MEMORY_AIMS.get(kind), IDLE_AIMS.get(kind)
    return (
        Figure(f"{words}: memory (RSS)", "bare paho", ours.rss_mib, peer.rss_mib, "MiB", aim),
        Figure(f"{words}: memory (PSS)", "bare paho", ours.pss_mib, peer.pss_mib, "MiB"),
        Figure(f"{words}: memory (USS)", "bare paho", ours.uss_mib, peer.uss_mib, "MiB"),
        Figure(f"{words}: idle CPU", "bare paho", ours.cpu_ms_min, peer.cpu_ms_min, "ms/min", idle_aim),
        Figure(f"{words}: start to first word", "bare paho", ours.first_word_ms, peer.first_word_ms, "ms"),
    )


def _start(site: Site, broker: Broker, host: Host, desk: Desk, name: str) -> tuple[Process, float]:
    """Start a process, wait for its first word, give it its work; how long the word took, in milliseconds."""
    kind = name.partition("-")[0]
    if kind != BARE:
        desk.assign(_assignment(name, kind))
    begun_mono_s = time.monotonic()
    if kind == BARE:
        at = [broker.address, str(broker.port), name, str(KEEPALIVE_S)]
        process = site.spawn(name, [*PYTHON, str(Path(__file__).with_name("bare.py")), *at], PACKAGES)
    else:
        process = start_agent(site, broker, name, host.engine.url if kind == DOCKER else NO_ENGINE)
    said_mono_s = desk.wait_for(
        lambda packet, _: packet.topic.endswith(f"/{name}/up/presence"), f"the first word of {name}\n{process.log()}"
    )
    if kind != BARE:
        desk.wait_for(lambda _, message: _is_at_work(message, name, kind), f"{name} at work")
    return process, (said_mono_s - begun_mono_s) * 1000


def _is_at_work(message: Any, name: str, kind: str) -> bool:
    if not isinstance(message, NodeStatus) or message.node != name:
        return False
    runs = [task for task in message.tasks if task.state is TaskState.RUNNING]
    return len([one for one in message.sensors if one.value]) == len(_pins(kind)) and (bool(runs) or kind != DOCKER)


def _pins(kind: str) -> dict[str, tuple[str, int]]:
    return _MANY_PINS if kind == TWENTY else _PINS


def _assignment(node: str, kind: str) -> Assignment:
    sensors = tuple(
        SensorSpec(name, "porch", sort, {"pin": pin, "debounce": 0.03}) for name, (sort, pin) in _pins(kind).items()
    )
    task = TaskSpec(f"porch.sleeper.{node}", "porch", "sleeper", "revision1", Container(IMAGE))
    return Assignment(node, 1, 1, (task,) if kind == DOCKER else (), sensors)


def _memory_mib(pid: int) -> tuple[float, float, float]:
    """RSS, PSS and USS."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {line.partition(":")[0]: float(line.split()[1]) for line in lines}
    return kib["Rss"] / 1024, kib["Pss"] / 1024, (kib["Private_Clean"] + kib["Private_Dirty"]) / 1024


def _median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(cost, name) for cost in costs) for name in Cost.__dataclass_fields__))
